from __future__ import annotations

from watcher.control.status_board import StatusBoard
from watcher.core.types import Refusal


def test_refuse_returns_a_refusal_only_the_first_time() -> None:
    board = StatusBoard()
    assert board.refuse([Refusal("k", "why")]) == {Refusal("k", "why")}
    assert board.refuse([Refusal("k", "why")]) == frozenset()
