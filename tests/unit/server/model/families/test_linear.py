"""Linear models as data give the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import linear_model

from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import assert_equal_to, hostile_matrices

MODELS = {
    "logistic": (linear_model.LogisticRegression(max_iter=50), "three"),
    "logistic of two": (linear_model.LogisticRegression(max_iter=50), "two"),
    "logistic without intercept": (linear_model.LogisticRegression(max_iter=50, fit_intercept=False), "three"),
    "least squares": (linear_model.LinearRegression(), "number"),
    "least squares of two": (linear_model.LinearRegression(), "numbers"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_linear_model_gives_the_answers_of_scikit_learn(name: str) -> None:
    estimator: Any
    estimator, target = MODELS[name]
    assert_equal_to(estimator.fit(X, np.asarray(TARGETS[target])), list(hostile_matrices(X)))
