"""What is served, in which state, why: kept here by the reconciler, read by everybody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from watcher.core.types import ModelId, ModelStatus, Refusal, State

Now = Callable[[], datetime]


def utcnow() -> datetime:
    return datetime.now(UTC)


Hear = Callable[[ModelStatus | None, ModelStatus], None]
"""Called with what a model's status was, if it had one, and what it is now."""


class StatusBoard:
    """The state of every model and the refused keys. Thread-safe."""

    def __init__(self, now: Now = utcnow) -> None:
        self._now, self._lock = now, threading.Lock()
        self.on_change: Hear = lambda *_: None
        self._models: dict[ModelId, ModelStatus] = {}
        self._refused: tuple[Refusal, ...] = ()

    def set(self, model: ModelId, state: State, *, version: str = "", reason: str = "", url: str = "") -> bool:
        """Note a model's state; true if it is news."""
        with self._lock:
            new = ModelStatus(model.namespace, model.name, version, state, reason, url, self._now())
            old = self._models.get(model)
            if old and replace(old, since=new.since) == new:
                return False
            self._models[model] = new
        self.on_change(old, new)
        return True

    def drop(self, model: ModelId) -> None:
        with self._lock:
            self._models.pop(model, None)

    def get(self, model: ModelId) -> ModelStatus | None:
        with self._lock:
            return self._models.get(model)

    def refuse(self, refusals: Iterable[Refusal]) -> frozenset[Refusal]:
        """Replace the refused keys; those that are new, to be logged once."""
        with self._lock:
            before, self._refused = frozenset(self._refused), tuple(refusals)
            return frozenset(self._refused) - before

    @property
    def refused(self) -> tuple[Refusal, ...]:
        with self._lock:
            return self._refused

    def models(self) -> list[ModelStatus]:
        with self._lock:
            return [self._models[model] for model in sorted(self._models)]
