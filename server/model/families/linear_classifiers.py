"""Linear classifiers: one matrix product, and the classes and probabilities from it.

Source: sklearn/linear_model/_base.py (LinearClassifierMixin), _logistic.py (`predict_proba`), _ridge.py
(`_RidgeClassifierMixin`), sklearn/svm/_classes.py (LinearSVC), sklearn/preprocessing/_label.py (`inverse_transform`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, matrix_part
from server.model.families.label_encoding import binarized
from server.model.families.linear import ANY_KEYS, RIDGE_CV_KEYS, RIDGE_KEYS, SUPPORT_VECTOR_KEYS, linear_scores
from server.model.families.probabilities import BINARY, one_against_rest, softmax, two_sided
from server.model.families.state import Family, State, keys


def classifier(state: State) -> Part:
    """Return a linear classifier without probabilities."""
    classes = state.labels()
    return part_of_methods(state, classifier_methods(state, classes), classes)


def logistic(state: State) -> Part:
    """Return a logistic regression: a linear classifier with probabilities."""
    classes = state.labels()
    methods = classifier_methods(state, classes)
    if _fits_each_class_alone(state) and len(classes) > BINARY:
        if state.record.live:  # scikit-learn 1.8 removed the option, and ignores it in older files
            raise state.unknown("multi_class")
        probabilities = one_against_rest
    elif state.values.get("multi_class") == "multinomial" and len(classes) == BINARY:
        raise state.unknown("multi_class")  # the softmax of (-score, score), which 1.8 does not compute any more
    else:
        probabilities = two_sided if len(classes) == BINARY else softmax
    return part_of_methods(state, with_probabilities(methods, probabilities), classes)


def _fits_each_class_alone(state: State) -> bool:
    """Return whether the probabilities of more than two classes are those of one model for each class.

    So it was up to 1.7 with `multi_class="ovr"`, and with the solver liblinear, which can do nothing else.
    """
    state.must_be("multi_class", "auto", "deprecated", "multinomial", "ovr")
    chosen = state.values.get("multi_class", "auto")
    return chosen == "ovr" or (chosen != "multinomial" and state.values.get("solver") == "liblinear")


def ridge(state: State) -> Part:
    """Return a ridge classifier. Each of several labels may be predicted too."""
    classes, kind = binarized(state, "_label_binarizer", -1)
    if kind != "multilabel-indicator":
        return part_of_methods(state, classifier_methods(state, classes), classes)
    state.fitted_floats("coef_", len(classes), state.columns)
    scores = linear_scores(state)
    if len(classes) < BINARY:
        raise state.unknown("_label_binarizer")
    methods = {"predict": lambda X: (scores(X) > 0).astype(np.int64), "decision_function": scores}
    return part_of_methods(state, methods, classes)


def part_of_methods(state: State, methods: Mapping[str, Call], classes: Any) -> Part:
    """Return the part of a linear classifier, which takes sparse rows."""
    return matrix_part(state.part(classes=classes), methods, Check(state.name, sparse=True, keeps_integers=True))


def classifier_methods(state: State, classes: Any) -> dict[str, Call]:
    """Return the methods of a linear classifier of these classes, without probabilities."""
    scores = linear_scores(state)
    outputs = len(state.values["coef_"]) if state.values["coef_"].ndim > 1 else 1
    # Two classes have one row of coefficients. Of two rows, the probabilities would not be those of two classes.
    if outputs == BINARY or len(classes) != (BINARY if outputs == 1 else outputs):
        raise state.unknown("classes_")
    if outputs == 1:
        return {
            "predict": lambda X: classes[(scores(X).reshape(-1) > 0).astype(np.intp)],
            "decision_function": lambda X: scores(X).reshape(-1),
        }
    return {"predict": lambda X: classes[scores(X).argmax(axis=1)], "decision_function": scores}


def with_probabilities(methods: Mapping[str, Call], probabilities: Call) -> dict[str, Call]:
    """Return the methods, and probabilities as a function of the scores, which it may overwrite."""
    scores = methods["decision_function"]
    return {**methods, "predict_proba": lambda X: probabilities(scores(X))}


CLASSIFIER_KEYS = ANY_KEYS | keys("classes_ class_weight")
LOGISTIC_KEYS = CLASSIFIER_KEYS | keys(
    "penalty dual C intercept_scaling solver multi_class warm_start l1_ratio Cs cv scoring refit l1_ratios"
    " use_legacy_attributes Cs_ scores_ coefs_paths_ C_ l1_ratio_ l1_ratios_"
)
RIDGE_CLASSIFIER_KEYS = CLASSIFIER_KEYS | keys("_label_binarizer")

FAMILIES: Mapping[str, Family] = {
    "sklearn.linear_model._logistic.LogisticRegression": Family(logistic, LOGISTIC_KEYS),
    "sklearn.linear_model._logistic.LogisticRegressionCV": Family(logistic, LOGISTIC_KEYS),
    "sklearn.linear_model._ridge.RidgeClassifier": Family(ridge, RIDGE_CLASSIFIER_KEYS | RIDGE_KEYS),
    "sklearn.linear_model._ridge.RidgeClassifierCV": Family(ridge, RIDGE_CLASSIFIER_KEYS | RIDGE_CV_KEYS),
    "sklearn.svm._classes.LinearSVC": Family(
        classifier, CLASSIFIER_KEYS | SUPPORT_VECTOR_KEYS | keys("penalty multi_class")
    ),
}
