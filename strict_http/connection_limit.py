"""How many connections are open, and what becomes of the next one. Pure: it does not know sockets.

Beyond the limit a reserve takes connections for health checks and metrics; a liveness probe that were refused would
restart a healthy pod. Each of them has one answer, and the oldest is dropped for the next. A probe sends its request
with the connection, so it is answered before as many others as the reserve holds can displace it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from strict_http.limits import RESERVE

MIN_IDLE = 1.0
"""Seconds. A connection that has been idle for less may receive its next request at this moment."""

SCAN_INTERVAL = 0.1
"""Seconds between two searches for idle connections, which look at every one."""

SCAN_SHARE = 16
"""One of so many connections is closed by a search, at most: the ones that have been idle longest."""


class Limited(Protocol):
    """A connection."""

    def idle_since(self) -> float | None:
        """Return the time since which it waits for a request without a byte of it; None: it does not."""

    def close(self) -> None:
        """Close it in good order."""

    def drop(self) -> None:
        """Close it immediately."""


class ConnectionLimit:
    """The open connections: at most `most`, and RESERVE."""

    def __init__(self, most: int) -> None:
        self._most, self._next_scan = most, 0.0
        self._open: dict[Limited, None] = {}
        self._reserved: dict[Limited, None] = {}

    def add(self, connection: Limited, now: float) -> bool:
        """Count a new connection, and return whether it is one of the reserve."""
        if len(self._open) >= self._most and now >= self._next_scan:
            self._next_scan = now + SCAN_INTERVAL
            for idle in list(self._longest_idle(now)):
                self.remove(idle)
                idle.close()
        if len(self._open) < self._most:
            self._open[connection] = None
            return False
        if len(self._reserved) >= RESERVE:
            oldest = next(iter(self._reserved))
            self.remove(oldest)
            oldest.drop()
        self._reserved[connection] = None
        return True

    def remove(self, connection: Limited) -> None:
        """Forget a connection that is closed."""
        self._open.pop(connection, None)
        self._reserved.pop(connection, None)

    def _longest_idle(self, now: float) -> Iterator[Limited]:
        since = ((it.idle_since(), it) for it in self._open)
        idle = [(began, it) for began, it in since if began is not None and now - began >= MIN_IDLE]
        idle.sort(key=lambda found: found[0])
        return (it for _, it in idle[: max(1, self._most // SCAN_SHARE)])
