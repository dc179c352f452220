"""Matrices of numbers: built and checked as a whole, not value by value. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.wording import Cell, Place, cell_of_row, in_column, shown
from server.schema import Schema
from server.short_steps import array_of, in_steps, list_of

Matrix = np.ndarray[Any, np.dtype[Any]]

MAX_DOT_SIZE = 4096
"""Elements. Up to here one BLAS dot product finds a non-finite value in half the time of a NumPy reduction. Far above
it, BLAS starts threads and is slower."""

NUMBERS_AND_NULL = frozenset({int, float, bool, type(None)})

EXACT = 2.0**53
"""Below it every integer has a float64 of its own. Beyond, an integer may become another one."""

TOO_LARGE = "too large for a 64-bit number"
NO_MISSING = "null or NaN; a number is needed and this model takes no missing values"


def finite(X: Matrix) -> bool:
    """Return whether every value is finite. A sum that is not may only have overflowed; then each value is checked."""
    if X.size <= MAX_DOT_SIZE:
        return math.isfinite(np.vdot(X, X)) or bool(np.isfinite(X).all())
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(X.sum()) or bool(np.isfinite(X).all())


def plain(X: Matrix) -> bool:
    """Return whether every value is finite and smaller than EXACT, so that no integer was rounded.

    It costs what `finite` costs: where the sum of the squares is below EXACT², each value is below EXACT.
    """
    if X.size <= MAX_DOT_SIZE and np.vdot(X, X) < EXACT * EXACT:  # NaN is not
        return True
    return bool(X.size == 0 or (X.max() < EXACT and X.min() > -EXACT))


def as_matrix_or_none(data: Any, schema: Schema, *, no_strings: bool) -> Matrix | None:
    """Return rows of numbers as a matrix of the right width and type, or None if they need a closer look.

    With `no_strings` the caller guarantees that no string is in `data`; otherwise each value is checked first.
    """
    if not _begins_with_row(data, schema.features):
        return None
    try:
        if not no_strings:
            _require_numbers_or_null(data, schema)
        # Told the type, NumPy is twice as fast, but it would cut off fractions and round large integers.
        X = array_of(data, None if schema.dtype == "int64" else np.float64, len(data[0]))
    except (ValueError, TypeError, OverflowError):
        return None
    if X.ndim != 2 or 0 in X.shape or schema.features not in (None, X.shape[1]):  # noqa: PLR2004 - rows and features
        return None
    if X.dtype.kind in "ib":
        return X.astype(np.int64, copy=False)
    # JSON has no NaN, so it was null.
    if X.dtype.kind == "f" and (plain(X) or (schema.allows_missing and plain_but_nan(X))):
        return _in_type(X, schema)
    return None


def require_numbers(values: Iterable[Any]) -> None:
    """Raise TypeError or OverflowError unless all these JSON values are numbers or booleans.

    NumPy must never see a client's string. Told the type, it reads "1" as 1. Not told, it reserves the longest string's
    bytes for every value: 221 bytes of gzip made it reserve 1.6 GB. sum() adds nothing but numbers, and takes a quarter
    of the time of a look at each type.
    """
    sum(values)


def require_number_rows(rows: Sequence[Any]) -> None:
    """Raise as `require_numbers` does unless all the values in these lists are numbers or booleans."""
    for part in in_steps(rows, len(rows[0])):
        require_numbers(chain.from_iterable(part))


def _require_numbers_or_null(data: list[Any], schema: Schema) -> None:
    """Raise as `require_numbers` does, unless the others are nulls and the model takes missing values."""
    try:
        require_number_rows(data)
    except TypeError:
        if not schema.allows_missing or not types_in_rows(data) <= NUMBERS_AND_NULL:
            raise


def types_in_rows(rows: Sequence[Any]) -> set[type]:
    """Return the types of the values in these lists."""
    found: set[type] = set()
    for part in in_steps(rows, len(rows[0])):
        found.update(map(type, chain.from_iterable(part)))
    return found


def _begins_with_row(data: Any, features: int | None) -> bool:
    """Return whether the first row fits. NumPy would look at all the others first."""
    if not isinstance(data, list) or not data or not isinstance(data[0], list) or not data[0]:
        return False
    return features is None or len(data[0]) == features


def plain_but_nan(X: Matrix) -> bool:
    """Return `plain` of the values that are not NaN. Of NaN alone, the comparisons are false and nothing is large."""
    return not (np.fmax.reduce(X, axis=None) >= EXACT or np.fmin.reduce(X, axis=None) <= -EXACT)


def _in_type(X: Matrix, schema: Schema) -> Matrix | None:
    """Return checked float64 in the model's type, or None where a value has no place in it."""
    if schema.dtype == "float64":
        return X
    if schema.dtype == "float32":
        return as_float32(X)
    if np.isnan(X).any():
        return X  # an integer cannot be missing
    return X.astype(np.int64) if bool((np.trunc(X) == X).all()) else None


def as_float32(X: Matrix) -> Matrix | None:
    """Return X as float32, or None where a value is too large for that."""
    with np.errstate(over="ignore"):
        narrow = X.astype(np.float32)
    return None if bool((np.isinf(narrow) & np.isfinite(X)).any()) else narrow


def array_to_matrix(values: np.ndarray[Any, Any], schema: Schema, place: str) -> Matrix:
    """Return an array of numbers, rows and features, as the model takes it. Aligned float64 is not copied.

    Raises:
        InputError: names the first value that does not suit.

    """
    if schema.dtype == "float64" and values.dtype.kind in "fb":
        # The only copy. Otherwise the model and BLAS would each make a copy of their own.
        return checked_matrix(np.require(values, np.float64, ["C_CONTIGUOUS", "ALIGNED"]), schema, place)
    return columns_to_matrix(list(values.T), schema, cell_of_row(place))


def columns_to_matrix(columns: list[np.ndarray[Any, Any]], schema: Schema, cell: Cell) -> Matrix:
    """Return columns of numbers, each an array of float64, int64 or uint64, as the model takes them.

    Raises:
        InputError: names the first value that does not suit: missing, or without a place in the model's type.

    """
    if schema.dtype == "int64" and not any(_has_nan(column) for column in columns):
        return np.stack([_integers(column, cell, index) for index, column in enumerate(columns)], axis=1)
    X = np.empty((len(columns[0]), len(columns)))
    for index, column in enumerate(columns):
        X[:, index] = column
        if column.dtype.kind in "iu" and not plain(X[:, index]):
            refuse_rounded(list_of(column), in_column(cell, index))
    X = checked_matrix(X, schema, cell)
    if schema.dtype != "float32":
        return X
    narrow = as_float32(X)
    if narrow is None:
        row, column = np.argwhere(np.abs(X) > np.finfo(np.float32).max)[0]
        raise InputError(f"{cell(row, column)} is too large for a 32-bit number, which the model computes with")
    return narrow


def checked_matrix(X: Matrix, schema: Schema, place: str | Cell) -> Matrix:
    """Return X if the model takes it: no infinity, and NaN only where the model takes missing values.

    Raises:
        InputError: names the first value that does not suit.

    """
    if finite(X):
        return X
    cell = cell_of_row(place) if isinstance(place, str) else place
    bad = ~np.isfinite(X)
    missing = [schema.allows_missing or name in schema.unused for name in schema.columns[: X.shape[1]]]
    missing += [schema.allows_missing] * (X.shape[1] - len(missing))
    bad[:, missing] = np.isinf(X[:, missing])
    for row, column in np.argwhere(bad)[:1]:
        problem = NO_MISSING if np.isnan(X[row, column]) else TOO_LARGE
        raise InputError(f"{cell(row, column)} is {problem}")
    return X


def _has_nan(column: np.ndarray[Any, Any]) -> bool:
    return column.dtype.kind == "f" and bool(np.isnan(column).any())


def _integers(column: np.ndarray[Any, Any], cell: Cell, index: int) -> np.ndarray[Any, Any]:
    """Return a column as int64 without a change of any value."""
    if column.dtype.kind in "ib":
        return column.astype(np.int64, copy=False)
    limit = 2**63 if column.dtype.kind == "u" else EXACT
    unfit = (column >= limit) | (column != np.trunc(column)) | (column <= -EXACT)
    for (row,) in np.argwhere(unfit)[:1]:
        raise InputError(f"{cell(row, index)} is {shown(column[row].item())}; a 64-bit integer is needed")
    return column.astype(np.int64)


def refuse_rounded(values: Sequence[Any], place: Place) -> None:
    """Raise InputError for the first integer among the values that a float64 would change."""
    for row, value in enumerate(values):
        if isinstance(value, int) and abs(value) > EXACT and int(float(value)) != value:
            reason = "an integer that a 64-bit float cannot hold, and its column is of floats"
            raise InputError(f"{place(row)} is {shown(value)}, {reason}")
