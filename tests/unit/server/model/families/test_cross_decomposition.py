"""Partial least squares as data give the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cross_decomposition import CCA, PLSSVD, PLSCanonical, PLSRegression

from server.model.families.registry import part_of
from server.model.pickledata.records import as_record
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import assert_equal_to, assert_unknown_with_each, hostile_matrices

MODELS: dict[str, tuple[Any, str]] = {
    "regression": (PLSRegression(2), "numbers"),
    "regression of one": (PLSRegression(3), "number"),
    "regression not scaled": (PLSRegression(2, scale=False), "number"),
    "canonical": (PLSCanonical(1), "numbers"),
    "correlation": (CCA(1), "numbers"),
    "singular vectors": (PLSSVD(1), "numbers"),
}
TARGET = TARGETS["numbers"] + np.c_[X[:, 2], 3 * X[:, 4]]


def fitted(name: str) -> Any:
    model, target = MODELS[name]
    return model.fit(X, TARGET if target == "numbers" else TARGETS[target])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_partial_least_squares_gives_the_answers_of_scikit_learn(name: str) -> None:
    integers = pd.DataFrame({f"c{at}": column.astype(int) for at, column in enumerate(X[:20].T)})
    assert_equal_to(fitted(name), [*hostile_matrices(X), integers])


def test_coefficients_before_1_5_are_those_of_scaled_rows() -> None:
    model = fitted("regression")
    old = as_record(model)
    scaled = {"coef_": model.coef_ * model._x_std, "_sklearn_version": "1.4.2"}
    old.live, old.state = False, {**old.state, **scaled}
    np.testing.assert_allclose(part_of(old).methods["predict"](X), model.predict(X), rtol=1e-9)


def test_part_of_partial_least_squares_with_another_state_is_unknown() -> None:
    assert_unknown_with_each(
        fitted("regression"),
        _x_mean=lambda values: values[1:],
        _x_std=lambda values: values[1:],
        x_rotations_=lambda values: values[1:],
        coef_=lambda values: values[:, 1:],
        intercept_=lambda values: values[1:],
        _predict_1d="no",
        coefs=None,
    )
    assert_unknown_with_each(fitted("singular vectors"), x_weights_=lambda values: values[1:], x_rotations_=None)
