"""Linear models: one matrix product, and what each family computes from it."""

from __future__ import annotations

from typing import Any

import numpy as np

from server.model.families.base import Call


def regressor(estimator: Any) -> dict[str, Call]:
    """Return the methods of a linear regressor."""
    return {"predict": _scores_of(estimator)}


def classifier(estimator: Any) -> dict[str, Call]:
    """Return the methods of a linear classifier; none for several outputs."""
    if estimator.classes_.ndim != 1:
        return {}
    scores, classes = _scores_of(estimator), estimator.classes_
    if _is_binary(estimator):
        return {
            "predict": lambda X: classes[(scores(X).reshape(-1) > 0).astype(np.intp)],
            "decision_function": lambda X: scores(X).reshape(-1),
        }
    return {"predict": lambda X: classes[scores(X).argmax(axis=1)], "decision_function": scores}


def logistic(estimator: Any) -> dict[str, Call]:
    """Return the methods of a logistic regression: those of a linear classifier, and probabilities."""
    scores, methods = _scores_of(estimator), classifier(estimator)
    if methods and _is_binary(estimator):
        methods["predict_proba"] = lambda X: two_sided(scores(X))
    elif methods:
        methods["predict_proba"] = lambda X: softmax(scores(X))
    return methods


def _is_binary(estimator: Any) -> bool:
    return bool(estimator.coef_.ndim == 1 or len(estimator.coef_) == 1)


def _scores_of(estimator: Any) -> Call:
    """Return X·coef + intercept, with the memory layout of the coefficients that scikit-learn uses.

    BLAS sums in an order that depends on the layout, and another order may change bits.
    """
    weights, bias = estimator.coef_.T, estimator.intercept_
    return lambda X: X @ weights + bias


def two_sided(scores: Any) -> Any:
    """Return the probabilities of both classes from the score of the second."""
    from scipy.special import expit  # noqa: PLC0415 - loaded with the model

    second = expit(scores.reshape(-1))
    return np.stack([1 - second, second], axis=1)


def softmax(scores: Any) -> Any:
    """Return each row's probabilities, computed in place and in scikit-learn's order of operations."""
    scores -= scores.max(axis=1).reshape(-1, 1)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1).reshape(-1, 1)
    return scores
