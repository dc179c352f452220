"""Linear models: one matrix product, and what each estimator computes from it.

Source: sklearn/linear_model/_base.py (`_decision_function`, LinearClassifierMixin.predict), _logistic.py,
sklearn/utils/extmath.py (softmax).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, matrix_part
from server.model.families.sparse_rows import dot
from server.model.families.state import Family, State, keys
from server.model.pickledata.compiled import EXPIT


def regressor(state: State) -> Part:
    """Return a linear regressor."""
    return matrix_part(state.part(), {"predict": _scores(state)}, Check(state.name, sparse=True))


def classifier(state: State) -> Part:
    """Return a linear classifier without probabilities."""
    methods, classes = classifier_methods(state)
    return matrix_part(state.part(classes=classes), methods, Check(state.name, sparse=True))


def logistic(state: State) -> Part:
    """Return a logistic regression: a linear classifier with probabilities."""
    state.must_be("multi_class", "auto", "deprecated", "multinomial")
    methods, classes = classifier_methods(state)
    scores = methods["decision_function"]
    if len(classes) == 2:  # noqa: PLR2004 - no and yes
        methods["predict_proba"] = lambda X: two_sided(scores(X))
    elif state.values.get("solver") == "liblinear":  # one model for each class: not the softmax
        raise state.unknown("solver")
    else:
        methods["predict_proba"] = lambda X: softmax(scores(X))
    return matrix_part(state.part(classes=classes), methods, Check(state.name, sparse=True))


def classifier_methods(state: State) -> tuple[dict[str, Call], Any]:
    """Return the methods of a linear classifier, and its classes."""
    scores, classes = _scores(state), state.labels()
    coefficients = state.values["coef_"]
    if coefficients.ndim == 1 or len(coefficients) == 1:
        if len(classes) != 2:  # noqa: PLR2004 - no and yes
            raise state.unknown("classes_")
        return {
            "predict": lambda X: classes[(scores(X).reshape(-1) > 0).astype(np.intp)],
            "decision_function": lambda X: scores(X).reshape(-1),
        }, classes
    if len(classes) != len(coefficients):
        raise state.unknown("classes_")
    return {"predict": lambda X: classes[scores(X).argmax(axis=1)], "decision_function": scores}, classes


def _scores(state: State) -> Call:
    """Return X · coef + intercept, with the memory layout of the coefficients that scikit-learn uses.

    BLAS sums in an order that depends on the layout, and another order may change bits.
    """
    found = state.values.get("coef_")
    shape = (state.columns,) if getattr(found, "ndim", 0) == 1 else (None, state.columns)
    weights = state.floats("coef_", *shape).T
    bias = state.values.get("intercept_")
    if type(bias) is float or type(bias) is np.float64:
        pass
    elif state.floats("intercept_", None).shape not in ((1,), weights.shape[1:]):
        raise state.unknown("intercept_")
    return lambda X: dot(X, weights) + bias


def two_sided(scores: Any) -> Any:
    """Return the probabilities of both classes from the score of the second."""
    second = EXPIT(scores)
    return np.stack([1 - second, second], axis=1)


def softmax(scores: Any) -> Any:
    """Return each row's probabilities, computed in place and in scikit-learn's order of operations."""
    scores -= scores.max(axis=1).reshape(-1, 1)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1).reshape(-1, 1)
    return scores


LOGISTIC_KEYS = keys(
    "penalty dual tol C fit_intercept intercept_scaling class_weight random_state solver max_iter multi_class verbose"
    " warm_start n_jobs l1_ratio classes_ coef_ intercept_ n_iter_"
)
LEAST_SQUARES_KEYS = keys("fit_intercept copy_X tol n_jobs positive coef_ intercept_ rank_ singular_")

FAMILIES: Mapping[str, Family] = {
    "sklearn.linear_model._base.LinearRegression": Family(regressor, LEAST_SQUARES_KEYS),
    "sklearn.linear_model._logistic.LogisticRegression": Family(logistic, LOGISTIC_KEYS),
}
