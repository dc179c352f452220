"""Decompositions that multiply rows by a matrix: PCA, truncated SVD, FastICA.

Source: sklearn/decomposition/_base.py (`_BasePCA._transform`), _truncated_svd.py, _fastica.py. `PCA.score_samples`
needs SciPy's `inv`, which is not among the compiled routines, so PCA is known only where something follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Check, Part, matrix_part
from server.model.families.sparse_rows import product
from server.model.families.state import Family, State, keys

EPSILON = np.finfo(np.float64).eps
"""Least standard deviation of a component. A smaller one is replaced by it."""


def pca(state: State) -> Part:
    """Return a PCA."""
    return replace(_projection(state, sparse=True), lacks=frozenset({"score_samples"}))


def incremental_pca(state: State) -> Part:
    """Return an IncrementalPCA. It makes sparse rows dense, in blocks: they are unknown."""
    return _projection(state, sparse=False)


def _projection(state: State, *, sparse: bool) -> Part:
    components = state.floats("components_", None, state.columns).T
    # With one row, as scikit-learn multiplies it: BLAS adds a vector's products in another order.
    center = state.floats("mean_", state.columns).reshape(1, -1) @ components
    project, scale = product(components), None
    if state.flag("whiten"):
        scale = np.sqrt(state.floats("explained_variance_", components.shape[1]))
        scale[scale < EPSILON] = EPSILON

    def transform(X: Any) -> Any:
        X = project(X)
        X -= center
        if scale is not None:
            X /= scale
        return X

    return matrix_part(state.part(), {"transform": transform}, Check(state.name, sparse=sparse))


def truncated_svd(state: State) -> Part:
    """Return a TruncatedSVD."""
    components = state.floats("components_", None, state.columns).T
    check = Check(state.name, sparse=True, keeps_integers=True)
    return matrix_part(state.part(), {"transform": product(components)}, check)


def fast_ica(state: State) -> Part:
    """Return a FastICA."""
    components = state.floats("components_", None, state.columns).T
    if state.word("whiten", "arbitrary-variance", "unit-variance", False) is False:
        return matrix_part(state.part(), {"transform": lambda X: np.dot(X, components)}, Check(state.name))
    mean = state.floats("mean_", state.columns)
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
