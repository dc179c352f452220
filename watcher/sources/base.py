"""The protocol of a hint source, and what a source may do with the rest of the watcher.

A hint says that something may have changed at a key. It only makes the next check happen now: the listing decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from watcher.core.naming import STATUS_FILE

Hint = Callable[[str], None]
"""Called with a key of the bucket; an empty key means that anything may have changed."""


class Source(Protocol):
    """Something that gives hints: the webhook, the listen stream, the folder watch.

    The poll is not one of these objects: it is the timer of the control loop, which alone knows whether a survey
    succeeded, and reports that as the health of "poll" (ADR 14). It is the fallback for every source, so a source may
    fail without loss. `start` and `stop` never raise.
    """

    @property
    def name(self) -> str:
        """The name in the status and in the label `source` of the metrics."""
        ...

    def start(self) -> None:
        """Begin to give hints and to report health. Return at once."""
        ...

    def stop(self) -> None:
        """Give no more hints, and end what waits on a network or a disk. Return at once. Safe to repeat."""
        ...


class Health(Protocol):
    """Records whether a source is live and how many hints it gave. Thread-safe."""

    def report(self, name: str, *, live: bool, detail: str = "", wanted: bool = True) -> bool:
        """Record the health of a source. Return True if it changed, so that the caller logs it once."""
        ...

    def count(self, name: str, hints: int) -> None:
        """Add to the number of hints of a source that has reported its health before."""
        ...


@dataclass(slots=True)
class Reporter:
    """Passes the hints of one source to the watcher, counts them, and reports the source's health."""

    name: str
    on_hint: Hint
    health: Health
    on_deleted: Hint = lambda _: None
    """Called with a key that the store has named as deleted, before the hint."""
    live: bool = False

    def hint(self, key: str = "", *, deleted: bool = False) -> None:
        """Pass one hint on and count it. Without a key, anything may have changed.

        A key that the watcher itself writes is left out: nothing follows from it.
        """
        if key.endswith(f"/{STATUS_FILE}"):
            return
        if deleted:
            self.on_deleted(key)
        self.on_hint(key)
        self.health.count(self.name, 1)

    def up(self, detail: str = "") -> bool:
        """Report the source as live. Return True if that is a change."""
        self.live = True
        return self.health.report(self.name, live=True, detail=detail)

    def down(self, reason: str) -> bool:
        """Report the source as not live, and why. Return True if that is a change."""
        self.live = False
        return self.health.report(self.name, live=False, detail=reason)

    def off(self, remedy: str) -> bool:
        """Report that nobody has asked for the source, and how to. Return True if that is a change."""
        self.live = False
        return self.health.report(self.name, live=False, detail=f"off: {remedy}", wanted=False)
