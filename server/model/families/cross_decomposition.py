"""Partial least squares: rows are centered, and multiplied by a matrix.

Source: sklearn/cross_decomposition/_pls.py. Up to 1.4, the coefficients were those of scaled rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, matrix_part
from server.model.families.state import Family, State, keys

SCALES_COEFFICIENTS = (1, 5)
"""The version since which they are those of rows that are only centered."""


def partial_least_squares(state: State) -> Part:
    """Return a PLSRegression, PLSCanonical or CCA."""
    center, scale = state.floats("_x_mean", state.columns), state.floats("_x_std", state.columns)
    rotations = state.floats("x_rotations_", state.columns, None)
    coefficients = state.floats("coef_", None, state.columns).T
    constant = state.floats("intercept_", coefficients.shape[1])
    one_target = state.flag("_predict_1d") and coefficients.shape[1] == 1
    is_scaled = () < state.version < SCALES_COEFFICIENTS

    def predict(X: Any) -> Any:
        X = X - center
        if is_scaled:
            X /= scale
        found = X @ coefficients + constant
        return found.ravel() if one_target else found

    return _part(state, {"predict": predict, "transform": _projection(center, scale, rotations)})


def singular_vectors(state: State) -> Part:
    """Return a PLSSVD."""
    center, scale = state.floats("_x_mean", state.columns), state.floats("_x_std", state.columns)
    return _part(state, {"transform": _projection(center, scale, state.floats("x_weights_", state.columns, None))})


def _projection(center: Any, scale: Any, rotations: Any) -> Call:
    def transform(X: Any) -> Any:
        X = X - center
        X /= scale
        return np.dot(X, rotations)

    return transform


def _part(state: State, methods: Mapping[str, Call]) -> Part:
    return matrix_part(state.part(), methods, Check(state.name))


SVD_KEYS = keys("n_components scale copy _x_mean _y_mean _x_std _y_std x_weights_ y_weights_ _n_features_out")
PLS_KEYS = SVD_KEYS | keys(
    "deflation_mode mode algorithm max_iter tol _predict_1d _norm_y_weights _x_scores _y_scores x_loadings_ y_loadings_"
    " n_iter_ x_rotations_ y_rotations_ coef_ intercept_ x_scores_ y_scores_"
)

FAMILIES: Mapping[str, Family] = {
    "sklearn.cross_decomposition._pls.CCA": Family(partial_least_squares, PLS_KEYS),
    "sklearn.cross_decomposition._pls.PLSCanonical": Family(partial_least_squares, PLS_KEYS),
    "sklearn.cross_decomposition._pls.PLSRegression": Family(partial_least_squares, PLS_KEYS),
    "sklearn.cross_decomposition._pls.PLSSVD": Family(singular_vectors, SVD_KEYS),
}
