from __future__ import annotations

from typing import Any

from watcher.control.status_board import SHOWN_REFUSALS, StatusBoard
from watcher.core.types import ModelId, Refusal, State

IRIS = ModelId("team", "iris")


def test_set_calls_on_change_with_the_old_and_the_new_status_and_not_for_the_same_again() -> None:
    board, calls = StatusBoard(), list[Any]()
    board.on_change = lambda old, new: calls.append((old and old.state, new.state))
    assert board.set(IRIS, State.APPLIED)
    assert board.set(IRIS, State.READY)
    assert not board.set(IRIS, State.READY)
    assert calls == [(None, State.APPLIED), (State.APPLIED, State.READY)]


def test_set_stores_a_reason_of_others_as_one_printable_line() -> None:
    board = StatusBoard()
    board.set(IRIS, State.FAILED, reason="line one\nline two \x1b[31m" + "x" * 10_000_000)
    (status,) = board.models()
    assert status.reason.startswith("line one line two [31mxxx")
    assert len(status.reason.encode()) <= 4096


def test_refuse_stores_keys_of_others_as_one_printable_line() -> None:
    board = StatusBoard()
    board.refuse([Refusal("team/\x1b[2Jm/v1/model.joblib", "wrong\nname")])
    assert board.refused == (Refusal("team/ [2Jm/v1/model.joblib", "wrong name"),)


def test_refuse_of_very_many_keys_keeps_the_first_and_the_number_of_the_others() -> None:
    board = StatusBoard()
    board.refuse(Refusal(f"k{number:05}", "why") for number in range(50_000))
    assert len(board.refused) == SHOWN_REFUSALS + 1
    assert board.refused[-1] == Refusal("…", "and 49000 other keys")
    board.refuse([Refusal("k", "why")] * SHOWN_REFUSALS)
    assert board.refused == (Refusal("k", "why"),) * SHOWN_REFUSALS


def test_models_returns_them_in_the_order_of_their_names() -> None:
    board = StatusBoard()
    for name in "cab":
        board.set(ModelId("team", name), State.READY)
    assert [status.model for status in board.models()] == ["a", "b", "c"]


def test_refuse_returns_a_refusal_only_the_first_time() -> None:
    board = StatusBoard()
    assert board.refuse([Refusal("k", "why")]) == {Refusal("k", "why")}
    assert board.refuse([Refusal("k", "why")]) == frozenset()
