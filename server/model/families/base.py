"""A part: an estimator rebuilt from its state, whose methods can be called.

A family is one module. For each of its estimators it has a function `State → Part`, and the closed set of keys that the
state may have. `server.model.families.registry` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families.sparse_rows import SparseRows

Call = Callable[[Any], Any]


class Unsuited(Exception):  # noqa: N818 - not a fault: the complete method answers instead
    """A direct method does not answer these rows; the complete method answers or refuses them."""


@dataclass(frozen=True, slots=True)
class Part:
    """A fitted estimator, rebuilt from its state."""

    name: str
    """The name of its class, as scikit-learn's error texts have it."""
    methods: Mapping[str, Call]
    """Those of `server.schema.METHODS` that the estimator has: all of them, or the family does not know it.

    Each takes what the estimator takes: a matrix (rows, columns) of floats or objects, a NamedTable, SparseRows, a
    list of texts. It checks as scikit-learn does and raises the same type of error with the same first line. It does
    not write into its input.
    """
    direct: Mapping[str, Call] = field(default_factory=dict)
    """The same for finite float64 rows in C order, as wide as the model: nothing is checked. May raise `Unsuited`."""
    width: int | None = None
    """`n_features_in_`: the columns that it takes. None for texts and dicts."""
    names: tuple[str, ...] = ()
    """`feature_names_in_`."""
    classes: Any = None
    """`classes_`: an array, or a list of arrays for several outputs."""
    row_independent: bool = False
    """Whether each row is computed by itself: no other row of a call can change a bit of its answer."""
    takes_sparse: bool = False
    """Whether its methods take SparseRows."""
    gives_sparse: bool = False
    """Whether `transform` returns SparseRows, whatever it receives."""
    keeps_sparse: bool = False
    """Whether `transform` of SparseRows returns SparseRows."""
    lacks: frozenset[str] = frozenset()
    """Methods of the estimator that are not known as data. It is known only where nothing calls them: before others."""


# ---- checks of scikit-learn -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Check:
    """What an estimator of numbers checks before it computes (scikit-learn's `validate_data`)."""

    name: str
    """The estimator's name, for error texts."""
    nan: bool = False
    """Whether NaN is taken (`ensure_all_finite="allow-nan"`)."""
    unchecked: bool = False
    """Whether every number is taken, NaN and infinite ones as well (`ensure_all_finite=False`)."""
    sparse: bool = False
    """Whether SparseRows are taken. A family without it never receives any: such a pipeline is not known as data."""
    keeps_integers: bool = False
    """Whether scikit-learn keeps integers, for a matrix product. NumPy then converts them in C order."""

    def __call__(self, X: Any) -> Any:
        """Return the rows as float64, or as SparseRows.

        Raises:
            ValueError: a value is not a number, or is NaN or infinite where the estimator refuses that.

        """
        if type(X) is SparseRows:
            self.require_finite(X.data)
            return X if X.data.dtype == np.float64 else X.with_data(X.data.astype(np.float64))
        X = as_floats(X, in_c_order=self.keeps_integers)
        self.require_finite(X)
        return X

    def numbers(self, X: Any) -> Any:
        """Return the rows as numbers (`dtype="numeric"`): objects as float64, integers as they are. Or as SparseRows.

        Raises:
            ValueError: a value is not a number, or is NaN or infinite where the estimator refuses that.

        """
        if type(X) is SparseRows:
            return self(X)
        X = X if type(X) is np.ndarray else X.matrix()
        return self.unconverted(X.astype(np.float64) if X.dtype.kind == "O" else X)

    def unconverted(self, X: Any) -> Any:
        """Return the rows as they are (`dtype=None`): a matrix of whatever dtype, or SparseRows.

        Raises:
            ValueError: a value is NaN or infinite where the estimator refuses that.

        """
        if type(X) is SparseRows:
            self.require_finite(X.data)
            return X
        X = X if type(X) is np.ndarray else X.matrix()
        if X.dtype.kind == "f":
            self.require_finite(X, X.dtype.name)
        elif X.dtype.kind == "O" and not (self.nan or self.unchecked) and (X != X).any():  # noqa: PLR0124 - only NaN is not itself
            raise ValueError("Input contains NaN")
        return X

    def require_finite(self, X: Any, dtype: str = "float64") -> None:
        """Raise scikit-learn's ValueError if a value is NaN or infinite and that is refused."""
        if self.unchecked or finite(X):
            return
        if not self.nan and np.isnan(X).any():
            raise ValueError(
                f"Input X contains NaN.\n{self.name} does not accept missing values encoded as NaN natively."
            )
        if np.isinf(X).any():
            raise ValueError(f"Input X contains infinity or a value too large for dtype('{dtype}').")


def as_floats(X: Any, *, in_c_order: bool = False) -> Any:
    """Return a matrix or a NamedTable as a float64 matrix, as scikit-learn's `check_array` converts it.

    `in_c_order` is for integers only, which are otherwise converted in the memory order that they have.
    """
    if type(X) is not np.ndarray:
        X = X.matrix()
    if X.dtype == np.float64:
        return X
    return X.astype(np.float64, order="C" if in_c_order and X.dtype.kind in "iub" else "K")


def matrix_part(part: Part, methods: Mapping[str, Call], check: Check) -> Part:
    """Return the part with these methods of float64 rows: direct as they are, complete behind the check.

    The methods must not write into their input.
    """
    return replace(
        part,
        methods={name: behind(check, call) for name, call in methods.items()},
        direct=methods,
        takes_sparse=check.sparse,
    )


def behind(prepare: Call, call: Call) -> Call:
    """Return a call of the rows that another call returns."""
    return lambda X: call(prepare(X))
