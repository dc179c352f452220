"""How long a transfer may take: a fixed time, and longer only while it is fast enough. Pure."""

from __future__ import annotations


class Pace:
    """A deadline that bytes move.

    A transfer has `seconds`. Each byte that moves gives back the time that it may take at `least_rate` (bytes a
    second), up to `seconds` from now. So a large body on a slow line arrives, one that stalls or drips does not.
    """

    __slots__ = ("_least_rate", "_seconds", "deadline")

    def __init__(self, now: float, seconds: float, least_rate: float) -> None:
        self._seconds, self._least_rate = seconds, least_rate
        self.deadline = now + seconds

    def record(self, now: float, count: int) -> None:
        """Count bytes that moved."""
        self.deadline = min(now + self._seconds, self.deadline + count / self._least_rate)

    def is_over(self, now: float) -> bool:
        """Return whether the transfer is too slow."""
        return now > self.deadline
