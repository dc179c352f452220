"""The state of every model, written by the reconciler and read by everything that shows it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from watcher.core.text import one_line
from watcher.core.types import ModelId, ModelStatus, Refusal, State

SHOWN_REFUSALS = 1000
"""Refused keys that are shown. More than that nobody reads, and `/status` would grow to gigabytes."""

Now = Callable[[], datetime]


def utcnow() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


OnChange = Callable[[ModelStatus | None, ModelStatus], None]
"""Called with a model's previous status, if it had one, and its new one."""


class StatusBoard:
    """The state of every model and the refused keys. Thread-safe.

    Reasons and keys may contain text of uploaders: they are stored as one printable, bounded line.
    """

    def __init__(self, now: Now = utcnow) -> None:
        self._now, self._lock = now, threading.Lock()
        self.on_change: OnChange = lambda *_: None
        self._models: dict[ModelId, ModelStatus] = {}
        self._refused: tuple[Refusal, ...] = ()

    def set(self, model: ModelId, state: State, *, version: str = "", reason: str = "", url: str = "") -> bool:
        """Store a model's status. Return True if it differs from the one before."""
        with self._lock:
            new = ModelStatus(model.namespace, model.name, version, state, one_line(reason), url, self._now())
            old = self._models.get(model)
            if old and replace(old, since=new.since) == new:
                return False
            self._models[model] = new
        self.on_change(old, new)
        return True

    def drop(self, model: ModelId) -> None:
        """Forget a model."""
        with self._lock:
            self._models.pop(model, None)

    def get(self, model: ModelId) -> ModelStatus | None:
        """Return a model's status, or None."""
        with self._lock:
            return self._models.get(model)

    def refuse(self, refusals: Iterable[Refusal]) -> frozenset[Refusal]:
        """Replace the refused keys. Return those that were not refused before, for the log.

        Of many only the first are kept: anyone who may upload may make as many as the bucket holds.
        """
        every = list(refusals)
        cleaned = tuple(Refusal(one_line(item.key), one_line(item.reason)) for item in every[:SHOWN_REFUSALS])
        if (others := len(every) - SHOWN_REFUSALS) > 0:
            cleaned += (Refusal("…", f"and {others} other keys"),)
        with self._lock:
            before, self._refused = frozenset(self._refused), cleaned
        return frozenset(cleaned) - before

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """Return the refused keys of the last survey."""
        with self._lock:
            return self._refused

    def models(self) -> list[ModelStatus]:
        """Return the status of every model, in the order of their names."""
        with self._lock:
            return [self._models[model] for model in sorted(self._models)]
