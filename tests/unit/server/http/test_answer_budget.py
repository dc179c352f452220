"""Answers that are not read are limited together, and given back."""

from __future__ import annotations

import pytest

from server.errors import Overloaded
from server.http.answer_budget import MAX_SMALL_ANSWER, AnswerBudget
from server.inference.observer import Observer

MB = 1 << 20


def test_admit_answers_beyond_the_limit_are_rejected_until_one_is_read() -> None:
    reasons: list[str] = []
    observer = Observer()
    observer.record_rejection = reasons.append  # type: ignore[method-assign]
    budget = AnswerBudget(10 * MB, observer)
    budget.admit("a", 6 * MB)
    budget.admit("b", 4 * MB)
    with pytest.raises(Overloaded, match=r"take 10485760 of 10485760 bytes .* this one would take 1048576 \("):
        budget.admit("c", MB)
    assert reasons == ["answers"]
    budget.admit("c", MAX_SMALL_ANSWER)
    budget.release("a")
    budget.admit("c", 6 * MB)
    assert budget.total == 10 * MB


def test_admit_one_alone_takes_any_size_and_the_next_of_its_connection_replaces_it() -> None:
    budget = AnswerBudget(MB, Observer())
    budget.admit("a", 50 * MB)
    budget.admit("a", 40 * MB)
    assert budget.total == 40 * MB
    budget.release("a")
    budget.release("a")
    assert budget.total == 0
