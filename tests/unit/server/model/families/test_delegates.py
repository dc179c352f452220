"""Searches, frozen and self-trained estimators as data give the answers of scikit-learn."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - imports the two halving searches
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from server.model.families.registry import part_of
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import REMOVED, assert_equal_to, assert_unknown_with, hostile_matrices

RIDGE, ALPHAS = make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [1, 2]}
CLASSIFIER = make_pipeline(StandardScaler(), LogisticRegression(max_iter=20))
FROZEN = FrozenEstimator(StandardScaler().fit(X))
MODELS: dict[str, tuple[Any, str]] = {
    "searched": (GridSearchCV(RIDGE, ALPHAS, cv=2), "number"),
    "searched classifier": (GridSearchCV(CLASSIFIER, {"logisticregression__C": [1, 2]}, cv=2), "three"),
    "searched transformer": (GridSearchCV(MaxAbsScaler(), {"clip": [True]}, scoring=lambda *_: 1.0, cv=2), "number"),
    "searched at random": (RandomizedSearchCV(RIDGE, ALPHAS, n_iter=1, cv=2), "number"),
    "searched by halving": (HalvingGridSearchCV(RIDGE, ALPHAS, cv=2), "number"),
    "searched at random by halving": (HalvingRandomSearchCV(RIDGE, ALPHAS, n_candidates=2, cv=2), "number"),
    "frozen": (FrozenEstimator(CLASSIFIER.fit(X, TARGETS["three"])), "three"),
    "frozen in a search": (
        GridSearchCV(make_pipeline(FrozenEstimator(StandardScaler().fit(X)), Ridge()), ALPHAS),
        "number",
    ),
}


@cache
def fitted(name: str) -> Any:
    model, target = MODELS[name]
    return model.fit(X, np.asarray(TARGETS[target]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_delegate_gives_the_answers_of_scikit_learn(name: str) -> None:
    model = fitted(name)
    assert_equal_to(model, list(hostile_matrices(X)))
    assert part_of(model).width == X.shape[1]
    assert bool(part_of(model).direct)


def test_part_of_a_self_trained_classifier_gives_the_answers_of_scikit_learn() -> None:
    labels = np.where(np.arange(len(X)) % 3, TARGETS["number"] > 0, -1)
    model = SelfTrainingClassifier(CLASSIFIER).fit(X, labels)
    frame = pd.DataFrame(X, columns=list("abcde"))
    assert_equal_to(model, [*hostile_matrices(X), X[:5].astype(object)])
    assert_equal_to(SelfTrainingClassifier(CLASSIFIER).fit(frame, labels), [frame[:1].copy(), frame])
    assert_unknown_with(model, estimator_=REMOVED)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("searched", {"refit": False}),
        ("searched", {"best_estimator_": REMOVED}),
        ("searched", {"best_estimator_": None}),
        ("searched", {"another": 1}),
        ("frozen", {"estimator": REMOVED}),
    ],
)
def test_part_of_a_delegate_with_another_state_is_unknown(name: str, changes: Any) -> None:
    assert_unknown_with(fitted(name), **changes)
