"""Mixtures of normal distributions.

Source: sklearn/mixture/_base.py, _gaussian_mixture.py, _bayesian_mixture.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, behind
from server.model.families.probabilities import log_sum_exp
from server.model.families.state import Family, State, keys
from server.model.pickledata.compiled import DIGAMMA


def mixture(state: State) -> Part:
    """Return a GaussianMixture."""
    densities, count = _log_densities(state)
    with np.errstate(all="ignore"):
        log_weights = np.log(state.fitted_floats("weights_", count))
    return _part(state, lambda X: densities(X) + log_weights)


def bayesian(state: State) -> Part:
    """Return a BayesianGaussianMixture, whose weights and variances are distributions as well."""
    densities, count = _log_densities(state)
    width = state.columns
    certainty = state.fitted_floats("mean_precision_", count)
    freedom = state.fitted_floats(
        "degrees_of_freedom_", *(() if state.values["covariance_type"] == "tied" else (count,))
    )
    log_weights = _expected_log_weights(state, count)

    @cache
    def terms() -> tuple[Any, Any, Any]:
        with np.errstate(all="ignore"):
            halves = 0.5 * (freedom - np.arange(0, width)[:, np.newaxis])
            log_precisions = width * np.log(2.0) + np.sum(DIGAMMA(halves), 0)
            spread = 0.5 * (log_precisions - width / certainty)
            return 0.5 * width * np.log(freedom), spread, log_weights()

    def logs(X: Any) -> Any:
        norms, spread, weights = terms()
        return densities(X) - norms + spread + weights

    return _part(state, logs)


def _expected_log_weights(state: State, count: int) -> Callable[[], Any]:
    """Return a function that gives the expected logarithm of each component's weight: a compiled routine."""
    key = "weight_concentration_"
    if (
        state.word("weight_concentration_prior_type", "dirichlet_process", "dirichlet_distribution")[10:]
        == "distribution"
    ):
        found = state.fitted_floats(key, count)
        return lambda: DIGAMMA(found) - DIGAMMA(np.sum(found))
    pair = state.sequence(key)
    if len(pair) != 2 or any(type(each) is not np.ndarray or each.shape != (count,) for each in pair):  # noqa: PLR2004 - a pair
        raise state.unknown(key)
    first, second = (state.as_fitted(key, each) for each in pair)

    def of_process() -> Any:
        total, one, other = DIGAMMA(first + second), DIGAMMA(first), DIGAMMA(second)
        return one - total + np.hstack((0, np.cumsum(other - total)[:-1]))

    return of_process


def _log_densities(state: State) -> tuple[Call, int]:
    """Return the function that gives the logarithm of each component's density, and the number of components."""
    means = state.fitted_floats("means_", None, state.columns)
    kind = state.word("covariance_type", *DISTANCES)
    count, width = means.shape
    if not count:
        raise state.unknown("means_")
    factors = state.fitted_floats("precisions_cholesky_", *SHAPES[kind](count, width))
    with np.errstate(all="ignore"):
        volumes = _volumes(factors, kind, width)
        distances = DISTANCES[kind](means, factors)
    constant = width * math.log(2 * math.pi)

    return lambda X: -0.5 * (constant + distances(X)) + volumes, count


def _part(state: State, logs: Call) -> Part:
    """Return the part of the logarithms of the probability of a row and each component."""

    def probabilities(X: Any) -> Any:
        found = logs(X)
        return np.exp(found - log_sum_exp(found))

    methods = {
        "predict": lambda X: logs(X).argmax(axis=1),
        "predict_proba": probabilities,
        "score_samples": lambda X: log_sum_exp(logs(X)).reshape(-1),
    }
    check = Check(state.name)
    complete = {name: behind(check.numbers, call) for name, call in methods.items()}
    return replace(state.part(), methods=complete, direct=methods)


def _volumes(factors: Any, kind: str, width: int) -> Any:
    """Return the logarithm of the determinant of each component's factor of the precision matrix."""
    if kind == "full":
        return np.sum(np.log(factors.reshape(len(factors), -1)[:, :: width + 1]), axis=1)
    if kind == "tied":
        return np.sum(np.log(np.linalg.diagonal(factors)))
    return np.sum(np.log(factors), axis=1) if kind == "diag" else width * np.log(factors)


def _full(means: Any, factors: Any) -> Call:
    each = [(factor, mean @ factor) for factor, mean in zip(factors, means, strict=True)]

    def distances(X: Any) -> Any:
        found = np.empty((len(X), len(each)), X.dtype)  # scikit-learn cuts the distances of integers off
        for component, (factor, center) in enumerate(each):
            found[:, component] = np.sum(np.square(X @ factor - center), axis=1)
        return found

    return distances


def _tied(means: Any, factor: Any) -> Call:
    centers = [mean @ factor for mean in means]

    def distances(X: Any) -> Any:
        found, projected = np.empty((len(X), len(centers)), X.dtype), X @ factor
        for component, center in enumerate(centers):
            found[:, component] = np.sum(np.square(projected - center), axis=1)
        return found

    return distances


def _diagonal(means: Any, factors: Any) -> Call:
    precisions = factors**2
    constants, linear = np.sum(means**2 * precisions, axis=1), (means * precisions).T
    return lambda X: constants - 2.0 * (X @ linear) + (X**2 @ precisions.T)


def _spherical(means: Any, factors: Any) -> Call:
    precisions = factors**2
    constants = np.sum(means**2, axis=1) * precisions
    return lambda X: (
        constants - 2 * (X @ means.T * precisions) + np.multiply.outer(np.einsum("ij,ij->i", X, X), precisions)
    )


DISTANCES = {"diag": _diagonal, "full": _full, "spherical": _spherical, "tied": _tied}
"""For each kind of covariance, from means and factors: each row's squared distance from each component."""

SHAPES: Mapping[str, Callable[[int, int], tuple[int, ...]]] = {
    "diag": lambda count, width: (count, width),
    "full": lambda count, width: (count, width, width),
    "spherical": lambda count, _: (count,),
    "tied": lambda _, width: (width, width),
}
"""For each kind of covariance, from the numbers of components and of columns: the factors' shape."""

MIXTURE_KEYS = keys(
    "n_components tol reg_covar max_iter n_init init_params random_state warm_start verbose verbose_interval"
    " covariance_type weights_init means_init precisions_init converged_ weights_ means_ covariances_"
    " precisions_cholesky_ precisions_ n_iter_ lower_bound_ lower_bounds_"
)

BAYESIAN_KEYS = MIXTURE_KEYS | keys(
    "weight_concentration_prior_type weight_concentration_prior mean_precision_prior mean_prior"
    " degrees_of_freedom_prior covariance_prior weight_concentration_prior_ weight_concentration_ mean_precision_prior_"
    " mean_precision_ mean_prior_ degrees_of_freedom_prior_ degrees_of_freedom_ covariance_prior_"
)

FAMILIES: Mapping[str, Family] = {
    "sklearn.mixture._bayesian_mixture.BayesianGaussianMixture": Family(bayesian, BAYESIAN_KEYS),
    "sklearn.mixture._gaussian_mixture.GaussianMixture": Family(mixture, MIXTURE_KEYS),
}
