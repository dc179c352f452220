"""The health of the hint sources, for status and metrics."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from watcher.control.status_board import utcnow

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One hint source: whether it is live, and the hints it gave since the start."""

    name: str
    live: bool
    detail: str
    hints: int
    since: datetime


class SourceHealth:
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

    def all(self) -> list[SourceStatus]:
        with self._lock:
            return sorted(self._all.values(), key=lambda source: source.name)
