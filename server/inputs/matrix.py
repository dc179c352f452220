"""Matrices of numbers: built and checked as a whole, not value by value. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np

from server.errors import InputError
from server.schema import Schema

Matrix = np.ndarray[Any, np.dtype[np.float64]]

MAX_DOT_SIZE = 4096
"""Elements. Up to here one BLAS dot product finds a non-finite value in half the time of a NumPy reduction. Far above
it, BLAS starts threads and is slower."""


def finite(X: np.ndarray[Any, Any]) -> bool:
    """Return whether every value is finite. A sum that is not may only have overflowed; then each value is checked."""
    if X.size <= MAX_DOT_SIZE:
        return math.isfinite(np.vdot(X, X)) or bool(np.isfinite(X).all())
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(X.sum()) or bool(np.isfinite(X).all())


def as_matrix_or_none(data: Any, schema: Schema, *, no_strings: bool) -> Matrix | None:
    """Return rows of numbers as a matrix of the right width, or None if they need a closer look.

    With `no_strings` the caller guarantees that no string is in `data`; otherwise each value is checked first.
    """
    if not _begins_with_row(data, schema.features):
        return None
    try:
        if not no_strings:
            require_numbers(chain.from_iterable(data))
        X = np.array(data, np.float64)
    except (ValueError, TypeError, OverflowError):
        return None
    if X.ndim != 2 or 0 in X.shape:  # noqa: PLR2004 - rows and features
        return None
    if schema.features != X.shape[1] and schema.features is not None:
        return None
    if finite(X) or (schema.allows_missing and not np.isinf(X).any()):  # JSON has no NaN, so it was null
        return X
    return None


def require_numbers(values: Iterable[Any]) -> None:
    """Raise TypeError or OverflowError unless all these JSON values are numbers or booleans.

    NumPy must never see a client's string. Told the type, it reads "1" as 1. Not told, it reserves the longest string's
    bytes for every value: 221 bytes of gzip made it reserve 1.6 GB. sum() adds nothing but numbers, and takes a quarter
    of the time of a look at each type.
    """
    sum(values)


def _begins_with_row(data: Any, features: int | None) -> bool:
    """Return whether the first row fits. NumPy would look at all the others before it said so."""
    if not isinstance(data, list) or not data or not isinstance(data[0], list) or not data[0]:
        return False
    return features is None or len(data[0]) == features


def checked_matrix(X: Matrix, schema: Schema, place: str) -> Matrix:
    """Return X if the model takes it: no infinity, and NaN only where the model takes missing values.

    Raises:
        InputError: names the first value that does not suit.

    """
    if finite(X):
        return X
    bad = np.isinf(X) if schema.allows_missing else ~np.isfinite(X)
    for row, column in np.argwhere(bad)[:1]:
        value = "NaN, and this model takes no missing values" if np.isnan(X[row, column]) else "too large for a number"
        raise InputError(f"{place}[{row}][{column}] is {value}")
    return X
