"""Scalers: each value by itself, with the numbers of its column, or of its row (Normalizer).

Source: sklearn/preprocessing/_data.py; for sparse rows `inplace_csr_column_scale` in sklearn/utils/sparsefuncs.py and
`inplace_csr_row_normalize_l1`, `_l2` in sklearn/utils/sparsefuncs_fast.pyx.

With `copy=False` scikit-learn writes into the input, which other parts of the model may use as well: unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, behind, matrix_part
from server.model.families.sparse_rows import SparseRows
from server.model.families.state import Family, State, keys, wide

TINY = 10 * np.finfo(np.float64).eps
"""A row whose norm is below it is not divided."""


def standard(state: State) -> Part:
    """Return a StandardScaler."""
    return _scaler(state, *standard_numbers(state))


def standard_numbers(state: State) -> tuple[Any, Any]:
    """Return what a StandardScaler subtracts from each column and divides it by, None for either."""
    shift = state.floats("mean_", state.columns) if state.flag("with_mean") else None
    return shift, state.floats("scale_", state.columns) if state.flag("with_std") else None


def robust(state: State) -> Part:
    """Return a RobustScaler."""
    return _scaler(state, *robust_numbers(state))


def robust_numbers(state: State) -> tuple[Any, Any]:
    """Return what a RobustScaler subtracts from each column and divides it by, None for either."""
    shift = state.wide_floats("center_", state.columns) if state.flag("with_centering") else None
    return shift, state.fitted_floats("scale_", state.columns) if state.flag("with_scaling") else None


def max_abs(state: State) -> Part:
    """Return a MaxAbsScaler. `clip` came with scikit-learn 1.8."""
    limits = (-1.0, 1.0) if state.flag("clip", default=False) else None
    return _scaler(state, None, state.fitted_floats("scale_", state.columns), limits)


def min_max(state: State) -> Part:
    """Return a MinMaxScaler."""
    scale, shift = state.wide_floats("scale_", state.columns), state.wide_floats("min_", state.columns)

    def transform(X: Any) -> Any:
        X = X * scale
        X += shift
        return X

    call: Call = transform
    if state.flag("clip"):
        call = _clipped(transform, *_range(state))
    check = Check(state.name, nan=True)
    return matrix_part(_part(state), {"transform": call}, check)


def _range(state: State) -> tuple[float, float]:
    """Return `feature_range`."""
    found = state.sequence("feature_range")
    if len(found) != 2 or not all(type(limit) in (int, float) for limit in found):  # noqa: PLR2004 - low and high
        raise state.unknown("feature_range")
    return float(found[0]), float(found[1])


def _part(state: State) -> Part:
    """Return the part without methods."""
    state.must_be("copy", True)
    return state.part(row_independent=True)


def _scaler(state: State, shift: Any, scale: Any, limits: tuple[float, float] | None = None) -> Part:
    """Return a part that subtracts, then divides, then clips. It shifts no sparse rows: zeros would not stay zero."""
    dense = _shifted_and_divided(shift, None if scale is None else wide(scale))
    if limits:
        dense = _clipped(dense, *limits)
    part = _part(state)
    if shift is not None:
        return matrix_part(part, {"transform": dense}, Check(state.name, nan=True))
    factors = None if scale is None else 1.0 / scale

    def sparse(X: SparseRows) -> SparseRows:
        data = X.data if factors is None else X.data * factors[X.columns]
        return X.with_data(data.clip(*limits) if limits else data)

    return _with_sparse(part, dense, sparse, Check(state.name, nan=True, sparse=True))


def _shifted_and_divided(shift: Any, scale: Any) -> Call:
    if shift is not None and scale is not None:

        def transform(X: Any) -> Any:
            X = X - shift
            X /= scale
            return X

        return transform
    if shift is not None:
        return lambda X: X - shift
    return (lambda X: X / scale) if scale is not None else (lambda X: X)


def _clipped(call: Call, low: float, high: float) -> Call:
    def transform(X: Any) -> Any:
        X = call(X)
        return X.clip(low, high, out=X)

    return transform


def _with_sparse(part: Part, dense: Call, sparse: Call, check: Check) -> Part:
    """Return a part that takes both kinds of rows and gives the same kind back."""
    both = lambda X: sparse(X) if type(X) is SparseRows else dense(X)  # noqa: E731 - short
    part = matrix_part(part, {"transform": both}, check)
    return replace(part, direct={"transform": dense}, keeps_sparse=True)


# ---- by row


def normalizer(state: State) -> Part:
    """Return a Normalizer."""
    norm = state.word("norm", "l1", "l2", "max")
    dense = DENSE_NORMS[norm]

    def transform(X: Any) -> Any:
        norms = dense(X)
        norms[norms < TINY] = 1.0
        return X / norms[:, None]

    # The sums of NumPy depend on the memory layout, and scikit-learn's copy has no gaps.
    both = lambda X: normalized(X, norm) if type(X) is SparseRows else transform(X.copy("K"))  # noqa: E731 - short
    part = matrix_part(_part(state), {"transform": both}, Check(state.name, sparse=True))
    return replace(part, direct={"transform": transform}, keeps_sparse=True)


def normalized(X: SparseRows, norm: str) -> SparseRows:
    """Return each row divided by its norm: "l1", "l2" or "max". A row of stored zeros stays as it is."""
    norms = SPARSE_NORMS[norm](X)
    if len(X) == 1:
        return X.with_data(X.data / norms) if norms[0] != 0.0 else X
    norms = norms[X.rows]
    return X.with_data(np.divide(X.data, norms, out=X.data.copy(), where=norms != 0.0))


DENSE_NORMS: Mapping[str, Call] = {
    "l1": lambda X: np.abs(X).sum(axis=1),
    "l2": lambda X: np.sqrt(np.einsum("ij,ij->i", X, X)),
    "max": lambda X: np.abs(X).max(axis=1),
}

SPARSE_NORMS: Mapping[str, Call] = {
    "l1": lambda X: _row_sums(X, np.abs(X.data)),
    "l2": lambda X: np.sqrt(_row_sums(X, X.data * X.data)),
    "max": lambda X: _row_maxima(X),
}


def _row_sums(X: SparseRows, values: Any) -> Any:
    """Return each row's sum, one value after another: `accumulate` and `bincount` add in this order."""
    if len(X) == 1 and len(values):
        return np.add.accumulate(values)[-1:]
    return np.bincount(X.rows, values, len(X))


def _row_maxima(X: SparseRows) -> Any:
    """Return each row's largest absolute value."""
    norms = np.zeros(len(X))
    np.maximum.at(norms, X.rows, np.abs(X.data))
    return norms


# ---- by threshold


def binarizer(state: State) -> Part:
    """Return a Binarizer."""
    threshold = state.number("threshold")
    call: Call = lambda X: above(X, threshold)  # noqa: E731 - short
    sparse = threshold >= 0  # below, zeros that are not stored would become ones
    check = Check(state.name, sparse=sparse)
    return replace(
        _part(state),
        methods={"transform": behind(check.numbers, call)},
        direct={"transform": call},
        takes_sparse=sparse,
        keeps_sparse=sparse,
    )


def above(X: Any, threshold: float) -> Any:
    """Return 1 for each value above the threshold, else 0, in the dtype of the rows.

    SparseRows need a threshold that is not negative.
    """
    if type(X) is SparseRows:
        found = X.only(X.data > threshold)
        return replace(found, data=np.ones(len(found.data)))
    return (threshold < X).astype(X.dtype)


SCALED = keys("copy n_samples_seen_ scale_")
STANDARD = "sklearn.preprocessing._data.StandardScaler"
STANDARD_KEYS = SCALED | keys("with_mean with_std mean_ var_")

FAMILIES: Mapping[str, Family] = {
    "sklearn.preprocessing._data.Binarizer": Family(binarizer, keys("copy threshold")),
    "sklearn.preprocessing._data.MaxAbsScaler": Family(max_abs, SCALED | keys("clip max_abs_")),
    "sklearn.preprocessing._data.MinMaxScaler": Family(
        min_max, SCALED | keys("clip feature_range min_ data_min_ data_max_ data_range_")
    ),
    "sklearn.preprocessing._data.Normalizer": Family(normalizer, keys("copy norm")),
    "sklearn.preprocessing._data.RobustScaler": Family(
        robust, SCALED | keys("with_centering with_scaling quantile_range unit_variance center_")
    ),
    STANDARD: Family(standard, STANDARD_KEYS),
}
