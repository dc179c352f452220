"""The health of the hint sources, for status and metrics."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from watcher.control.status_board import Now, utcnow
from watcher.core.text import one_line

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One hint source: whether it is live, the reason if it is not, and how many hints it gave since the start.

    One that is not `wanted` is off by the operator's settings, and so is nobody's problem.
    `since` is the time of the last change of `live` or `detail`, and `last_hint` that of the last hint.
    """

    name: str
    live: bool
    detail: str
    hints: int
    since: datetime
    last_hint: datetime | None = None
    wanted: bool = True


class SourceHealth:
    """The health of every hint source. Thread-safe."""

    def __init__(self, now: Now = utcnow) -> None:
        self._now, self._lock = now, threading.Lock()
        self._all: dict[str, SourceStatus] = {}
        self._revision = 0

    @property
    def revision(self) -> int:
        """Return a number that differs whenever a source's health or number of hints has changed."""
        return self._revision

    def report(self, name: str, *, live: bool, detail: str = "", wanted: bool = True) -> bool:
        """Store a source's health. Return True if it differs from before, so that the caller logs it once."""
        detail = one_line(detail)
        with self._lock:
            old = self._all.get(name)
            if old and (old.live, old.detail) == (live, detail):
                return False
            hints, last_hint = (old.hints, old.last_hint) if old else (0, None)
            self._all[name] = SourceStatus(name, live, detail, hints, self._now(), last_hint, wanted)
            self._revision += 1
            return True

    def count(self, name: str, hints: int) -> None:
        """Add to the number of hints of a source that has been reported."""
        with self._lock:
            old = self._all[name]
            self._all[name] = replace(old, hints=old.hints + hints, last_hint=self._now())
            self._revision += 1

    def all(self) -> list[SourceStatus]:
        """Return the health of every source, in the order of their names."""
        with self._lock:
            return sorted(self._all.values(), key=lambda source: source.name)


def report_skew(sources: SourceHealth, skew: timedelta) -> None:
    """Show as the source `clock` how far this machine's clock is from the store's, and log it once."""
    minutes = round(abs(skew).total_seconds() / 60)
    way = "behind" if skew > timedelta() else "ahead of"
    detail = f"this machine's clock is {minutes} minutes {way} the store's, by which requests are signed: set it"
    if sources.report("clock", live=not minutes, detail=detail if minutes else "") and minutes:
        log.warning("the clock is wrong", reason=detail)
