"""Linear models: one product, and what the family makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Call = Callable[[Any], Any]

CLASSIFIERS = frozenset(
    {
        "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.linear_model._logistic.LogisticRegressionCV",
        "sklearn.linear_model._perceptron.Perceptron",
        "sklearn.linear_model._ridge.RidgeClassifier",
        "sklearn.linear_model._ridge.RidgeClassifierCV",
        "sklearn.linear_model._stochastic_gradient.SGDClassifier",
        "sklearn.svm._classes.LinearSVC",
    }
)
REGRESSORS = frozenset(
    {
        "sklearn.linear_model._base.LinearRegression",
        "sklearn.linear_model._bayes.ARDRegression",
        "sklearn.linear_model._bayes.BayesianRidge",
        "sklearn.linear_model._coordinate_descent.ElasticNet",
        "sklearn.linear_model._coordinate_descent.ElasticNetCV",
        "sklearn.linear_model._coordinate_descent.Lasso",
        "sklearn.linear_model._coordinate_descent.LassoCV",
        "sklearn.linear_model._huber.HuberRegressor",
        "sklearn.linear_model._least_angle.Lars",
        "sklearn.linear_model._least_angle.LassoLars",
        "sklearn.linear_model._omp.OrthogonalMatchingPursuit",
        "sklearn.linear_model._ridge.Ridge",
        "sklearn.linear_model._ridge.RidgeCV",
        "sklearn.linear_model._stochastic_gradient.SGDRegressor",
        "sklearn.svm._classes.LinearSVR",
    }
)
LOGISTIC = frozenset(name for name in CLASSIFIERS if "._logistic." in name)


def methods(estimator: Any, name: str) -> dict[str, Call]:
    if name in REGRESSORS:
        return {"predict": scores_of(estimator)}
    if name in CLASSIFIERS and estimator.classes_.ndim == 1:
        return _classifier(estimator, name)
    return {}


def scores_of(estimator: Any) -> Call:
    """X·coef + intercept, in the memory layout that scikit-learn multiplies: BLAS sums in its order."""
    weights, bias = estimator.coef_.T, estimator.intercept_
    return lambda X: X @ weights + bias


def _classifier(estimator: Any, name: str) -> dict[str, Call]:
    scores, classes = scores_of(estimator), estimator.classes_
    binary = estimator.coef_.ndim == 1 or len(estimator.coef_) == 1

    def predict_binary(X: Any) -> Any:
        return classes[(scores(X).reshape(-1) > 0).astype(np.intp)]

    def predict(X: Any) -> Any:
        return classes[scores(X).argmax(axis=1)]

    known = {
        "predict": predict_binary if binary else predict,
        "decision_function": (lambda X: scores(X).reshape(-1)) if binary else scores,
    }
    if name in LOGISTIC:
        known["predict_proba"] = (lambda X: two_sided(scores(X))) if binary else (lambda X: softmax(scores(X)))
    return known


def two_sided(scores: Any) -> Any:
    """The probabilities of both classes from the score of the second."""
    from scipy.special import expit  # noqa: PLC0415 - loaded with the model

    second = expit(scores.reshape(-1))
    return np.stack([1 - second, second], axis=1)


def softmax(scores: Any) -> Any:
    """In place, in scikit-learn's order of operations."""
    scores -= scores.max(axis=1).reshape(-1, 1)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1).reshape(-1, 1)
    return scores
