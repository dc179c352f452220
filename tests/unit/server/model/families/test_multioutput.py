"""Estimators of several targets as data give the answers of scikit-learn."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from server.model.families.base import Unsuited
from server.model.families.registry import part_of
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import REMOVED, assert_equal_to, assert_unknown_with, hostile_matrices

FRAME = pd.DataFrame(X, columns=list("abcde"))
LABELS = np.c_[X[:, 0] > 0, X[:, 1] > 5, X[:, 2] > 0].astype(int)
TARGET = {
    **TARGETS,
    "names": np.c_[TARGETS["two"], TARGETS["three"]],
    "labels": LABELS,
    "codes": np.c_[LABELS[:, 0], LABELS[:, 0] + LABELS[:, 1] * 2],
}
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression())
RIDGE = make_pipeline(StandardScaler(), RidgeClassifier())
MODELS: dict[str, tuple[Any, str]] = {
    "numbers": (MultiOutputRegressor(LinearRegression()), "numbers"),
    "classes": (MultiOutputClassifier(LOGISTIC), "names"),
    "classes without probabilities": (MultiOutputClassifier(RIDGE), "names"),
    "chain of numbers": (RegressorChain(LinearRegression()), "numbers"),
    "chain in an order": (RegressorChain(Ridge(), order=[1, 0]), "numbers"),
    "chain of labels": (ClassifierChain(LOGISTIC, order="random", random_state=2), "labels"),
    "chain of labels in an order": (ClassifierChain(LOGISTIC, order=(2, 0, 1), cv=2), "labels"),
    "chain of probabilities": (ClassifierChain(LOGISTIC, cv=2, chain_method="predict_proba"), "labels"),
    "chain of scores": (ClassifierChain(RIDGE, cv=2, chain_method="decision_function"), "labels"),
    "chain without scores": (ClassifierChain(GaussianNB()), "labels"),
}


@cache
def fitted(name: str, *, framed: bool = False) -> Any:
    model, target = MODELS[name]
    return clone(model).fit(FRAME if framed else X, TARGET[target])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_several_targets_gives_the_answers_of_scikit_learn(name: str) -> None:
    model = fitted(name)
    assert_equal_to(model, [*hostile_matrices(X), X[:5].astype(object)])
    assert part_of(model).direct
    assert part_of(model).width == X.shape[1]
    assert_equal_to(fitted(name, framed=True), [FRAME[:1].copy(), FRAME])


def test_direct_chain_leaves_answers_that_are_not_finite_to_the_complete_method() -> None:
    part = part_of(fitted("chain of numbers"))
    huge = np.full((1, X.shape[1]), 1.7e308)
    with np.errstate(all="ignore"), pytest.raises(Unsuited):
        part.direct["predict"](huge * [1, 1, -1, 1, -1])
    assert_equal_to(fitted("chain of numbers"), [huge])


LINE, WIDE = LinearRegression().fit(X, X[:, 0]), LinearRegression().fit(np.c_[X, X[:, :1]], X[:, 0])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("numbers", {"estimators_": []}),
        ("numbers", {"estimators_": REMOVED}),
        ("numbers", {"estimators_": [LINE, WIDE]}),
        ("numbers", {"estimators_": [StandardScaler().fit(X)]}),
        ("numbers", {"another": 1}),
        ("classes", {"estimators_": [LINE]}),
        ("chain of numbers", {"estimators_": [LINE, LINE]}),
        ("chain of numbers", {"estimators_": [LINE]}),
        ("chain of numbers", {"estimators_": []}),
        ("chain of numbers", {"order_": REMOVED}),
        ("chain of numbers", {"order_": np.array([0, 0])}),
        ("chain of numbers", {"order_": [0, 2]}),
        ("chain of numbers", {"order_": [0.0, 1.0]}),
        ("chain of numbers", {"n_features_in_": REMOVED}),
        ("chain of labels", {"estimators_": [LINE]}),
        ("chain of labels", {"chain_method_": "transform"}),
    ],
)
def test_part_of_several_targets_with_another_state_is_unknown(name: str, changes: Any) -> None:
    assert_unknown_with(fitted(name), **changes)


def test_part_of_a_chain_of_more_than_two_classes_is_unknown_if_scikit_learn_has_methods_that_fail() -> None:
    model = ClassifierChain(LOGISTIC).fit(X, TARGET["codes"])
    assert_unknown_with(fitted("chain of labels"), estimators_=model.estimators_)
