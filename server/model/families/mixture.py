"""Mixtures of normal distributions.

Source: sklearn/mixture/_base.py, _gaussian_mixture.py. BayesianGaussianMixture needs SciPy's digamma, which no compiled
file has that loads alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, behind
from server.model.families.probabilities import log_sum_exp
from server.model.families.state import Family, State, keys


def mixture(state: State) -> Part:
    """Return a GaussianMixture: the logarithm of each component's probability."""
    means, weights = state.fitted_floats("means_", None, state.columns), state.fitted_floats("weights_", None)
    kind = state.word("covariance_type", *DISTANCES)
    count, width = means.shape
    if len(weights) != count or not count:
        raise state.unknown("weights_")
    factors = state.fitted_floats("precisions_cholesky_", *SHAPES[kind](count, width))
    with np.errstate(all="ignore"):
        volumes, log_weights = _volumes(factors, kind, width), np.log(weights)
        distances = DISTANCES[kind](means, factors)
    constant = width * math.log(2 * math.pi)

    def logs(X: Any) -> Any:
        return -0.5 * (constant + distances(X)) + volumes + log_weights

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

FAMILIES: Mapping[str, Family] = {"sklearn.mixture._gaussian_mixture.GaussianMixture": Family(mixture, MIXTURE_KEYS)}
