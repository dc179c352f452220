"""Named columns in place of a DataFrame, for models that are evaluated without pandas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class NamedTable:
    """Columns with names: as many one-dimensional arrays, all of the same length.

    Each has a dtype of NumPy: numbers, booleans, objects or datetime64. Construction checks nothing, since one is made
    for each request.
    """

    __slots__ = ("columns", "names")

    def __init__(self, names: tuple[str, ...], columns: Sequence[Array]) -> None:
        self.names, self.columns = names, columns

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.columns[0]) if self.columns else 0

    @property
    def shape(self) -> tuple[int, int]:
        """Return (rows, columns)."""
        return len(self), len(self.columns)

    def matrix(self) -> Array:
        """Return the array that scikit-learn's `check_array` makes of the DataFrame before it converts the dtype.

        Raises:
            TypeError: dates stand next to something else.

        """
        return self._in_columns(np.concatenate(self.columns))

    def to_numpy(self) -> Array:
        """Return the array that NumPy makes of the DataFrame: booleans next to numbers are objects, unlike `matrix`.

        Raises:
            TypeError: dates stand next to something else.

        """
        kinds = {column.dtype.kind for column in self.columns}
        mixed = "b" in kinds and len(kinds) > 1
        return self._in_columns(np.concatenate(self.columns, dtype=object if mixed else None))

    def _in_columns(self, values: Array) -> Array:
        """Return the columns one after another as a matrix in F order: BLAS adds in an order that depends on it."""
        if values.dtype.kind == "O" and len({column.dtype.kind for column in self.columns} & {"M", "O"}) > 1:
            # pandas makes Timestamps of the dates, which nothing here has.
            raise TypeError("float() argument must be a string or a real number, not 'Timestamp'")
        return values.reshape(len(self.columns), -1).T
