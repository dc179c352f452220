"""Direct evaluation: the arithmetic of an estimator's own methods, without what scikit-learn checks at each call.

Each family answers with the very bits of scikit-learn, or is not here (docs/adr/0005-direct-evaluation.md). It is
taken by exact type only, since a subclass may do anything, and compared with the estimator at each load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families import linear, pipelines, trees
from server.model.families.errors import Unsuited
from server.model.row_independence import PIPELINE, SEARCHES, name_of, same_bits

Call = Callable[[Any], Any]
"""Takes finite float64 rows in C order, as wide as the model; raises `Unsuited` where scikit-learn should answer."""

MATRIX = 2
"""Dimensions: rows and features."""

ALONE = 3
"""Rows compared by themselves at load; the tests compare thousands."""

__all__ = ["Call", "Unsuited", "is_exact", "of", "or_else"]


def of(estimator: Any) -> dict[str, Call]:
    """The methods that can be evaluated directly; empty for a family that is not known."""
    name = name_of(estimator)
    if name == PIPELINE:
        return pipelines.methods(estimator.steps, of)
    if name in SEARCHES and hasattr(estimator, "best_estimator_"):
        return of(estimator.best_estimator_)
    return linear.methods(estimator, name) or trees.methods(estimator, name)


def or_else(fast: Call, plain: Call, features: int) -> Call:
    """`fast` where it may answer, scikit-learn where not: it knows what to do with NaN and infinities."""

    def call(X: Any) -> Any:
        if suits(X, features):
            try:
                return fast(X)
            except Unsuited:
                pass
        return plain(X)

    return call


def suits(X: Any, features: int) -> bool:
    """Whether these are rows that direct evaluation may be asked for."""
    if type(X) is not np.ndarray or X.dtype != np.float64 or X.ndim != MATRIX or X.shape[1] != features:
        return False
    return len(X) > 0 and X.flags.c_contiguous and finite(X)


def is_exact(fast: Call, plain: Call, rows: np.ndarray[Any, Any]) -> bool:
    """Whether `fast` gives the bits of `plain` for these rows: all together, and some alone."""
    try:
        return all(same_bits(fast(part), plain(part)) for part in (rows, *(rows[i : i + 1] for i in range(ALONE))))
    except Exception:  # noqa: BLE001 - a library of another version may lack or mean something else
        return False
