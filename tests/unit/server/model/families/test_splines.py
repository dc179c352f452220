"""Splines as data give the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import SplineTransformer

from tests.unit.server.fitted_models import X
from tests.unit.server.model.families.equality import (
    REMOVED,
    assert_equal_to,
    assert_row_independent,
    assert_unknown_with,
    hostile_matrices,
)

EXTRAPOLATIONS = ("error", "constant", "linear", "continue", "periodic")
INTEGERS = pd.DataFrame({f"c{at}": column.astype(int) for at, column in enumerate(X[:20].T)})


def fitted(**options: Any) -> Any:
    return SplineTransformer(**options).fit(X)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("degree", [0, 1, 3, 4])
@pytest.mark.parametrize("extrapolation", EXTRAPOLATIONS)
def test_part_of_splines_gives_the_answers_of_scikit_learn(extrapolation: str, degree: int) -> None:
    for knots, bias, order in (("uniform", True, "C"), ("quantile", False, "F")):
        options: Any = {"knots": knots, "include_bias": bias, "order": order}
        model = fitted(extrapolation=extrapolation, degree=degree, **options)
        assert_equal_to(model, [*hostile_matrices(X), X, INTEGERS])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("extrapolation", EXTRAPOLATIONS)
def test_part_of_splines_of_missing_values_gives_the_answers_of_scikit_learn(extrapolation: str) -> None:
    gaps = X.copy()
    gaps[::5, 1], gaps[3] = np.nan, np.nan
    model = SplineTransformer(extrapolation=extrapolation, handle_missing="zeros", knots="quantile").fit(gaps)
    assert_equal_to(model, [*hostile_matrices(X), gaps, gaps[3:4]])


def test_splines_compute_each_row_by_itself() -> None:
    for extrapolation in EXTRAPOLATIONS:
        assert_row_independent(fitted(extrapolation=extrapolation), X)


def changed(**values: Any) -> Any:
    """Return splines of which the first has other attributes."""
    model = fitted()
    for name, value in values.items():
        setattr(model.bsplines_[0], name, value)
    return model.bsplines_


@pytest.mark.parametrize(
    "changes",
    [
        {"sparse_output": True},
        {"degree": 2},
        {"degree": -1},
        {"extrapolation": "periodic"},
        {"extrapolation": "continue"},
        {"extrapolation": "other"},
        {"order": "K"},
        {"handle_missing": "other"},
        {"n_features_out_": 34},
        {"include_bias": False},
        {"bsplines_": changed()[1:]},
        {"bsplines_": changed(_t=np.zeros(10))},
        {"bsplines_": changed(_t=np.arange(11.0)[::-1])},
        {"bsplines_": changed(_t=np.full(11, np.nan))},
        {"bsplines_": changed(_c=2 * np.eye(7))},
        {"bsplines_": changed(_c=np.eye(7, dtype=np.float32))},
        {"bsplines_": changed(k=2)},
        {"bsplines_": changed(axis=1)},
        {"bsplines_": changed(extrapolate=True)},
        {"bsplines_": changed(_asarray=len)},
        {"bsplines_": changed(other=1)},
        {"bsplines_": REMOVED},
    ],
)
def test_part_of_splines_with_another_state_is_unknown(changes: Any) -> None:
    assert_unknown_with(fitted(), **changes)


def test_linear_splines_of_one_step_are_unknown() -> None:
    one_step = fitted(n_knots=2, degree=0, extrapolation="constant")
    assert_unknown_with(one_step, extrapolation="linear")
