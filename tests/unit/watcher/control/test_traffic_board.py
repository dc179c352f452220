from __future__ import annotations

from datetime import UTC, datetime

from watcher.control.traffic_board import POINTS, TrafficBoard
from watcher.core.traffic import Traffic
from watcher.core.types import ModelId

IRIS, WINE = ModelId("team", "iris"), ModelId("team", "wine")
DAY = datetime(2026, 1, 1, tzinfo=UTC)


def test_publish_replaces_the_figures_and_keeps_those_before() -> None:
    board = TrafficBoard(lambda: DAY)
    assert (board.get(IRIS), board.at, board.history()) == (Traffic(), None, {})
    board.publish({IRIS: Traffic(1.23456, 0.0123456, 0.0)})
    assert (board.get(IRIS), board.at, board.revision) == (Traffic(1.23, 0.0123, 0.0), DAY, 1)
    board.publish({IRIS: Traffic(2.0), WINE: Traffic()}, "slow")
    assert (board.get(IRIS), board.problem, board.revision) == (Traffic(2.0), "slow", 2)
    assert board.history()[IRIS] == {"rate": [1.23, 2.0], "p99": [0.0123, None], "errors": [0.0, None]}
    assert board.history()[WINE]["rate"] == [None]


def test_history_is_bounded_and_forgets_models_that_are_gone() -> None:
    board = TrafficBoard()
    for number in range(POINTS + 10):
        board.publish({IRIS: Traffic(float(number)), WINE: Traffic(0.0)})
    board.publish({IRIS: Traffic(999.0)})
    assert set(board.history()) == {IRIS}
    rates = board.history()[IRIS]["rate"]
    assert (len(rates), rates[0], rates[-1]) == (POINTS, 11.0, 999.0)
