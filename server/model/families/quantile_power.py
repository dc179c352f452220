"""QuantileTransformer and PowerTransformer: each column in the shape of another distribution.

Source: sklearn/preprocessing/_data.py (`_transform_col`, `PowerTransformer.transform`), scipy/stats/_morestats.py
(`_yeojohnson_transform`), _distn_infrastructure.py (`ppf`). `copy=False`, which writes into the input, is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families.base import Call, Check, Part, Unsuited, behind, matrix_part
from server.model.families.scalers import STANDARD, STANDARD_KEYS, standard_numbers
from server.model.families.special_functions import box_cox, normal_quantiles
from server.model.families.state import Family, State, keys

# ---- quantiles

NEARLY = 1e-7
"""Distance from the ends of a column's range that counts as the end, for a normal distribution."""


def quantile(state: State) -> Part:
    """Return a QuantileTransformer."""
    state.must_be("copy", True)
    is_normal = state.word("output_distribution", "uniform", "normal") == "normal"
    table = state.floats("quantiles_", None, state.columns)
    references = state.floats("references_", len(table))
    columns = [_column(np.ascontiguousarray(quantiles), references, is_normal) for quantiles in table.T]

    def transform(X: Any) -> Any:
        out = np.empty_like(X)
        for at, column in enumerate(columns):
            out[:, at] = column(X[:, at])
        return out

    return matrix_part(state.part(row_independent=True), {"transform": transform}, Check(state.name, nan=True))


def _column(quantiles: Any, references: Any, is_normal: bool) -> Call:
    """Return the call for the values of one column.

    Where quantiles repeat, the mean of the interpolations from below and from above is taken.
    """
    least, most = quantiles[0], quantiles[-1]
    reversed_quantiles, reversed_references = -quantiles[::-1], -references[::-1]

    def transform(values: Any) -> Any:
        below = np.interp(values, quantiles, references)
        out = 0.5 * (below - np.interp(-values, reversed_quantiles, reversed_references))
        missing = np.isnan(values)
        if missing.any():
            out[missing] = values[missing]
        if is_normal:
            out[values + NEARLY > most] = 1
            out[values - NEARLY < least] = 0
            return np.clip(normal_quantiles(out), *_normal_limits())
        out[values == most] = 1
        out[values == least] = 0
        return out

    return transform


@cache
def _normal_limits() -> tuple[Any, Any]:
    """Return the least and the greatest quantile: the ends of a normal distribution are infinite."""
    least = NEARLY - np.spacing(1)
    return tuple(normal_quantiles(np.array([least, 1 - least])))


# ---- powers


def power(state: State) -> Part:
    """Return a PowerTransformer."""
    state.must_be("copy", True)
    exponents = _exponents(state)
    check, part = Check(state.name, nan=True), state.part(row_independent=True)
    if state.word("method", "yeo-johnson", "box-cox") == "box-cox":
        curve = _box_cox(exponents)
        complete, fast = behind(behind(check, _require_above_zero), curve), behind(_above_zero, curve)
    else:
        fast = _yeo_johnson(exponents)
        complete = behind(check, fast)
    if not state.flag("standardize"):
        return replace(part, methods={"transform": complete}, direct={"transform": fast})
    scaler = state.inside("_scaler", STANDARD_KEYS, STANDARD)
    if scaler.columns != state.columns:
        raise state.unknown("_scaler")
    mean, scale = standard_numbers(scaler)
    if mean is None or scale is None:
        raise state.unknown("_scaler")
    scaler_check = Check(scaler.name, nan=True)

    def scaled(X: Any) -> Any:
        X -= mean
        X /= scale
        return X

    def transform(X: Any) -> Any:
        X = complete(X)
        scaler_check.require_finite(X)
        return scaled(X)

    def direct(X: Any) -> Any:
        X = fast(X)
        if not finite(X):
            raise Unsuited
        return scaled(X)

    return replace(part, methods={"transform": transform}, direct={"transform": direct})


def _exponents(state: State) -> Any:
    found = state.fitted_floats("lambdas_", state.columns)
    if not np.isfinite(found).all():
        raise state.unknown("lambdas_")
    return found


def _yeo_johnson(exponents: Any) -> Call:
    """Return the call for all columns at once: exponent λ for values from zero on, 2 - λ for those below."""
    epsilon = np.finfo(np.float64).eps
    above, below = exponents, 2 - exponents
    log_above, log_below = abs(above) < epsilon, ~(abs(exponents - 2) > epsilon)
    logs = bool(log_above.any() or log_below.any())

    def transform(X: Any) -> Any:
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            positive = X >= 0
            steps = np.log1p(np.where(positive, X, -X))
            factors = np.where(positive, above, below)
            curved = np.expm1(factors * steps) / factors
        if logs:
            curved = np.where(np.where(positive, log_above, log_below), steps, curved)
        out = np.empty_like(X)
        np.copyto(out, np.where(positive, curved, -curved))
        return out

    return transform


def _box_cox(exponents: Any) -> Call:
    powers = exponents.tolist()

    def transform(X: Any) -> Any:
        out = np.empty_like(X)
        for at, exponent in enumerate(powers):
            out[:, at] = box_cox(X[:, at], exponent)
        return out

    return transform


def _require_above_zero(X: Any) -> Any:
    if (X <= 0).any():
        raise ValueError("The Box-Cox transformation can only be applied to strictly positive data")
    return X


def _above_zero(X: Any) -> Any:
    if (X <= 0).any():
        raise Unsuited
    return X


FAMILIES: Mapping[str, Family] = {
    "sklearn.preprocessing._data.PowerTransformer": Family(power, keys("method standardize copy lambdas_ _scaler")),
    "sklearn.preprocessing._data.QuantileTransformer": Family(
        quantile,
        keys(
            "n_quantiles output_distribution ignore_implicit_zeros subsample random_state copy n_quantiles_ quantiles_"
            " references_"
        ),
    ),
}
