"""Linear models fitted by stochastic gradient descent give the answers of scikit-learn as data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import linear_model

from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import (
    assert_equal_on_sparse,
    assert_equal_to,
    assert_unknown_with_each,
    hostile_matrices,
    sparse_matrices,
)

MODELS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "hinge": (linear_model.SGDClassifier, {"max_iter": 20}, "three"),
    "log loss": (linear_model.SGDClassifier, {"loss": "log_loss", "max_iter": 20}, "three"),
    "log loss of two": (linear_model.SGDClassifier, {"loss": "log_loss", "max_iter": 20, "average": True}, "two"),
    "modified huber": (linear_model.SGDClassifier, {"loss": "modified_huber", "max_iter": 20}, "three"),
    "modified huber of two": (
        linear_model.SGDClassifier,
        {"loss": "modified_huber", "max_iter": 20, "early_stopping": True},
        "two",
    ),
    "perceptron": (linear_model.Perceptron, {"max_iter": 20}, "two"),
    "passive aggressive": (linear_model.PassiveAggressiveClassifier, {"max_iter": 20}, "three"),
    "passive aggressive regressor": (
        linear_model.PassiveAggressiveRegressor,
        {"max_iter": 20, "average": True},
        "number",
    ),
    "regressor": (linear_model.SGDRegressor, {"max_iter": 20}, "number"),
    "regressor without intercept": (linear_model.SGDRegressor, {"max_iter": 20, "fit_intercept": False}, "number"),
    "one class": (linear_model.SGDOneClassSVM, {"nu": 0.2, "max_iter": 20}, "number"),
}


def fit(name: str) -> Any:
    kind, parameters, target = MODELS[name]
    return kind(**parameters, random_state=0).fit(X, TARGETS[target])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_descent_model_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_to(fit(name), list(hostile_matrices(X)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["log loss", "modified huber", "log loss of two"])
def test_part_of_a_descent_classifier_sure_of_no_class_gives_the_answers_of_scikit_learn(name: str) -> None:
    model = fit(name)
    model.coef_[:] = -np.abs(model.coef_)
    assert_equal_to(model, [np.full((3, X.shape[1]), 1e6), np.array([[1e6] * 5, [0.0] * 5])])


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_descent_model_with_wrong_arrays_is_unknown() -> None:
    for name in ("log loss", "regressor"):
        assert_unknown_with_each(fit(name), coef_=lambda values: values[..., 1:], intercept_=np.float16)
    assert_unknown_with_each(fit("log loss"), loss="log", classes_=lambda classes: classes[1:])
    for name in ("regressor", "passive aggressive regressor"):
        assert_unknown_with_each(fit(name), coef_=lambda values: values[np.newaxis])
    assert_unknown_with_each(fit("one class"), coef_=lambda values: values[1:], offset_=lambda offset: offset[0])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["log loss", "regressor", "one class"])
def test_part_of_a_descent_model_gives_the_answers_of_scikit_learn_on_sparse_rows(name: str) -> None:
    assert_equal_on_sparse(fit(name), list(sparse_matrices(X)))
