"""Classifiers with another threshold as data give the answers of scikit-learn."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from server.model.families.registry import part_of
from server.model.pickledata.records import as_record
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import REMOVED, assert_equal_to, assert_unknown_with, hostile_matrices

CLASSIFIER = make_pipeline(StandardScaler(), LogisticRegression())
CODES = TARGETS["number"] > 0
BETA = make_scorer(fbeta_score, beta=2, pos_label="no")
MODELS: dict[str, tuple[Any, Any]] = {
    "fixed": (FixedThresholdClassifier(CLASSIFIER, threshold=0.3), TARGETS["two"]),
    "fixed by itself": (FixedThresholdClassifier(CLASSIFIER), TARGETS["two"]),
    "fixed for the first": (FixedThresholdClassifier(CLASSIFIER, threshold=0.3, pos_label="no"), TARGETS["two"]),
    "fixed score": (FixedThresholdClassifier(CLASSIFIER, response_method="decision_function"), CODES),
    "fixed score for the first": (
        FixedThresholdClassifier(CLASSIFIER, threshold=0.7, response_method="decision_function", pos_label="no"),
        TARGETS["two"],
    ),
    "tuned": (TunedThresholdClassifierCV(CLASSIFIER, cv=2, thresholds=5), TARGETS["two"]),
    "tuned for ones": (TunedThresholdClassifierCV(CLASSIFIER, cv=2, thresholds=5, scoring="f1"), CODES.astype(int)),
    "tuned for the first": (
        TunedThresholdClassifierCV(CLASSIFIER, cv=2, thresholds=5, scoring=BETA),
        TARGETS["two"],
    ),
}


@cache
def fitted(name: str) -> Any:
    model, labels = MODELS[name]
    return model.fit(X, labels)


@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_classifier_with_a_threshold_gives_the_answers_of_scikit_learn(name: str) -> None:
    model = fitted(name)
    assert_equal_to(model, list(hostile_matrices(X)))
    assert part_of(model).direct


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("fixed", {"estimator_": REMOVED}),
        ("fixed", {"estimator_": LinearRegression().fit(X, TARGETS["number"])}),
        ("fixed", {"estimator_": CLASSIFIER.fit(X, TARGETS["three"])}),
        ("fixed", {"threshold": "low"}),
        ("fixed", {"threshold": None}),
        ("fixed", {"pos_label": "maybe"}),
        ("fixed", {"pos_label": ["no"]}),
        ("fixed", {"response_method": "predict"}),
        ("fixed", {"another": 1}),
        ("tuned", {"best_threshold_": REMOVED}),
        ("tuned", {"_curve_scorer": REMOVED}),
        ("tuned", {"_curve_scorer": LinearRegression()}),
        ("tuned", {"estimator_": np.ones(3)}),
    ],
)
def test_part_of_a_classifier_with_another_state_is_unknown(name: str, changes: Any) -> None:
    assert_unknown_with(fitted(name), **changes)


def test_part_of_a_classifier_tuned_for_an_unknown_metric_without_a_label_is_unknown() -> None:
    model = TunedThresholdClassifierCV(CLASSIFIER, cv=2, thresholds=5, scoring=make_scorer(fbeta_score, beta=2))
    assert_unknown_with(fitted("tuned"), _curve_scorer=model.fit(X, CODES.astype(int))._curve_scorer)


def test_part_of_a_tuned_classifier_saved_by_1_5_reads_its_scorer() -> None:
    record = as_record(fitted("tuned for the first"))
    scorer = as_record(record.state["_curve_scorer"])
    scorer.name = "sklearn.model_selection._classification_threshold._CurveScorer"
    record.state = {**record.state, "_curve_scorer": scorer}
    assert_equal_to(fitted("tuned for the first"), [X], part_of(record))
