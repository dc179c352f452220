"""The inverse of a covariance, and the log-likelihood of rows under a normal distribution that has it.

Source: scipy/linalg/_basic.py (`inv`), sklearn/utils/extmath.py (`fast_logdet`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import log
from typing import Any

import numpy as np

from server.model.families.base import Call, Check
from server.model.families.sparse_rows import SparseRows
from server.model.pickledata.compiled import INVERSE

MAX_WIDTH = 2048
"""Columns. A matrix of so many rows and columns takes 32 MB, however small the file is."""

WHATEVER_STRUCTURE = -1


def inverse(matrix: Any) -> Any:
    """Return the inverse of a square matrix.

    Raises:
        ValueError: a number is NaN or infinite.
        LinAlgError: the matrix has no inverse.

    """
    found, faults = INVERSE(np.asarray_chkfinite(matrix), WHATEVER_STRUCTURE, False, False)
    if any(fault["is_singular"] for fault in faults):
        raise np.linalg.LinAlgError("A singular matrix detected: slice(s) [0] are singular.")
    return found


def log_likelihood(mean: Any, precision: Callable[[], Any]) -> Call:
    """Return a function that gives each row's log-likelihood.

    `precision` gives the inverse of the covariance. It is called with the first rows: a compiled routine.
    """

    @cache
    def distribution() -> tuple[Any, Any]:
        with np.errstate(all="ignore"):
            found = precision()
            sign, log_determinant = np.linalg.slogdet(found)
        return found, 0.5 * (len(found) * log(2.0 * np.pi) - (log_determinant if sign > 0 else -np.inf))

    def likelihood(X: Any) -> Any:
        matrix, constant = distribution()
        centered = X - mean
        found = -0.5 * np.sum(centered * (centered @ matrix), axis=1)
        found -= constant
        return found

    return likelihood


def dense_only(check: Check) -> Call:
    """Return a check that refuses SparseRows, for a method whose estimator has others that take them."""

    def dense(X: Any) -> Any:
        if type(X) is SparseRows:
            raise TypeError(
                "Sparse data was passed for X, but dense data is required. Use '.toarray()' to convert to a dense numpy"
                " array."
            )
        return check(X)

    return dense
