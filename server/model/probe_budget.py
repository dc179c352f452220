"""The time that all calls of a model at load may take together, and the calls that are measured against it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

MAX_PROBE_SECONDS = 10.0
"""Seconds. Models of usual speed need 0.01 to 1 s. The rest is for a busy machine: a model whose budget is spent serves
more slowly until the pod ends. A model that takes 1 s a row would need minutes for all of the probing."""


class ProbeBudgetSpentError(Exception):
    """The call was not made: it is expected to take longer than what is left of the budget."""


class ProbeBudget:
    """What is left of the time for probing one model."""

    def __init__(self, seconds: float | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.left = MAX_PROBE_SECONDS if seconds is None else seconds
        self._probed: dict[str, ProbedCall] = {}

    def probed(self, name: str, call: Callable[[Any], Any]) -> ProbedCall:
        """Return the method `name`, measured against this budget. Earlier measurements under the name are kept."""
        known = self._probed.get(name)
        self._probed[name] = probed = ProbedCall(call, self, known.seconds if known else {})
        return probed

    def first_seconds(self) -> float:
        """Return how long the first call of a method is expected to take: as the slowest method so far."""
        return max((min(probed.seconds.values()) for probed in self._probed.values() if probed.seconds), default=0.0)


class ProbedCall:
    """A method of the model. It is called as long as it is expected to end within the budget.

    A running call cannot be stopped, so the duration must be known before. It is estimated from shorter calls: the time
    of a call is at most proportional to its rows. So all probing takes at most the budget plus the
    overrun of one call.

    Raises:
        ProbeBudgetSpentError: the call is expected to take longer than what is left.

    """

    def __init__(self, call: Callable[[Any], Any], budget: ProbeBudget, seconds: dict[int, float]) -> None:
        self._call, self._budget = call, budget
        self.seconds = seconds
        """Seconds of the fastest call so far, by its number of rows. The first one may have imported something."""

    def __call__(self, X: Any) -> Any:
        rows = len(X)
        if self._expected_seconds(rows) > self._budget.left:
            raise ProbeBudgetSpentError
        started = self._budget.clock()
        try:
            return self._call(X)
        finally:
            spent = self._budget.clock() - started
            self._budget.left -= spent
            self.seconds[rows] = min(spent, self.seconds.get(rows, spent))

    def _expected_seconds(self, rows: int) -> float:
        if not self.seconds:
            return self._budget.first_seconds()
        more = [count for count in self.seconds if count >= rows]
        if more:
            return self.seconds[min(more)]
        most = max(self.seconds)
        return self.seconds[most] * rows / most
