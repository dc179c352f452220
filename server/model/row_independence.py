"""Row independence: the answer to a row is the same, bit by bit, whatever other rows it is predicted with.

Only row-independent models are batched. Two conditions must hold. The registry says that the estimator computes each
row by itself: trees walk row by row, scalers work element by element. A matrix product does not, because BLAS sums in
another order for another number of rows. And at load, random rows together must give the bits that they give alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from server.model.pickledata.records import name_of

SEARCHED_ROW_BY_ROW = frozenset(
    {"sklearn.neighbors._classification.KNeighborsClassifier", "sklearn.neighbors._regression.KNeighborsRegressor"}
)
"""Estimators that are row-independent with some settings that are not known as data."""

BATCH_SIZES = (2, 3, 5, 8, 16, 33)
"""Rows of the batches compared at load: even, odd, and around the widths of vector registers."""


def searches_row_by_row(estimator: Any) -> bool:
    """Return whether neighbors are found by a tree, row by row, and not by a matrix product over all rows."""
    in_tree = getattr(estimator, "_fit_method", "") in ("kd_tree", "ball_tree")
    return in_tree and name_of(estimator) in SEARCHED_ROW_BY_ROW


def batches_match_single_rows(call: Callable[[Any], Any], rows: np.ndarray[Any, Any]) -> bool:
    """Return whether these rows together give the bits that they give one by one."""
    alone = [call(rows[index : index + 1]) for index in range(len(rows))]
    if not all(type(answer) is np.ndarray and len(answer) == 1 for answer in alone):
        return False
    sizes = sorted({min(size, len(rows)) for size in BATCH_SIZES})
    return all(same_bits(call(rows[:size]), np.concatenate(alone[:size])) for size in sizes)


def same_bits(one: Any, other: Any) -> bool:
    """Return whether two arrays are equal to the last bit: NaN equals NaN, and 0.0 is not -0.0."""
    if not (type(one) is type(other) is np.ndarray and one.dtype == other.dtype and one.shape == other.shape):
        return False
    if one.dtype.kind in "fc":
        return bool(one.tobytes() == other.tobytes())
    return bool((one == other).all())
