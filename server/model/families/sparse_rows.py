"""Rows with few values that are not zero, in SciPy's CSR format, and the sums over them in SciPy's order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from server.short_steps import list_of


@dataclass(slots=True)
class SparseRows:
    """A CSR matrix. Values that are not stored are zero.

    Nothing changes one. It is not `frozen`, which takes 0.6 µs for each, and one row of text makes four.
    """

    data: Any
    """float64, or int64 of counts (stored values): row after row, in the order in which SciPy stores them."""
    columns: Any
    """int64 (stored values): the column of each."""
    starts: Any
    """int64 (rows + 1): row i has the values from starts[i] to starts[i + 1]."""
    width: int
    """The number of columns."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.starts) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """Return (rows, columns)."""
        return len(self), self.width

    def with_data(self, data: Any) -> SparseRows:
        """Return other values at the same places. `dataclasses.replace` takes many times as long."""
        return SparseRows(data, self.columns, self.starts, self.width)

    def toarray(self) -> Any:
        """Return the matrix."""
        dense = np.zeros(self.shape, self.data.dtype)
        if len(self) == 1:
            np.add.at(dense[0], self.columns, self.data)
        else:
            np.add.at(dense, (self.rows, self.columns), self.data)
        return dense

    def part(self, start: int, end: int) -> SparseRows:
        """Return the rows from `start` to `end`."""
        starts = self.starts[start : end + 1]
        place = slice(starts[0], starts[-1])
        return SparseRows(self.data[place], self.columns[place], starts - starts[0], self.width)

    @property
    def rows(self) -> Any:
        """Return the row of each stored value."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def only(self, kept: Any) -> SparseRows:
        """Return the rows with the stored values at which this mask is true; the others become zero."""
        counts = np.bincount(self.rows[kept], minlength=len(self))
        starts = np.concatenate([[0], np.cumsum(counts)])
        return SparseRows(self.data[kept], self.columns[kept], starts, self.width)

    def take(self, chosen: Any) -> SparseRows:
        """Return these columns (a mask), in their order."""
        found = self.only(chosen[self.columns])
        places = np.cumsum(chosen) - 1
        return SparseRows(found.data, places[found.columns], found.starts, int(chosen.sum()))

    def dot(self, weights: Any) -> Any:
        """Return the product with a vector (columns,) or a matrix (columns, outputs).

        SciPy adds a row's products one after another, in the order in which they are stored, beginning with zero
        (`csr_matvec`, `csr_matvecs` in scipy/sparse/sparsetools/csr.h).
        """
        data = self.data if weights.ndim == 1 else self.data[:, None]
        products = data * weights[self.columns]
        if len(self) == 1 and len(products):
            return np.add.accumulate(products, axis=0)[-1:] + 0.0
        total = np.zeros((len(self), *weights.shape[1:]))
        bounds = list_of(self.starts)
        for row, (start, end) in enumerate(pairwise(bounds)):
            if end > start:
                # `accumulate` adds in order; `sum` adds in pairs, which rounds differently. The first sum is 0.0 + x.
                total[row] = np.add.accumulate(products[start:end], axis=0)[-1] + 0.0
        return total


def dense_to_sparse(X: Any) -> SparseRows:
    """Return a matrix as SciPy converts it: zeros are not stored."""
    rows, columns = np.nonzero(X)
    starts = np.searchsorted(rows, np.arange(len(X) + 1))
    return SparseRows(np.ascontiguousarray(X[rows, columns], dtype=np.float64), columns, starts, X.shape[1])


def side_by_side(blocks: Sequence[SparseRows]) -> SparseRows:
    """Return the columns of all blocks, each row's values in the order of the blocks."""
    rows = np.concatenate([block.rows for block in blocks])
    offsets = np.cumsum([0, *(block.width for block in blocks)])
    columns = np.concatenate([block.columns + offset for block, offset in zip(blocks, offsets, strict=False)])
    order = np.argsort(rows, kind="stable")
    starts = np.sum([block.starts for block in blocks], axis=0)
    data = np.concatenate([block.data for block in blocks])
    return SparseRows(data[order], columns[order], starts, int(offsets[-1]))


def dot(X: Any, weights: Any) -> Any:
    """Return X · weights as scikit-learn's `safe_sparse_dot` computes it."""
    return X.dot(weights) if type(X) is SparseRows else X @ weights


def product(weights: Any) -> Callable[[Any], Any]:
    """Return the function X · weights for float64, with the bits of `dot`.

    For one row, NumPy's `dot` and its `@` pass the same arguments to BLAS, and `dot` takes 0.5 µs less. They differ for
    one column, where `dot` multiplies by a number, and for memory with gaps, which `dot` copies
    (numpy/_core/src/common/cblasfuncs.c, numpy/_core/src/umath/matmul.c.src).
    """
    if len(weights) == 1 or not weights.flags.forc:
        return lambda X: dot(X, weights)

    def times_weights(X: Any) -> Any:
        if type(X) is SparseRows or (len(X) == 1 and X.flags.c_contiguous):
            return X.dot(weights)
        return X @ weights

    return times_weights
