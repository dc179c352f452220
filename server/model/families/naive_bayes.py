"""Naive Bayes: for each class, the logarithm of the probability of a row and that class.

Source: sklearn/naive_bayes.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, as_floats, matrix_part
from server.model.families.probabilities import FEW, log_sum_exp
from server.model.families.scalers import above
from server.model.families.sparse_rows import dot, product
from server.model.families.state import Family, State, keys

HALF = np.array(0.5)
"""NumPy takes longer to convert a number of Python."""


def gaussian(state: State) -> Part:
    """Return a GaussianNB: a normal distribution for each class and feature."""
    classes = state.labels()
    count, width = len(classes), state.columns
    means, variances = state.fitted_floats("theta_", count, width), state.fitted_floats("var_", count, width)
    priors = state.fitted_floats("class_prior_", count)
    with np.errstate(all="ignore"):
        log_priors = np.log(priors)
        norms = np.array([-0.5 * np.sum(np.log(2.0 * np.pi * variance)) for variance in variances])
    each = list(zip(log_priors, norms, means, variances, strict=True))
    rows_of_means, rows_of_variances = np.ascontiguousarray(means), np.ascontiguousarray(variances)

    def logs(X: Any) -> Any:
        if len(X) == 1:  # the classes are the rows: a fraction of the calls
            squares = X - rows_of_means
            squares *= squares
            squares /= rows_of_variances
            found = np.add.reduce(squares, 1)
            found *= HALF
            np.subtract(norms, found, out=found)
            found += log_priors
            return found.reshape(1, count)
        return np.stack(
            [
                log_prior + (norm - 0.5 * np.sum((X - mean) ** 2 / variance, axis=1))
                for log_prior, norm, mean, variance in each
            ]
        ).T

    part = state.part(classes=classes, row_independent=count < FEW)
    return matrix_part(part, _methods(logs, classes), Check(state.name))


def multinomial(state: State) -> Part:
    """Return a MultinomialNB."""
    classes, weights, log_priors = _of_counts(state)
    return _sparse_part(state, _plus(product(weights), log_priors), classes)


def complement(state: State) -> Part:
    """Return a ComplementNB, which uses the prior only where there is one class."""
    classes, weights, log_priors = _of_counts(state)
    if len(classes) == 1:
        return _sparse_part(state, _plus(product(weights), log_priors), classes)
    return _sparse_part(state, product(weights), classes)


def _plus(call: Call, constants: Any) -> Call:
    return lambda X: call(X) + constants


def bernoulli(state: State) -> Part:
    """Return a BernoulliNB: each feature is there or not."""
    classes, _, log_priors = _of_counts(state)
    log_presence = state.values["feature_log_prob_"]
    with np.errstate(all="ignore"):
        log_absence = np.log(1 - np.exp(log_presence))
        weights, constants = (log_presence - log_absence).T, log_priors + log_absence.sum(axis=1)
    if state.values.get("binarize") is None:
        return _sparse_part(state, lambda X: dot(X, weights) + constants, classes)
    threshold = state.number("binarize")
    if not threshold >= 0:  # zeros that are not stored would become ones
        raise state.unknown("binarize")
    return _sparse_part(state, lambda X: dot(above(X, threshold), weights) + constants, classes)


def _of_counts(state: State) -> tuple[Any, Any, Any]:
    """Return the classes, the features' weights with scikit-learn's memory layout, and the logarithms of the priors."""
    classes = state.labels()
    weights = state.floats("feature_log_prob_", len(classes), state.columns).T
    return classes, weights, state.floats("class_log_prior_", len(classes))


def categorical(state: State) -> Part:
    """Return a CategoricalNB: each feature is the index of a category."""
    classes = state.labels()
    tables = state.arrays_of_floats("feature_log_prob_", state.columns, len(classes), None)
    log_priors, check = state.floats("class_log_prior_", len(classes)), Check(state.name)

    def logs(X: Any) -> Any:
        X = _as_categories(X, check)
        total = np.zeros((len(X), len(classes)))
        for table, column in zip(tables, X.T, strict=True):
            total += table[:, column].T
        return total + log_priors

    methods = _methods(logs, classes)
    return replace(state.part(classes=classes), methods=methods, direct=methods)


def _as_categories(X: Any, check: Check) -> Any:
    """Return the rows as integers, or raise scikit-learn's error: they are cut off, and none may be negative."""
    if type(X) is not np.ndarray or X.dtype.kind == "f":
        X = as_floats(X)
        check.require_finite(X, "int64")
    X = X.astype(np.int64)
    if X.min() < 0:
        raise ValueError("Negative values in data passed to CategoricalNB (input X).")
    return X


def _sparse_part(state: State, logs: Call, classes: Any) -> Part:
    check = Check(state.name, sparse=True, keeps_integers=True)
    return matrix_part(state.part(classes=classes), _methods(logs, classes), check)


def _methods(logs: Call, classes: Any) -> dict[str, Call]:
    def probabilities(X: Any) -> Any:
        found = logs(X)
        return np.exp(found - log_sum_exp(found))

    return {"predict": lambda X: classes[logs(X).argmax(axis=1)], "predict_proba": probabilities}


GAUSSIAN_KEYS = keys("priors var_smoothing classes_ epsilon_ theta_ var_ class_count_ class_prior_")
COUNT_KEYS = keys(
    "alpha fit_prior class_prior force_alpha binarize norm min_categories classes_ class_count_ feature_count_"
    " feature_all_ feature_log_prob_ class_log_prior_ category_count_ n_categories_"
)

FAMILIES: Mapping[str, Family] = {
    "sklearn.naive_bayes.BernoulliNB": Family(bernoulli, COUNT_KEYS),
    "sklearn.naive_bayes.CategoricalNB": Family(categorical, COUNT_KEYS),
    "sklearn.naive_bayes.ComplementNB": Family(complement, COUNT_KEYS),
    "sklearn.naive_bayes.GaussianNB": Family(gaussian, GAUSSIAN_KEYS),
    "sklearn.naive_bayes.MultinomialNB": Family(multinomial, COUNT_KEYS),
}
