"""The bodies of all requests are limited together, and given back."""

from __future__ import annotations

import pytest

from server.errors import Overloaded
from server.http.body_budget import SMALL, BodyBudget
from server.inference.observer import Observer

MB = 1 << 20


class Rejections(Observer):
    """Remembers the reasons."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def record_rejection(self, reason: str) -> None:
        self.reasons.append(reason)


def test_admit_beyond_the_budget_is_rejected_until_another_is_released() -> None:
    observer = Rejections()
    budget = BodyBudget(10 * MB, observer)
    budget.admit("a", 6 * MB)
    budget.admit("b", 4 * MB)
    with pytest.raises(Overloaded, match=r"take 10485760 of 10485760 bytes \(--body-memory\)"):
        budget.admit("c", MB)
    assert observer.reasons == ["bodies"]
    budget.release("a")
    budget.admit("c", MB)
    assert budget.total == 5 * MB


def test_admit_a_growing_body_counts_it_once_and_release_forgets_it_after_a_rejection() -> None:
    budget = BodyBudget(2 * MB, Observer())
    budget.admit("other", MB)
    for size in (SMALL + 1, MB // 2, MB):
        budget.admit("a", size)
    assert budget.total == 2 * MB
    with pytest.raises(Overloaded):
        budget.admit("a", MB + 1)
    budget.release("a")
    assert budget.total == MB


def test_admit_one_alone_takes_any_size_and_small_ones_are_not_counted() -> None:
    budget = BodyBudget(MB, Observer())
    budget.admit("a", 5 * MB)
    budget.admit("b", SMALL)
    budget.release("b")
    budget.release("a")
    assert budget.total == 0
