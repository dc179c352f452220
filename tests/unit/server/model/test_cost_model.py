"""The estimate follows the observations, and a blocked event loop suspends it."""

from __future__ import annotations

import pytest

from server.model.cost_model import Cost


def test_observe_follows_many_observations_but_not_a_single_outlier() -> None:
    cost = Cost(0.001, 0.0001)
    assert cost.seconds(10) == pytest.approx(0.002)
    cost.observe(10, 2.0)
    assert cost.seconds(10) < 0.003
    for _ in range(60):
        cost.observe(10, 0.02)
    assert cost.seconds(10) == pytest.approx(0.02, rel=0.1)
    assert cost.max_rows(cost.seconds(7) * 1.001) == 7


def test_start_cooldown_lasts_a_thousand_predictions_and_then_ten_times_as_many() -> None:
    cost = Cost(1e-5, 1e-7)
    assert not cost.in_cooldown
    for many in (1000, 10000):
        cost.start_cooldown()
        for _ in range(many):
            assert cost.in_cooldown
            assert cost.max_rows(1.0) == 0
            cost.observe(1, 1e-5)
        assert not cost.in_cooldown
        assert cost.max_rows(1.0) > 0
