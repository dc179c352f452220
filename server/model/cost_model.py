"""The duration of a prediction: measured at load, and corrected by every prediction since."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

PROBE_ROWS = 64
"""Rows of the second measurement at load: enough for the rows to outweigh the call itself."""

MAX_REPEATS = 3
SLOW_CALL = 0.1
"""Seconds. A call that takes longer is measured once: the start waits for it."""

EWMA_WEIGHT = 0.1
"""Weight of the newest observation: after 20 predictions an old estimate counts 12 %."""

OUTLIER_CLAMP = 4.0
"""An observation counts as at most this many times the estimate: one scheduling stall must not distort it."""

FIRST_COOLDOWN = 1000
"""Number of predictions in the first cooldown, which begins when a prediction blocks the event loop: all of them run in
the thread. Each later cooldown is ten times as long as the one before. The first is short because the machine may have
caused the delay."""

MIN_CALL, MIN_ROW = 1e-7, 1e-9
"""Seconds. Below the resolution of the clock; a Cost divides by them."""

UNMEASURED = {1: 0.01}
"""Seconds of a call for one row where nothing was measured: too long for the event loop, until it is observed."""


class Cost:
    """The expected seconds of a call: (`call` + `row` × rows) × a scale that follows the observations."""

    def __init__(self, call: float, row: float) -> None:
        self._call, self._row, self._ewma_scale = call, row, 1.0
        self._cooldown_left, self._cooldown = 0, FIRST_COOLDOWN

    def seconds(self, rows: int) -> float:
        """Return how long a prediction for this many rows is expected to take."""
        return (self._call + self._row * rows) * self._ewma_scale

    @property
    def in_cooldown(self) -> bool:
        """Whether the estimate is not to be relied on, because a prediction blocked the event loop for too long."""
        return self._cooldown_left > 0

    def start_cooldown(self) -> None:
        """Do not rely on the estimate for many predictions: one, even a failed one, blocked the event loop."""
        self._cooldown_left = self._cooldown
        self._cooldown *= 10

    def max_rows(self, seconds: float) -> int:
        """Return how many rows are expected to take at most `seconds` on the event loop; 0 in a cooldown."""
        if self._cooldown_left:
            return 0
        return max(int((seconds / self._ewma_scale - self._call) / self._row), 0)

    def observe(self, rows: int, seconds: float) -> None:
        """Move the estimate towards a prediction of `rows` that took `seconds`."""
        scale, ratio = self._ewma_scale, seconds / (self._call + self._row * rows)
        # Not min() and max(): together they take as long as all else here, at each request.
        if ratio > scale * OUTLIER_CLAMP:
            ratio = scale * OUTLIER_CLAMP
        elif ratio < scale / OUTLIER_CLAMP:
            ratio = scale / OUTLIER_CLAMP
        self._ewma_scale = scale + EWMA_WEIGHT * (ratio - scale)
        if self._cooldown_left:
            self._cooldown_left -= 1


def cost_of(seconds: Mapping[int, float]) -> Cost:
    """Return the Cost of calls that take these seconds, by their number of rows.

    With a single number of rows, all of the time is attributed to the rows, so that more rows are expected to take
    longer.
    """
    least, most = min(seconds), max(seconds)
    if least == most:
        return Cost(MIN_CALL, seconds[most] / most)
    slope = max(seconds[most] - seconds[least], 0.0) / (most - least)
    return Cost(max(seconds[least] - slope * least, MIN_CALL), max(slope, MIN_ROW))


def measure_cost(call: Callable[[Any], Any], rows: Any) -> Cost:
    """Time `call` on one of the rows and on all of them."""
    return cost_of({len(X): median_seconds(call, X) for X in (rows[:1], rows)})


def median_seconds(call: Callable[[Any], Any], X: Any) -> float:
    """Return the median of a few calls, so that the first one, with cold caches, does not count."""
    spent = []
    for _ in range(MAX_REPEATS):
        started = time.perf_counter()
        call(X)
        spent.append(time.perf_counter() - started)
        if spent[-1] > SLOW_CALL:
            break
    return median(spent)
