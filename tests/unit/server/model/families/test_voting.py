"""Votes as data give the answers of scikit-learn."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

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
    ("a", LogisticRegression(max_iter=20)),
    ("b", make_pipeline(StandardScaler(), LogisticRegression(C=0.01))),
    ("c", make_pipeline(StandardScaler(), LogisticRegression(C=10))),
]
DROPPED = [*CLASSIFIERS[:2], ("d", "drop"), CLASSIFIERS[2]]
LINES = [("a", LinearRegression()), ("b", make_pipeline(StandardScaler(), Ridge(100))), ("c", Ridge())]
FRAME = pd.DataFrame(X, columns=list("abcde"))
MODELS: dict[str, tuple[Any, str]] = {
    "soft": (VotingClassifier(CLASSIFIERS, voting="soft"), "three"),
    "soft of two": (VotingClassifier(CLASSIFIERS, voting="soft", weights=[1, 0.3, 3]), "two"),
    "soft with weights": (VotingClassifier(CLASSIFIERS, voting="soft", weights=np.array([1, 0.3, 3])), "three"),
    "soft without one": (VotingClassifier(DROPPED, voting="soft", weights=[1, 0.3, 9, 3]), "three"),
    "soft, each by itself": (VotingClassifier(CLASSIFIERS, voting="soft", flatten_transform=False), "three"),
    "hard": (VotingClassifier(CLASSIFIERS), "three"),
    "hard of two": (VotingClassifier(CLASSIFIERS[:2]), "two"),
    "hard with weights": (VotingClassifier(CLASSIFIERS, weights=[0.1, 0.2, 0.3]), "three"),
    "hard without one": (VotingClassifier(DROPPED, weights=[1, 0.3, 9, 3]), "three"),
    "numbers": (VotingRegressor(LINES), "number"),
    "numbers with weights": (VotingRegressor(LINES, weights=[1, 0.3, 3]), "number"),
}


@cache
def fitted(name: str, *, framed: bool = False) -> Any:
    rows = FRAME if framed else X
    model, target = MODELS[name]
    return clone(model).fit(rows, TARGETS[target])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_vote_gives_the_answers_of_scikit_learn(name: str) -> None:
    model = fitted(name)
    assert_equal_to(model, list(hostile_matrices(X)))
    assert part_of(model).direct
    assert_equal_to(fitted(name, framed=True), [FRAME[:1].copy(), FRAME])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("soft", {"estimators_": []}),
        ("soft", {"estimators_": REMOVED}),
        ("soft", {"estimators_": [clone(CLASSIFIERS[1][1]).fit(X, TARGETS["three"])]}),
        ("soft", {"estimators_": [clone(CLASSIFIERS[1][1]).fit(X, TARGETS["number"] > 0)]}),
        ("soft", {"estimators_": [LinearRegression().fit(X, TARGETS["number"])]}),
        ("soft", {"voting": "loud"}),
        ("soft", {"flatten_transform": None}),
        ("soft", {"classes_": REMOVED}),
        ("soft", {"classes_": np.arange(4)}),
        ("soft", {"classes_": np.unique(TARGETS["three"])[::-1]}),
        ("hard", {"le_": LabelEncoder().fit(["a", "b", "c"])}),
        ("hard", {"le_": REMOVED}),
        ("soft", {"weights": [1, 2]}),
        ("soft", {"weights": [1, 2, -1]}),
        ("soft", {"weights": [0, 0, 0]}),
        ("soft", {"weights": [1, 2, "3"]}),
        ("soft", {"weights": 1}),
        ("soft", {"another": 1}),
        ("numbers", {"estimators_": [StandardScaler().fit(X)]}),
        ("numbers", {"estimators_": [LinearRegression().fit(X, X[:, 0]), LinearRegression().fit(X[:, 1:], X[:, 0])]}),
    ],
)
def test_part_of_a_vote_with_another_state_is_unknown(name: str, changes: Any) -> None:
    assert_unknown_with(fitted(name), **changes)


def test_vote_of_row_independent_members_is_row_independent() -> None:
    trees = [(str(depth), DecisionTreeClassifier(max_depth=depth)) for depth in range(1, 12)]
    soft = VotingClassifier(trees, voting="soft", weights=np.arange(11) / 7).fit(X, TARGETS["three"])
    assert_row_independent(soft, X)
    assert_row_independent(VotingClassifier(trees, weights=np.arange(11) / 7).fit(X, TARGETS["three"]), X)
    lines = [(str(depth), DecisionTreeRegressor(max_depth=depth)) for depth in range(1, 12)]
    assert_row_independent(VotingRegressor(lines[:7]).fit(X, TARGETS["number"]), X)
    assert not part_of(VotingRegressor(lines).fit(X, TARGETS["number"])).row_independent
    assert not part_of(fitted("numbers")).row_independent
