"""Checks of a whole matrix of numbers at once. Pure."""

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


def checked(X: Matrix, schema: Schema, place: str) -> Matrix:
    """X, if the model may see it: no infinity, and NaN only where the model takes missing values."""
    if finite(X):
        return X
    bad = np.isinf(X) if schema.allows_missing else ~np.isfinite(X)
    for row, column in np.argwhere(bad)[:1]:
        value = "NaN, and this model takes no missing values" if np.isnan(X[row, column]) else "too large for a number"
        raise InputError(f"{place}[{row}][{column}] is {value}")
    return X
