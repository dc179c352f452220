"""Imputers: a column's statistic in place of each missing value, and columns that mark which values were missing.

Source: sklearn/impute/_base.py, sklearn/utils/_mask.py. Warnings about columns that are dropped are not given. Sparse
rows are unknown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families.base import Call, Check, Part
from server.model.families.state import LABEL_TYPES, SINGLE_PRECISION, Family, State, keys

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))

FROM_NUMBERS = ("mean", "median")
"""Strategies that convert all values to numbers."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The rows that an imputer takes, and which of their values are missing."""

    name: str
    """The estimator's name."""
    value: Any
    """`missing_values`."""
    as_dtype: Any = None
    """The dtype that the rows are converted to. None: they keep theirs."""
    strategy: str = ""
    """The strategy, for the error's text."""

    @property
    def is_nan(self) -> bool:
        """Return whether NaN is what marks a missing value."""
        return type(self.value) is float and math.isnan(self.value)

    def rows(self, X: Any) -> Any:
        """Return the rows as an array.

        Raises:
            ValueError: a value is not a number, is infinite, or is NaN where something else marks missing values.

        """
        X = self._converted(X if type(X) is np.ndarray else X.matrix())
        X = Check(self.name, nan=self.is_nan).unconverted(X)
        kind = X.dtype.kind
        if kind in "iuf" and type(self.value) not in (int, float):
            raise ValueError(
                "'X' and 'missing_values' types are expected to be both numerical. "
                f"Got X.dtype={X.dtype} and  type(missing_values)={type(self.value)}."
            )
        if kind not in "iufO":
            raise ValueError(
                f"{self.name} does not support data with dtype {X.dtype}. Please provide either a numeric array (with a"
                " floating point or integer dtype) or categorical data represented either as an array with integer"
                " dtype or an array of string values with an object dtype."
            )
        return X

    def _converted(self, X: Any) -> Any:
        if self.as_dtype is None or X.dtype == self.as_dtype:
            return X
        try:
            return X.astype(self.as_dtype)
        except ValueError as error:
            if "could not convert" in str(error):
                raise ValueError(f"Cannot use {self.strategy} strategy with non-numeric data:\n{error}") from None
            raise

    def mask(self, X: Any) -> Any:
        """Return whether each value is missing."""
        if not self.is_nan:
            return self.value == X
        if X.dtype.kind == "f":
            return np.isnan(X)
        return X != X if X.dtype.kind == "O" else np.zeros(X.shape, bool)  # noqa: PLR0124 - only NaN is not itself


def simple(state: State) -> Part:
    """Return a SimpleImputer."""
    state.must_be("copy", True)
    strategy = state.word("strategy", *FROM_NUMBERS, "most_frequent", "constant")
    fitted = _fitted_dtype(state)
    as_dtype = np.dtype(np.float64) if strategy in FROM_NUMBERS else None
    missing = Missing(state.name, missing_value(state), fitted if fitted.kind == "O" else as_dtype, strategy)
    # Up to 1.7, what replaces missing values was not rounded to float32.
    is_rounded = fitted != np.float32 or not () < state.version < (1, 8)
    statistics, kept = _statistics(state, fitted if is_rounded else np.dtype(np.float64))
    marked = marked_columns(state)
    constant = strategy == "constant"

    def transform(X: Any) -> Any:
        X = missing.rows(X)
        if constant:
            _require_castable(fitted, X.dtype)
        if fast and X.dtype == np.float64 and finite(X):
            return nothing_missing(X)
        return impute(X, missing.mask(X))

    def impute(X: Any, mask: Any) -> Any:
        out = X.copy("K") if kept is None else X[:, kept]
        np.copyto(out, statistics, where=mask if kept is None else mask[:, kept], casting="unsafe")
        return out if marked is None else np.hstack((out, mask[:, marked]))

    def nothing_missing(X: Any) -> Any:
        out = X if kept is None else X[:, kept]
        return out if marked is None else np.hstack((out, np.zeros((len(X), len(marked)))))

    direct: Call = lambda X: impute(X, missing.value == X)  # noqa: E731 - short
    fast = missing.is_nan and fitted.kind != "O"
    if fast:
        direct = nothing_missing
    number = type(missing.value) in (int, float) and fitted.kind != "O"
    part = state.part(row_independent=True)
    return replace(part, methods={"transform": transform}, direct={"transform": direct} if number else {})


def _fitted_dtype(state: State) -> Any:
    """Return the dtype of the rows that it was fitted on."""
    fitted = state.values.get("_fit_dtype")
    same = state.values.get("_fill_dtype", fitted)  # since 1.8, and always equal
    if not isinstance(fitted, np.dtype) or same != fitted or (fitted.kind not in "iuO" and fitted not in FLOATS):
        raise state.unknown("_fit_dtype")
    if fitted == np.float32:
        state.traits.add(SINGLE_PRECISION)
    return fitted


def _require_castable(fitted: Any, dtype: Any) -> None:
    if not np.can_cast(fitted, dtype, casting="same_kind"):
        raise ValueError(
            f"The dtype of the filling value (i.e. {fitted!r}) cannot be cast to the input data that is {dtype!r}. "
            "Make sure that the dtypes of the input data are of the same kind between fit and transform."
        )


def missing_value(state: State) -> Any:
    """Return `missing_values`: a number, NaN, a string or None."""
    found = state.values.get("missing_values", ...)
    found = found.item() if isinstance(found, np.generic) else found
    if type(found) not in (int, float, str, type(None)):
        raise state.unknown("missing_values")
    return found


def _statistics(state: State, fitted: Any) -> tuple[Any, Any]:
    """Return what replaces missing values in each column that is kept, and these columns; None for all."""
    found = state.array("statistics_", "fO", state.columns)
    if found.dtype.kind == "O":
        if not all(value is None or type(value) in LABEL_TYPES for value in found.tolist()):
            raise state.unknown("statistics_")
    elif found.dtype not in FLOATS:
        raise state.unknown("statistics_")
    if state.flag("keep_empty_features"):
        return found.astype(fitted), None
    valid = found == found  # noqa: PLR0124 - only NaN is not itself
    kept = np.flatnonzero(valid)
    return found[valid].astype(fitted), None if valid.all() else kept


def marked_columns(state: State) -> Any:
    """Return the columns for which the imputer adds one that marks which values were missing; None: it adds nothing."""
    if not state.flag("add_indicator"):
        return None
    indicator = state.inside("indicator_", INDICATOR_KEYS, INDICATOR)
    indicator.word("features", "missing-only")
    indicator.word("error_on_new", False)
    indicator.word("sparse", "auto")
    indicator.word("_precomputed", True)
    return _features(indicator, state.columns)


def _features(state: State, columns: int) -> Any:
    """Return `features_`: each is one of the columns."""
    found = state.array("features_", "iu", None)
    if len(found) and not (found.min() >= 0 and found.max() < columns):
        raise state.unknown("features_")
    return found.astype(np.intp)


def indicator(state: State) -> Part:
    """Return a MissingIndicator."""
    state.must_be("sparse", "auto", False)
    state.must_be("_precomputed", False)
    missing, features = Missing(state.name, missing_value(state)), _features(state, state.columns)
    only_missing = state.word("features", "missing-only", "all") == "missing-only"
    refuses_new = only_missing and state.flag("error_on_new")
    cut = only_missing and len(features) < state.columns

    def transform(X: Any) -> Any:
        mask = missing.mask(missing.rows(X))
        if refuses_new:
            new = np.setdiff1d(np.flatnonzero(mask.sum(axis=0)), features)
            if new.size:
                raise ValueError(
                    f"The features {new} have missing values in transform but have no missing values in fit."
                )
        return mask[:, features] if cut else mask

    part = state.part(row_independent=True)
    return replace(part, methods={"transform": transform})


INDICATOR = "sklearn.impute._base.MissingIndicator"

INDICATOR_KEYS = keys("missing_values features sparse error_on_new features_ _n_features _precomputed")

FAMILIES: Mapping[str, Family] = {
    INDICATOR: Family(indicator, INDICATOR_KEYS),
    "sklearn.impute._base.SimpleImputer": Family(
        simple,
        keys(
            "missing_values strategy fill_value copy add_indicator keep_empty_features statistics_ indicator_"
            " _fit_dtype _fill_dtype"
        ),
    ),
}
