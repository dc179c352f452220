"""How long a prediction takes: measured at load, corrected by every prediction since."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

MANY = 64
"""Rows of the second measurement at load: enough for the rows to outweigh the call itself."""

TRIES = 5
WEIGHT = 0.1
"""Of the newest observation: twenty predictions forget an old pace by nine tenths."""

JUMP = 4.0
"""No single observation counts as more than so many times the estimate: a pause of the machine is no pace."""

CAUTION = 1000
"""Predictions in the thread after that, ten times as many after each further time: it may have been the machine."""


class Cost:
    """`call` plus `row` times the rows, in seconds, times a pace that follows what is observed."""

    def __init__(self, call: float, row: float) -> None:
        self._call, self._row, self._pace = call, row, 1.0
        self._wary, self._caution = 0, CAUTION

    def seconds(self, rows: int) -> float:
        return (self._call + self._row * rows) * self._pace

    @property
    def in_cooldown(self) -> bool:
        """Whether the estimate is not to be relied on, because a prediction blocked the event loop for too long."""
        return self._wary > 0

    def start_cooldown(self) -> None:
        """Do not rely on the estimate for many predictions: one, even a failed one, blocked the event loop."""
        self._wary = self._caution
        self._caution *= 10

    def rows_in(self, seconds: float) -> int:
        """How many rows may be predicted on the event loop, being done within these seconds."""
        return 0 if self._wary else max(int((seconds / self._pace - self._call) / self._row), 0)

    def observe(self, rows: int, seconds: float) -> None:
        """Move the pace towards a prediction of `rows` that took `seconds`."""
        ratio = seconds / (self._call + self._row * rows)
        ratio = min(max(ratio, self._pace / JUMP), self._pace * JUMP)
        self._pace += WEIGHT * (ratio - self._pace)
        if self._wary:
            self._wary -= 1


def measured(call: Callable[[Any], Any], row: Any, many: Any) -> Cost:
    """Time `call` on one row and on `MANY`; median of a few, so that the first, cold one does not count."""
    one, all_ = typical(call, row), typical(call, many)
    slope = max(all_ - one, 0.0) / (MANY - 1)
    return Cost(max(one - slope, 1e-7), max(slope, 1e-9))


def typical(call: Callable[[Any], Any], argument: Any) -> float:
    """The median of a few calls, in seconds."""
    spent = []
    for _ in range(TRIES):
        started = time.perf_counter()
        call(argument)
        spent.append(time.perf_counter() - started)
        if spent[-1] > 0.1:  # noqa: PLR2004 - seconds; a slow model is known by one look, and waits to serve
            break
    return median(spent)


UNKNOWN = (1e-3, 1e-4)
"""Seconds of a call and of a row where nothing could be measured: not short, so it leaves the event loop at first."""
