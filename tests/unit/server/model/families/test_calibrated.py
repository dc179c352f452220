"""Calibrated classifiers as data give the answers of scikit-learn."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from server.model.families.registry import part_of
from server.model.pickledata.records import Unknown, as_record
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import (
    REMOVED,
    assert_equal_to,
    assert_row_independent,
    assert_unknown_with,
    hostile_matrices,
)

CLASSIFIER = make_pipeline(StandardScaler(), LogisticRegression())
OTHER = make_pipeline(StandardScaler(), RidgeClassifier())
FRAME = pd.DataFrame(X, columns=list("abcde"))
MODELS: dict[str, tuple[Any, str]] = {
    "sigmoid": (CalibratedClassifierCV(CLASSIFIER, cv=2), "three"),
    "sigmoid of two": (CalibratedClassifierCV(CLASSIFIER, cv=3), "two"),
    "sigmoid of one": (CalibratedClassifierCV(CLASSIFIER, cv=2, ensemble=False), "three"),
    "isotonic": (CalibratedClassifierCV(CLASSIFIER, cv=2, method="isotonic"), "three"),
    "isotonic of two": (CalibratedClassifierCV(CLASSIFIER, cv=2, method="isotonic", ensemble=False), "two"),
    "without probabilities": (CalibratedClassifierCV(OTHER, cv=2), "three"),
    "only probabilities": (CalibratedClassifierCV(GaussianNB(), cv=2), "three"),
    "only probabilities of two": (CalibratedClassifierCV(GaussianNB(), cv=2), "two"),
    "frozen": (CalibratedClassifierCV(FrozenEstimator(OTHER)), "three"),
}


@cache
def fitted(name: str, *, framed: bool = False) -> Any:
    rows = FRAME if framed else X
    model, target = MODELS[name]
    if name == "frozen":
        OTHER.fit(rows, TARGETS[target])
    return clone(model).fit(rows, TARGETS[target])


@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_calibrated_classifier_gives_the_answers_of_scikit_learn(name: str) -> None:
    model = fitted(name)
    assert_equal_to(model, list(hostile_matrices(X)))
    assert part_of(model).direct
    assert_equal_to(fitted(name, framed=True), [FRAME[:1].copy(), FRAME])


def test_part_of_a_classifier_calibrated_by_temperature_is_unknown() -> None:
    with pytest.raises(Unknown):
        part_of(CalibratedClassifierCV(CLASSIFIER, cv=2, method="temperature").fit(X, TARGETS["three"]))


@pytest.mark.parametrize(
    "changes",
    [
        {"calibrated_classifiers_": []},
        {"calibrated_classifiers_": REMOVED},
        {"calibrated_classifiers_": [LinearRegression().fit(X, TARGETS["number"])]},
        {"classes_": np.array(["high", "low"])},
        {"classes_": REMOVED},
        {"another": 1},
    ],
)
def test_part_of_a_calibrated_classifier_with_another_state_is_unknown(changes: Any) -> None:
    assert_unknown_with(fitted("sigmoid"), **changes)


FEW = as_record(fitted("sigmoid").calibrated_classifiers_[0]).state


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": np.array(["high", "low", "other"])},
        {"classes": None},
        {"method": "temperature"},
        {"calibrators": FEW["calibrators"][:2]},
        {"calibrators": tuple(FEW["calibrators"])},
        {"calibrators": [None, None, None]},
        {"estimator": LinearRegression().fit(X, TARGETS["number"])},
        {"estimator": make_pipeline(StandardScaler(), LogisticRegression()).fit(X, TARGETS["two"])},
        {"another": 1},
    ],
)
def test_part_of_a_calibrated_classifier_with_another_member_is_unknown(changes: Any) -> None:
    record = as_record(fitted("sigmoid"))
    first = as_record(record.state["calibrated_classifiers_"][0])
    first.state = {**first.state, **changes}
    record.state = {**record.state, "calibrated_classifiers_": [first]}
    with pytest.raises(Unknown):
        part_of(record)


def test_classifier_that_is_calibrated_by_sigmoids_is_row_independent_as_its_members() -> None:
    codes = np.digitize(X[:, 0], np.linspace(-1, 1, 9))
    for labels in (TARGETS["two"], TARGETS["three"], codes):
        members = FrozenEstimator(DecisionTreeClassifier(max_depth=4).fit(X, labels))
        assert_row_independent(CalibratedClassifierCV(members).fit(X, labels), X)
    assert not part_of(CalibratedClassifierCV(members, method="isotonic").fit(X, labels)).row_independent
    assert not part_of(fitted("sigmoid")).row_independent
