"""Stacked estimators as data give the answers of scikit-learn."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from server.model.families.registry import part_of
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import (
    REMOVED,
    assert_equal_to,
    assert_row_independent,
    assert_unknown_with,
    hostile_matrices,
)

CLASSIFIERS = [
    ("a", make_pipeline(StandardScaler(), LogisticRegression())),
    ("b", make_pipeline(StandardScaler(), RidgeClassifier())),
]
LINES = [("a", LinearRegression()), ("d", "drop"), ("b", make_pipeline(StandardScaler(), Ridge(100)))]
FINAL = make_pipeline(StandardScaler(), LogisticRegression())
FRAME = pd.DataFrame(X, columns=list("abcde"))
MODELS: dict[str, tuple[Any, str]] = {
    "classifiers": (StackingClassifier(CLASSIFIERS, cv=2), "three"),
    "classifiers of two": (StackingClassifier(CLASSIFIERS, cv=2), "two"),
    "without probabilities": (StackingClassifier(CLASSIFIERS, RidgeClassifier(), cv=2), "three"),
    "of predictions": (StackingClassifier(CLASSIFIERS, cv=2, stack_method="predict"), "three"),
    "with the input": (StackingClassifier(CLASSIFIERS, FINAL, cv=2, passthrough=True), "three"),
    "numbers": (StackingRegressor(LINES, LinearRegression(), cv=2), "number"),
    "numbers with the input": (StackingRegressor(LINES, LinearRegression(), cv=2, passthrough=True), "number"),
}


@cache
def fitted(name: str, *, framed: bool = False) -> Any:
    rows = FRAME if framed else X
    model, target = MODELS[name]
    return clone(model).fit(rows, TARGETS[target])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_stack_gives_the_answers_of_scikit_learn(name: str) -> None:
    model = fitted(name)
    assert_equal_to(model, list(hostile_matrices(X)))
    assert part_of(model).direct
    assert_equal_to(fitted(name, framed=True), [FRAME[:1].copy(), FRAME])


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_stack_of_fitted_estimators_gives_the_answers_of_scikit_learn() -> None:
    members = [(name, member.fit(X, TARGETS["three"])) for name, member in CLASSIFIERS]
    assert_equal_to(StackingClassifier(members, FINAL, cv="prefit").fit(X, TARGETS["three"]), [X, X[:1]])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("classifiers", {"estimators_": []}),
        ("classifiers", {"estimators_": REMOVED}),
        ("classifiers", {"estimators_": [StandardScaler().fit(X)] * 2}),
        ("classifiers", {"estimators_": [RidgeClassifier().fit(X, TARGETS["three"])] * 2}),
        ("classifiers", {"stack_method_": ["predict_proba"]}),
        ("classifiers", {"stack_method_": ["transform", "decision_function"]}),
        ("classifiers", {"stack_method_": [None, None]}),
        ("classifiers", {"final_estimator_": FINAL.fit(X, TARGETS["three"])}),
        ("classifiers", {"final_estimator_": LinearRegression().fit(X, TARGETS["number"])}),
        ("classifiers", {"classes_": np.arange(2)}),
        ("classifiers", {"classes_": np.unique(TARGETS["three"])[::-1]}),
        ("classifiers", {"_label_encoder": LabelEncoder().fit(["a", "b", "c"])}),
        ("classifiers", {"_label_encoder": REMOVED}),
        ("classifiers", {"classes_": [np.arange(2)]}),
        ("classifiers", {"passthrough": None}),
        ("classifiers", {"another": 1}),
        ("numbers", {"final_estimator_": StandardScaler().fit(X)}),
        ("numbers", {"estimators_": [Ridge().fit(X, X[:, 0]), Ridge().fit(X[:, 1:], X[:, 0])]}),
    ],
)
def test_part_of_a_stack_with_another_state_is_unknown(name: str, changes: Any) -> None:
    assert_unknown_with(fitted(name), **changes)


@pytest.mark.filterwarnings("ignore")
def test_stack_whose_final_estimator_does_not_fit_refuses_every_row() -> None:
    model = deepcopy(fitted("numbers"))
    model.final_estimator_ = LinearRegression().fit(X, TARGETS["number"])
    assert_equal_to(model, [X, X[:1]])


def test_stack_of_row_independent_estimators_is_row_independent() -> None:
    trees = [(str(depth), DecisionTreeClassifier(max_depth=depth)) for depth in range(1, 5)]
    final = DecisionTreeClassifier(max_depth=3)
    assert_row_independent(StackingClassifier(trees, final, cv=2, passthrough=True).fit(X, TARGETS["three"]), X)
    assert not part_of(fitted("classifiers")).row_independent
