"""Direct evaluation: a known estimator's own arithmetic, without the validation that scikit-learn repeats at each call.

`server.model.families` holds the arithmetic. It is compared with the estimator itself at each load, bit by bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families.base import Call, Unsuited
from server.model.probe_budget import ProbeBudgetSpentError
from server.model.row_independence import same_bits

SINGLE_ROWS = 3
"""Rows compared one by one at load; the tests compare thousands."""


def direct_or_plain(direct: Call, plain: Call, features: int) -> Call:
    """Return a call that evaluates directly where that is possible, and by scikit-learn where not.

    NaN, infinities and rows of another form are passed to scikit-learn.
    """

    def call(X: Any) -> Any:
        if suits(X, features):
            try:
                return direct(X)
            except Unsuited:
                pass
        return plain(X)

    return call


def suits(X: Any, features: int) -> bool:
    """Return whether direct evaluation can take these rows: finite float64 in C order, as wide as the model."""
    if type(X) is not np.ndarray or X.dtype != np.float64 or X.ndim != 2 or X.shape[1] != features:  # noqa: PLR2004 - rows and features
        return False
    return len(X) > 0 and X.flags.c_contiguous and finite(X)


def matches_plain(direct: Call, plain: Call, rows: np.ndarray[Any, Any]) -> bool:
    """Return whether `direct` gives the bits of `plain` for these rows: all together, and some of them alone.

    Raises:
        ProbeBudgetSpentError: `plain` is too slow to be compared.

    """
    parts = (rows, *(rows[index : index + 1] for index in range(SINGLE_ROWS)))
    try:
        return all(same_bits(direct(part), plain(part)) for part in parts)
    except ProbeBudgetSpentError:
        raise
    except Exception:  # noqa: BLE001 - another version of a library may lack something, or mean something else
        return False
