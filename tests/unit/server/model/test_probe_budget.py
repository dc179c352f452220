"""Calls are made as long as they are expected to end within the budget."""

from __future__ import annotations

from typing import Any

import pytest

from server.model.probe_budget import ProbeBudget, ProbeBudgetSpentError


class Timeline:
    """A clock, and a call that takes the next of the given times."""

    def __init__(self, *seconds: float) -> None:
        self.now, self.seconds = 0.0, list(seconds)

    def __call__(self) -> float:
        return self.now

    def call(self, X: Any) -> Any:
        self.now += self.seconds.pop(0)
        return X


def test_probed_call_that_would_exceed_the_budget_is_not_made() -> None:
    timeline = Timeline(1.0, 4.0)
    call = ProbeBudget(10.0, timeline).probed("predict", timeline.call)
    call([0])
    call([0] * 4)
    with pytest.raises(ProbeBudgetSpentError):
        call([0] * 8)
    assert timeline.now == 5.0


def test_probed_call_is_expected_to_take_as_long_as_the_fastest_so_far() -> None:
    timeline = Timeline(4.0, 0.1, 0.4)
    call = ProbeBudget(10.0, timeline).probed("predict", timeline.call)
    call([0])
    call([0])
    call([0] * 4)
    assert call.seconds == {1: pytest.approx(0.1), 4: pytest.approx(0.4)}


def test_probed_first_call_is_expected_to_take_as_long_as_another_methods() -> None:
    timeline = Timeline(6.0, 6.0)
    budget = ProbeBudget(10.0, timeline)
    budget.probed("predict", timeline.call)([0])
    with pytest.raises(ProbeBudgetSpentError):
        budget.probed("transform", timeline.call)([0])


def test_probed_same_name_keeps_what_was_measured() -> None:
    timeline = Timeline(6.0)
    budget = ProbeBudget(10.0, timeline)
    budget.probed("predict", timeline.call)([0])
    with pytest.raises(ProbeBudgetSpentError):
        budget.probed("predict", len)([0])


def test_probed_call_that_raises_is_counted() -> None:
    def fail(_: Any) -> None:
        timeline.call(None)
        raise ValueError("refused")

    timeline = Timeline(6.0)
    budget = ProbeBudget(10.0, timeline)
    with pytest.raises(ValueError, match="refused"):
        budget.probed("predict", fail)([0])
    assert budget.left == 4.0
