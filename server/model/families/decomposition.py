"""Decompositions that multiply rows by a matrix: PCA, truncated SVD, FastICA.

Source: sklearn/decomposition/_base.py (`_BasePCA._transform`, `get_covariance`, `get_precision`), _pca.py
(`score_samples`), _truncated_svd.py, _fastica.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Check, Part, behind, matrix_part
from server.model.families.precision import MAX_WIDTH, dense_only, inverse, log_likelihood
from server.model.families.sparse_rows import product
from server.model.families.state import SINGLE_PRECISION, Family, State, keys, wide


def pca(state: State) -> Part:
    """Return a PCA.

    Some are known only where something follows them, which does not ask for likelihoods: very wide ones, and those of
    float32 of versions before 1.9, which rounded less on the way.
    """
    part = _projection(state, sparse=True)
    before_rounding = () < state.version < (1, 9) and SINGLE_PRECISION in state.traits
    if state.columns > MAX_WIDTH or before_rounding:
        return replace(part, lacks=frozenset({"score_samples"}))
    mean = state.fitted_floats("mean_", state.columns)
    likelihood = log_likelihood(mean, _precision(state))
    complete = behind(dense_only(Check(state.name)), likelihood)
    return replace(
        part,
        methods={**part.methods, "score_samples": complete},
        direct={**part.direct, "score_samples": likelihood},
    )


def _precision(state: State) -> Callable[[], Any]:
    """Return a function that gives the inverse of the covariance of the columns, in scikit-learn's order of steps."""
    components = state.fitted_floats("components_", None, state.columns)
    count = len(components)
    if count > state.columns or state.integer("n_components_") != count:
        raise state.unknown("components_")
    variances = state.fitted_floats("explained_variance_", count)
    noise: Any = state.values.get("noise_variance_")
    if type(noise) not in (float, np.float64, np.float32):
        raise state.unknown("noise_variance_")
    whiten = state.flag("whiten")

    def precision() -> Any:
        if not count:
            return np.eye(state.columns) / noise
        scaled = components * np.sqrt(variances[:, np.newaxis]) if whiten else components
        above = np.where(variances > noise, variances - noise, variances.dtype.type(0.0))
        if noise == 0.0:
            covariance = (scaled.T * above) @ scaled
            covariance.flat[:: state.columns + 1] += noise
            return inverse(covariance)
        above = np.where(variances > noise, variances - noise, np.asarray(0.0))
        inner = scaled @ scaled.T / noise
        inner.flat[:: count + 1] += (1.0 / above).astype(inner.dtype)
        found = scaled.T @ inverse(inner) @ scaled
        found /= -(noise**2)
        found.flat[:: state.columns + 1] += 1.0 / noise
        return found

    return precision


def incremental_pca(state: State) -> Part:
    """Return an IncrementalPCA. It makes sparse rows dense, in blocks: they are unknown."""
    return _projection(state, sparse=False)


def _projection(state: State, *, sparse: bool) -> Part:
    components = state.fitted_floats("components_", None, state.columns).T
    # With one row, as scikit-learn multiplies it: BLAS adds a vector's products in another order.
    center = state.fitted_floats("mean_", state.columns).reshape(1, -1) @ components
    project, scale = product(wide(components)), None
    if state.flag("whiten"):
        scale = np.sqrt(state.fitted_floats("explained_variance_", components.shape[1]))
        least = np.finfo(scale.dtype).eps
        scale[scale < least] = least

    def transform(X: Any) -> Any:
        X = project(X)
        X -= center
        if scale is not None:
            X /= scale
        return X

    return matrix_part(state.part(), {"transform": transform}, Check(state.name, sparse=sparse))


def truncated_svd(state: State) -> Part:
    """Return a TruncatedSVD."""
    components = wide(state.fitted_floats("components_", None, state.columns).T)
    check = Check(state.name, sparse=True, keeps_integers=True)
    return matrix_part(state.part(), {"transform": product(components)}, check)


def fast_ica(state: State) -> Part:
    """Return a FastICA."""
    components = state.fitted_floats("components_", None, state.columns).T
    if state.word("whiten", "arbitrary-variance", "unit-variance", False) is False:
        return matrix_part(state.part(), {"transform": lambda X: np.dot(X, components)}, Check(state.name))
    mean = state.fitted_floats("mean_", state.columns)
    return matrix_part(state.part(), {"transform": lambda X: np.dot(X - mean, components)}, Check(state.name))


PROJECTION = keys(
    "n_components copy whiten components_ explained_variance_ explained_variance_ratio_ singular_values_ mean_"
    " n_components_ noise_variance_"
)

RANDOMIZED = keys("n_oversamples power_iteration_normalizer random_state tol")

FAMILIES: Mapping[str, Family] = {
    "sklearn.decomposition._fastica.FastICA": Family(
        fast_ica,
        keys(
            "n_components algorithm whiten fun fun_args max_iter tol w_init whiten_solver random_state components_"
            " mixing_ mean_ n_iter_ whitening_ _unmixing"
        ),
    ),
    "sklearn.decomposition._incremental_pca.IncrementalPCA": Family(
        incremental_pca, PROJECTION | keys("batch_size batch_size_ n_samples_seen_ var_")
    ),
    "sklearn.decomposition._pca.PCA": Family(
        pca, PROJECTION | RANDOMIZED | keys("svd_solver iterated_power n_samples_ _fit_svd_solver")
    ),
    "sklearn.decomposition._truncated_svd.TruncatedSVD": Family(
        truncated_svd,
        RANDOMIZED
        | keys(
            "algorithm n_components n_iter components_ explained_variance_ explained_variance_ratio_ singular_values_"
        ),
    ),
}
