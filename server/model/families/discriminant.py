"""Discriminant analysis, linear and quadratic.

Source: sklearn/discriminant_analysis.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, matrix_part
from server.model.families.linear_classifiers import classifier_methods, with_probabilities
from server.model.families.probabilities import BINARY, softmax, two_sided
from server.model.families.state import Family, State, keys


def linear(state: State) -> Part:
    """Return a LinearDiscriminantAnalysis: a linear classifier that can also project the rows."""
    classes = state.labels()
    scores = classifier_methods(state, classes)
    methods = with_probabilities(scores, two_sided if len(classes) == BINARY else softmax)
    part = matrix_part(state.part(classes=classes), methods, Check(state.name, keeps_integers=True))
    solver = state.word("solver", "svd", "eigen", "lsqr")
    if solver == "lsqr":
        return replace(part, methods={**part.methods, "transform": _no_projection})
    # With "svd" a difference comes before the matrix product, and has the memory order of the integers.
    check = Check(state.name, keeps_integers=solver == "eigen")
    projected = matrix_part(part, {"transform": _projection(state)}, check)
    return replace(part, methods={**part.methods, **projected.methods}, direct={**part.direct, **projected.direct})


def _no_projection(_: Any) -> Any:
    raise NotImplementedError("transform not implemented for 'lsqr' solver (use 'svd' or 'eigen').")


def _projection(state: State) -> Call:
    """Return the function that projects rows onto the directions that separate the classes."""
    scalings = state.fitted_floats("scalings_", state.columns, None)
    kept = state.integer("_max_components")
    if state.values["solver"] == "eigen":
        return lambda X: (X @ scalings)[:, :kept]
    center = state.fitted_floats("xbar_", state.columns)
    return lambda X: ((X - center) @ scalings)[:, :kept]


def quadratic(state: State) -> Part:
    """Return a QuadraticDiscriminantAnalysis: a normal distribution for each class."""
    classes = state.labels()
    methods = posterior_methods(_log_posterior(state, len(classes)), classes)
    return matrix_part(state.part(classes=classes), methods, Check(state.name))


def posterior_methods(log_posterior: Call, classes: Any) -> dict[str, Call]:
    """Return the methods by the logarithms of each class's probability, up to a constant: (rows, classes)."""

    def probabilities(X: Any) -> Any:
        scores = log_posterior(X)
        likelihood = scores - scores.max(axis=1)[:, np.newaxis]
        return np.exp(likelihood - np.log(np.exp(likelihood).sum(axis=1)[:, np.newaxis]))

    def decide(X: Any) -> Any:
        scores = log_posterior(X)
        return scores[:, 1] - scores[:, 0] if len(classes) == BINARY else scores

    return {
        "predict": lambda X: classes.take(log_posterior(X).argmax(axis=1)),
        "predict_proba": probabilities,
        "decision_function": decide,
    }


def _log_posterior(state: State, count: int) -> Call:
    """Return the function that gives, for each class, the logarithm of the probability of a row and that class."""
    means, priors = state.fitted_floats("means_", count, state.columns), state.fitted_floats("priors_", count)
    scalings = state.arrays_of_floats("scalings_", count, None)
    rotations = state.arrays_of_floats("rotations_", count, state.columns, None)
    if any(len(scaling) != rotation.shape[1] for scaling, rotation in zip(scalings, rotations, strict=True)):
        raise state.unknown("scalings_")
    with np.errstate(all="ignore"):
        whitenings = [rotation * (scaling**-0.5) for scaling, rotation in zip(scalings, rotations, strict=True)]
        volumes = np.asarray([np.sum(np.log(scaling)) for scaling in scalings])
        log_priors = np.log(priors)
    each = list(zip(means, whitenings, strict=True))

    def log_posterior(X: Any) -> Any:
        squares = np.array([np.sum(np.dot(X - mean, whitening) ** 2, axis=1) for mean, whitening in each]).T
        return -0.5 * (squares + volumes) + log_priors

    return log_posterior


LINEAR_KEYS = keys(
    "solver shrinkage priors n_components store_covariance tol covariance_estimator classes_ priors_ _max_components"
    " means_ xbar_ explained_variance_ratio_ scalings_ intercept_ coef_ _n_features_out covariance_"
)
QUADRATIC_KEYS = keys(
    "priors reg_param store_covariance tol classes_ priors_ means_ scalings_ rotations_ covariance_ solver shrinkage"
    " covariance_estimator"
)

FAMILIES: Mapping[str, Family] = {
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": Family(linear, LINEAR_KEYS),
    "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis": Family(quadratic, QUADRATIC_KEYS),
}
