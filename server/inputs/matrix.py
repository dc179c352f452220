"""Matrices of numbers, made and checked all at once. Pure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from server.errors import InputError
from server.schema import Schema

Matrix = np.ndarray[Any, np.dtype[np.float64]]

SMALL = 4096
"""Elements. Up to here one dot product by BLAS finds a value that is not finite in half the time of a pass by NumPy;
far above it BLAS starts threads and loses."""


def finite(X: np.ndarray[Any, Any]) -> bool:
    """Whether every value is finite. A sum that is not may have overflowed: then each value is looked at."""
    if X.size <= SMALL:
        return math.isfinite(np.vdot(X, X)) or bool(np.isfinite(X).all())
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(X.sum()) or bool(np.isfinite(X).all())


def quick(data: Any, schema: Schema, *, plain: bool) -> Matrix | None:
    """A matrix of numbers of the right width, or None if this needs a closer look.

    Only where there are no strings may NumPy be told the type, which saves it a pass: it reads "1" as 1.
    """
    if not _begins_well(data, schema.features):
        return None
    try:
        X = np.array(data, np.float64) if plain else np.asarray(data)
    except (ValueError, TypeError, OverflowError):
        return None
    if X.ndim != 2 or 0 in X.shape or X.dtype.kind not in "fiub":  # noqa: PLR2004 - rows and features
        return None
    if schema.features != X.shape[1] and schema.features is not None:
        return None
    if X.dtype != np.float64:
        X = X.astype(np.float64)
    if finite(X) or (schema.allows_missing and plain and not np.isinf(X).any()):  # JSON has no NaN, so it was null
        return X
    return None


def _begins_well(data: Any, features: int | None) -> bool:
    """Whether the first row is one: NumPy would look at all the others before it said so."""
    if not isinstance(data, list) or not data or not isinstance(data[0], list) or not data[0]:
        return False
    return features is None or len(data[0]) == features


def checked(X: Matrix, schema: Schema, place: str) -> Matrix:
    """X, if the model may see it: no infinity, and NaN only where the model takes missing values."""
    if finite(X):
        return X
    bad = np.isinf(X) if schema.allows_missing else ~np.isfinite(X)
    for row, column in np.argwhere(bad)[:1]:
        value = "NaN, and this model takes no missing values" if np.isnan(X[row, column]) else "too large for a number"
        raise InputError(f"{place}[{row}][{column}] is {value}")
    return X
