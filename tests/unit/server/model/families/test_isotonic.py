"""Isotonic regression as data gives the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import REMOVED, assert_equal_to, assert_unknown_with, hostile_matrices

ONE, NUMBERS = X[:, :1], TARGETS["number"]


@pytest.mark.parametrize("beyond", ["nan", "clip", "raise"])
@pytest.mark.parametrize("increasing", [True, False])
def test_part_of_an_isotonic_regression_gives_the_answers_of_scikit_learn(beyond: str, increasing: bool) -> None:
    model = IsotonicRegression(out_of_bounds=beyond, increasing=increasing).fit(ONE[:, 0], NUMBERS)
    assert_equal_to(model, [*hostile_matrices(ONE), ONE[:, 0], ONE[:3, 0], X, ONE[:4].astype(object)])


def test_part_of_an_isotonic_regression_of_one_threshold_gives_the_answers_of_scikit_learn() -> None:
    model = IsotonicRegression(out_of_bounds="clip").fit([2.0, 2.0], [1.0, 3.0])
    assert_equal_to(model, list(hostile_matrices(ONE)))


FITTED = IsotonicRegression().fit(ONE[:, 0], NUMBERS)


@pytest.mark.parametrize(
    "changes",
    [
        {"X_thresholds_": np.array([])},
        {"X_thresholds_": np.array([1.0])},
        {"X_thresholds_": FITTED.X_thresholds_[::-1]},
        {"X_thresholds_": FITTED.X_thresholds_ * np.nan},
        {"X_thresholds_": FITTED.X_thresholds_.astype(np.float32)},
        {"y_thresholds_": REMOVED},
        {"y_thresholds_": FITTED.y_thresholds_[:, None]},
        {"out_of_bounds": "wrap"},
        {"X_min_": None},
        {"another": 1},
    ],
)
def test_part_of_an_isotonic_regression_with_another_state_is_unknown(changes: Any) -> None:
    assert_unknown_with(FITTED, **changes)
