"""FixedThresholdClassifier and TunedThresholdClassifierCV: a binary classifier with another threshold.

Source: sklearn/model_selection/_classification_threshold.py, sklearn/metrics/_scorer.py
(`_threshold_scores_to_class_labels`, `_CurveScorer._get_pos_label`), sklearn/utils/_response.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Part
from server.model.families.probabilities import BINARY
from server.model.families.state import LABEL_TYPES, Family, State, keys

SCORES = ("predict_proba", "decision_function")

CURVE_SCORERS = (
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.model_selection._classification_threshold._CurveScorer",  # in 1.5
)
METRICS = "sklearn.metrics._classification."
POSITIVE: Mapping[str, Any] = {
    **dict.fromkeys([f"{METRICS}{name}" for name in ("accuracy_score", "balanced_accuracy_score")]),
    **{f"{METRICS}{name}": 1 for name in ("f1_score", "jaccard_score", "precision_score", "recall_score")},
}
"""The default `pos_label` of the metrics that a threshold may be tuned for. None is the last class."""


def fixed(state: State) -> Part:
    """Return the classifier with a threshold that its user set."""
    inner = state.child("estimator_" if "estimator_" in state.values else "estimator")
    name = _score(state, inner)
    threshold = state.values.get("threshold")
    if type(threshold) is str and threshold == "auto":
        return _part(state, inner, name, 0.5 if name == "predict_proba" else 0.0, state.values.get("pos_label"))
    return _part(state, inner, name, state.number("threshold"), state.values.get("pos_label"))


def tuned(state: State) -> Part:
    """Return the classifier with the threshold that was best in cross-validation."""
    inner = state.child("estimator_")
    scorer = state.record_of("_curve_scorer", *CURVE_SCORERS)
    if type(scorer.state) is not dict or type(scorer.state.get("_kwargs")) is not dict:
        raise state.unknown("_curve_scorer")
    given, metric = scorer.state["_kwargs"], state.function_name("_curve_scorer", scorer.state.get("_score_func"))
    if "pos_label" not in given and metric not in POSITIVE:
        raise state.unknown("_curve_scorer")
    positive = given["pos_label"] if "pos_label" in given else POSITIVE[metric]
    return _part(state, inner, _score(state, inner), state.number("best_threshold_"), positive)


def _score(state: State, inner: Part) -> str:
    """Return the method whose scores are compared with the threshold."""
    found = state.word("response_method", "auto", *SCORES)
    name = next((each for each in SCORES if each in inner.methods), "") if found == "auto" else found
    if name not in inner.methods:
        raise state.unknown("response_method")
    return str(name)


def _part(state: State, inner: Part, name: str, threshold: float, positive: Any) -> Part:
    classes = inner.classes
    if type(classes) is not np.ndarray or len(classes) != BINARY:
        raise state.unknown("estimator_")
    plain = positive.item() if isinstance(positive, np.generic) else positive
    listed = classes.tolist()
    if plain is not None and (type(plain) not in LABEL_TYPES or plain not in listed):
        raise state.unknown("pos_label")
    column = 1 if plain is None else listed.index(plain)
    labels = classes if column == 1 else classes[::-1]
    methods = {each: call for each, call in inner.methods.items() if each in SCORES}
    direct = {each: call for each, call in inner.direct.items() if each in SCORES}
    methods["predict"] = _predict(methods[name], name, column, threshold, labels)
    if name in direct:
        direct["predict"] = _predict(direct[name], name, column, threshold, labels)
    return replace(inner, name=state.name, methods=methods, direct=direct, gives_sparse=False)


def _predict(score: Call, name: str, column: int, threshold: float, labels: Any) -> Call:
    """Return the method that gives the second label where the score reaches the threshold, else the first."""
    if name == "predict_proba":
        return lambda X: labels[(score(X)[:, column] >= threshold).astype(int)]
    if column == 1:
        return lambda X: labels[(score(X) >= threshold).astype(int)]
    return lambda X: labels[(-1 * score(X) >= threshold).astype(int)]


FAMILIES: Mapping[str, Family] = {
    "sklearn.model_selection._classification_threshold.FixedThresholdClassifier": Family(
        fixed, keys("estimator threshold pos_label response_method estimator_")
    ),
    "sklearn.model_selection._classification_threshold.TunedThresholdClassifierCV": Family(
        tuned,
        keys(
            "estimator scoring response_method thresholds cv refit n_jobs random_state store_cv_results estimator_"
            " best_threshold_ best_score_ cv_results_ _curve_scorer"
        ),
    ),
}
