"""What is served, in which state, why: kept here by the reconciler and the sources, read by everybody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tabulate import tabulate

from watcher.models import ModelId, Refusal, State

Now = Callable[[], datetime]

APPLIED = "applied"
"""The reason of a model whose objects were just written."""


def utcnow() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model as users see it. `since` is when `state`, `version` or `reason` last changed."""

    namespace: str
    model: str
    version: str
    state: State
    reason: str
    url: str
    since: datetime


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One hint source: whether it is live, and the hints it gave since the start."""

    name: str
    live: bool
    detail: str
    hints: int
    since: datetime


class Sources:
    """The health of the hint sources. Thread-safe."""

    def __init__(self, now: Now = utcnow) -> None:
        self._now, self._lock = now, threading.Lock()
        self._all: dict[str, SourceStatus] = {}

    def report(self, name: str, *, live: bool, detail: str = "") -> bool:
        """Note a source's health; true if that is news, so that the caller logs it once."""
        with self._lock:
            old = self._all.get(name)
            if old and (old.live, old.detail) == (live, detail):
                return False
            self._all[name] = SourceStatus(name, live, detail, old.hints if old else 0, self._now())
            return True

    def count(self, name: str, hints: int) -> None:
        with self._lock:
            self._all[name] = replace(self._all[name], hints=self._all[name].hints + hints)

    def is_live(self, name: str) -> bool:
        with self._lock:
            return name in self._all and self._all[name].live

    def all(self) -> list[SourceStatus]:
        with self._lock:
            return sorted(self._all.values(), key=lambda source: source.name)


Hear = Callable[[ModelStatus | None, ModelStatus], None]
"""Called with what a model's status was, if it had one, and what it is now."""


class Board:
    """The state of every model and the refused keys. Thread-safe."""

    def __init__(self, now: Now = utcnow) -> None:
        self._now, self._lock = now, threading.Lock()
        self.hear: Hear = lambda *_: None
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
        self.hear(old, new)
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


def snapshot(board: Board, sources: Sources) -> dict[str, Any]:
    """The body of `GET /status`."""
    return {
        "models": [_plain(item) for item in board.models()],
        "refused": [asdict(item) for item in board.refused],
        "sources": [_plain(item) for item in sources.all()],
    }


def table(status: Mapping[str, Any]) -> str:
    """The same as text, in the manner of kubectl."""
    parts = [
        _section(status["models"], ["namespace", "model", "version", "state", "since", "url", "reason"], "no models"),
        _section(status["refused"], ["key", "reason"], ""),
        _section(status["sources"], ["name", "live", "hints", "since", "detail"], ""),
    ]
    titles = ["MODELS", "REFUSED KEYS", "SOURCES"]
    return "\n\n".join(f"{title}\n{part}" for title, part in zip(titles, parts, strict=True) if part)


def _section(rows: list[Mapping[str, Any]], columns: list[str], empty: str) -> str:
    if not rows:
        return empty
    cells = [[row[column] for column in columns] for row in rows]
    return tabulate(cells, headers=[column.upper() for column in columns], tablefmt="plain", disable_numparse=True)


def _plain(item: ModelStatus | SourceStatus) -> dict[str, Any]:
    return {**asdict(item), "since": item.since.isoformat(timespec="seconds")}
