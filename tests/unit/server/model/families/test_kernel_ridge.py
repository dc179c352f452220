"""Kernel ridge regressions as data give the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.kernel_ridge import KernelRidge

from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import assert_equal_to, assert_unknown_with_each, hostile_matrices

MODELS: dict[str, Any] = {
    "linear": KernelRidge(),
    "poly": KernelRidge(kernel="poly", gamma=0.5),
    "polynomial": KernelRidge(kernel="polynomial", degree=2, coef0=2),
    "rbf": KernelRidge(kernel="rbf"),
    "rbf, gamma": KernelRidge(kernel="rbf", gamma=0.01),
    "sigmoid": KernelRidge(kernel="sigmoid", coef0=-0.5),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", ["number", "numbers"])
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_kernel_ridge_gives_the_answers_of_scikit_learn(name: str, target: str) -> None:
    integers = pd.DataFrame({f"c{at}": column.astype(int) for at, column in enumerate(X[:20].T)})
    for rows in (X, np.asfortranarray(X), X.astype(np.float32), np.round(X).astype(int)):
        assert_equal_to(MODELS[name].fit(rows, TARGETS[target]), [*hostile_matrices(X), integers])


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_power_that_is_not_whole_gives_the_answers_of_scikit_learn() -> None:
    model = KernelRidge(kernel="poly", degree=2.5, gamma=1e-6).fit(np.abs(X), TARGETS["number"])
    assert_equal_to(model, [*hostile_matrices(X), np.abs(X)])


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_kernel_ridge_with_another_state_is_unknown() -> None:
    assert_unknown_with_each(
        KernelRidge(kernel="poly").fit(X, TARGETS["number"]),
        X_fit_=lambda rows: rows[1:],
        dual_coef_=lambda values: values[:, np.newaxis, np.newaxis],
        kernel="laplacian",
        degree=np.float64(3),
        gamma="scale",
        n_features_in_=4,
        kernel_=None,
    )
    assert_unknown_with_each(KernelRidge().fit(X, TARGETS["number"]), X_fit_=lambda rows: rows * np.nan)
