"""The bodies of all requests are limited together, and given back."""

from __future__ import annotations

import tracemalloc

import orjson
import pytest

from server.errors import Overloaded
from server.http.body_budget import MAX_SMALL_BODY, MEMORY_PER_TEXT_BYTE, BodyBudget
from server.inference.observer import Observer

MB = 1 << 20
TEXT_MB = MB * MEMORY_PER_TEXT_BYTE


class Rejections(Observer):
    """Remembers the reasons."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def record_rejection(self, reason: str) -> None:
        self.reasons.append(reason)


def test_admit_beyond_the_budget_is_rejected_until_another_is_released() -> None:
    observer = Rejections()
    budget = BodyBudget(10 * TEXT_MB, observer)
    budget.admit("a", 6 * MB)
    budget.admit("b", 4 * MB)
    with pytest.raises(Overloaded, match=r"take 104857600 of 104857600 bytes of memory; this one .* 10485760 \("):
        budget.admit("c", MB)
    assert observer.reasons == ["bodies"]
    budget.release("a")
    budget.admit("c", MB)
    assert budget.total == 5 * TEXT_MB


def test_admit_a_growing_body_counts_it_once_and_release_forgets_it_after_a_rejection() -> None:
    budget = BodyBudget(2 * TEXT_MB, Observer())
    budget.admit("other", MB)
    for size in (MAX_SMALL_BODY + 1, MB // 2, MB):
        budget.admit("a", size)
    assert budget.total == 2 * TEXT_MB
    with pytest.raises(Overloaded):
        budget.admit("a", MB + 1)
    budget.release("a")
    assert budget.total == TEXT_MB


def test_admit_one_large_body_alone_takes_any_size_next_to_small_ones() -> None:
    budget = BodyBudget(TEXT_MB, Observer())
    budget.admit("small", MAX_SMALL_BODY)
    for size in (10, MAX_SMALL_BODY + 1, MB, 5 * MB):
        budget.admit("a", size)
    budget.admit("another small one", MAX_SMALL_BODY)
    with pytest.raises(Overloaded):
        budget.admit("b", MAX_SMALL_BODY + 1)
    assert budget.total == 5 * TEXT_MB + 2 * MAX_SMALL_BODY


def test_admit_what_has_arrived_leaves_the_memory_to_others() -> None:
    budget = BodyBudget(2 * TEXT_MB, Observer())
    for slow in range(1000):
        budget.admit(slow, 10)
    budget.admit("a", 2 * MB - 1000)
    assert budget.total == 2 * TEXT_MB


def test_admit_small_bodies_are_bounded_by_the_limit_themselves() -> None:
    budget = BodyBudget(10 * MAX_SMALL_BODY, observer := Rejections())
    for number in range(10):
        budget.admit(number, MAX_SMALL_BODY)
    with pytest.raises(Overloaded):
        budget.admit("one more", 1)
    assert observer.reasons == ["bodies"]
    budget.release(0)
    budget.admit("one more", 1)


def test_hold_counts_a_buffer_that_shrinks_and_says_when_it_does_not_fit() -> None:
    budget = BodyBudget(100, Observer())
    assert budget.hold("a", 60)
    assert not budget.hold("b", 41)
    assert budget.total == 60
    assert budget.hold("a", 50)
    assert budget.hold("b", 41)
    assert budget.hold("a", 0)
    budget.release("b")
    assert budget.total == 0


def test_admit_text_counts_as_its_parsed_form_and_binary_as_itself() -> None:
    budget = BodyBudget(100 * MB, Observer())
    budget.admit("text", MB)
    assert budget.total == TEXT_MB
    budget.admit("tensor", 9 * MB, 8 * MB)
    assert budget.total == 2 * TEXT_MB + 8 * MB


def test_memory_per_text_byte_is_what_rows_of_short_numbers_take() -> None:
    body = b'{"data": [' + b"[5.1,3.5,1.4,0.2]," * 50_000 + b"[1,2,3,4]]}"
    tracemalloc.start()
    document = orjson.loads(body)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(document["data"]) == 50_001
    assert 0.8 < taken / len(body) / MEMORY_PER_TEXT_BYTE < 1.2
