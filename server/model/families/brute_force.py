"""The nearest of all points, as scikit-learn's brute force finds them: the same distances in the same order.

It has three ways, which round differently and order equally near points differently. The first is `voters`, the others
are behind `nearest`:

- each distance summed column by column (a classifier's rows of float64 in C order, where each neighbor has one vote and
  the metric is Manhattan's or Chebyshev's);
- Euclidean distances by the compiled BLAS, of 256 rows and 256 points at a time. Threads share the points (ADR 30);
- all distances by NumPy, where rows or points are integers, or for the cosine.

Source: sklearn/metrics/_pairwise_distances_reduction (`_base`, `_argkmin`, `_argkmin_classmode`,
`_middle_term_computer`), sklearn/metrics/pairwise.py, sklearn/neighbors/_base.py (`_kneighbors_reduce_func`).
"""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families.distances import (
    CHEBYSHEV,
    CHUNK,
    EUCLIDEAN,
    MANHATTAN,
    reduce_distances,
    replace_farthest,
    root,
)
from server.model.families.introsort import sorted_places
from server.model.families.scalers import TINY
from server.model.pickledata.compiled import DOT_PRODUCT, MATRIX_PRODUCT

POWERS = {"euclidean": EUCLIDEAN, "manhattan": MANHATTAN, "chebyshev": CHEBYSHEV}
"""By the name of the metric. `cosine` has none."""

METRICS = (*POWERS, "cosine")

BLOCK = 256
"""Rows, and points, that scikit-learn passes to BLAS together."""

MAX_POINTS = 1 << 14
"""A block of rows then has 32 MB of distances, and 32 MB of their order. scikit-learn keeps the nearest only."""

FARTHEST = sys.float_info.max
"""The distance in a heap's empty places. An infinite distance does not replace it."""

WORKING_MEMORY = 1 << 30
"""Bytes of distances that scikit-learn computes at once by NumPy, unless it is configured otherwise."""


class Points:
    """The training rows: float64 (points, columns), in C order."""

    def __init__(self, rows: Any, metric: str, *, are_floats: bool = True) -> None:
        self.rows, self.metric = rows, metric
        self.reduces = are_floats and metric in POWERS
        """Whether rows of float64 in C order do not take the way of NumPy."""

    def voters(self, X: Any, count: int) -> Any:
        """Return the indices of each row's nearest points, in any order. X is float64 in C order."""
        found = np.empty((len(X), count), np.intp)
        for start in range(0, len(X), BLOCK):
            part = slice(start, start + BLOCK)
            _nearest_in_any_order(self._summed(X[part]), found[part])
        return found

    def nearest(self, X: Any, count: int) -> tuple[Any, Any]:
        """Return the distances of each row's nearest points and their indices, the nearest first.

        X is a matrix of numbers in C order. Integers stay integers until here.
        """
        if not self.reduces or X.dtype != np.float64:
            return self._by_numpy(X.astype(np.float64), count)
        distances, found = np.empty((len(X), count)), np.empty((len(X), count), np.intp)
        shares = self._shares(len(X))
        for start in range(0, len(X), BLOCK):
            part = slice(start, start + BLOCK)
            reduced = self._products(X[part]) if self.metric == "euclidean" else self._summed(X[part])
            _nearest(reduced, shares, distances[part], found[part])
        return root(distances, POWERS[self.metric]), found

    def index(self, X: Any) -> Any:
        """Return the index of each float64 row's nearest point, the first of several."""
        if self.reduces and X.flags.c_contiguous:
            return self.nearest(X, 1)[1][:, 0]
        step = self._rows_at_once
        return np.concatenate([self._all(X[at : at + step]).argmin(axis=1) for at in range(0, len(X), step)])

    def all_distances(self, X: Any) -> Any:
        """Return the distance of each float64 row from each point, as `pairwise_distances` does: (rows, points)."""
        found = self._all(X)
        return np.sqrt(found, out=found) if self.metric == "euclidean" else found

    # ---- distances

    @cached_property
    def _columns(self) -> Any:
        return np.ascontiguousarray(self.rows.T)

    def _summed(self, X: Any) -> Any:
        """Return all reduced distances, each summed column by column: (rows, points)."""
        total = np.empty((len(X), len(self.rows)))
        step = max(1, CHUNK // len(self.rows))
        with np.errstate(over="ignore"):
            for start in range(0, len(X), step):
                part = slice(start, start + step)
                reduce_distances(X[part], self._columns, POWERS[self.metric], total[part])
        return total

    @cached_property
    def _norms(self) -> Any:
        return _norms(self.rows)

    def _products(self, X: Any) -> Any:
        """Return all squared distances of a block of rows, by BLAS: (rows, points)."""
        found, norms = np.empty((len(X), len(self.rows))), _norms(X)[:, None]
        with np.errstate(all="ignore"):
            for start in range(0, len(self.rows), BLOCK):
                part = slice(start, start + BLOCK)
                # Fortran's order: it takes transposed arrays and returns one. 1: the first is transposed back.
                products = MATRIX_PRODUCT(-2.0, self.rows[part].T, X.T, trans_a=1).T
                np.add(norms + products, self._norms[part], out=found[:, part])
        found[~(found > 0)] = 0.0  # NaN, too
        return found

    def _shares(self, rows: int) -> list[range] | None:
        """Return the points that each thread compares with all rows, or None where each thread takes some of the rows.

        With other shares, others of equally near points are the nearest.
        """
        points, threads = len(self.rows), _threads()
        if points < rows or 4 * BLOCK * threads < rows:
            return None
        blocks = -(-points // BLOCK)
        threads = min(threads, blocks)
        least, more = divmod(blocks, threads)
        ends = [BLOCK * (least * (thread + 1) + min(thread + 1, more)) for thread in range(threads)]
        return [range(start, min(end, points)) for start, end in zip([0, *ends], ends, strict=False)]

    # ---- by NumPy

    @property
    def _rows_at_once(self) -> int:
        return max(1, WORKING_MEMORY // (8 * len(self.rows)))

    def _by_numpy(self, X: Any, count: int) -> tuple[Any, Any]:
        distances, found = np.empty((len(X), count)), np.empty((len(X), count), np.intp)
        for start in range(0, len(X), self._rows_at_once):
            part = slice(start, start + self._rows_at_once)
            values = self._all(X[part])
            places = values.argpartition(count - 1, axis=1)[:, :count]
            each = np.arange(len(values))[:, None]
            found[part] = places = places[each, values[each, places].argsort()]
            distances[part] = values[each, places]
        return (np.sqrt(distances) if self.metric == "euclidean" else distances), found

    def _all(self, X: Any) -> Any:
        """Return the distance of each row from each point; its square for Euclidean distances."""
        if self.metric == "cosine":
            with np.errstate(all="ignore"):
                found = _directions(X) @ self._directions.T
            found *= -1
            found += 1
            return np.clip(found, 0.0, 2.0)
        if self.metric != "euclidean":
            return self._summed(X)
        with np.errstate(all="ignore"):
            found = -2 * (X @ self.rows.T)
            found += np.einsum("ij,ij->i", X, X)[:, None]
            found += np.einsum("ij,ij->i", self.rows, self.rows)
        return np.maximum(found, 0, out=found)

    @cached_property
    def _directions(self) -> Any:
        return _directions(self.rows)


def require_finite(X: Any) -> Any:
    """Return rows that were computed. Raise scikit-learn's ValueError if a value is NaN or infinite."""
    if not finite(X):
        kind = "NaN" if np.isnan(X).any() else "infinity or a value too large for dtype('float64')"
        raise ValueError(f"Input contains {kind}.")
    return X


def _norms(X: Any) -> Any:
    """Return the squared norm of each row."""
    dot = DOT_PRODUCT.function
    return np.array([dot(row, row) for row in X])


def _directions(X: Any) -> Any:
    """Return each row divided by its norm."""
    norms = np.sqrt(np.einsum("ij,ij->i", X, X))
    norms[norms < TINY] = 1.0
    return X / norms[:, None]


def _threads() -> int:
    """Return the number of OpenMP's threads, which the server sets before NumPy is imported."""
    count = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(count)) if count.isdecimal() else 1


# ---- the nearest of a row's distances


def _nearest_in_any_order(reduced: Any, found: Any) -> None:
    """Write the nearest points of each row: (rows, count)."""
    count, points = found.shape[1], reduced.shape[1]
    if count == points:
        found[:], clear = np.arange(count), reduced.max(axis=1) < FARTHEST
    else:
        places = reduced.argpartition(count, axis=1)[:, : count + 1]
        values = np.take_along_axis(reduced, places, axis=1)
        farthest = values[:, :count].max(axis=1)
        found[:], clear = places[:, :count], (farthest < values[:, count]) & (farthest < FARTHEST)
    for row in (~clear).nonzero()[0].tolist():
        found[row] = _Heap(count, 0).pushed(reduced[row], 0).indices


def _nearest(reduced: Any, shares: list[range] | None, distances: Any, found: Any) -> None:
    """Write the nearest points of each row, and their reduced distances: (rows, count)."""
    count, points = distances.shape[1], reduced.shape[1]
    kept, each = min(count + 1, points), np.arange(len(reduced))[:, None]
    places = reduced.argpartition(kept - 1, axis=1)[:, :kept]
    places = places[each, reduced[each, places].argsort(axis=1)]
    values = reduced[each, places]
    distances[:], found[:] = values[:, :count], places[:, :count]
    clear = (values[:, 1:] > values[:, :-1]).all(axis=1) & (values[:, count - 1] < FARTHEST)
    for row in (~clear).nonzero()[0].tolist():
        heap = _search(reduced[row], count, shares)
        order = sorted_places(heap.distances)
        distances[row] = [heap.distances[place] for place in order]
        found[row] = [heap.indices[place] for place in order]


def _search(distances: Any, count: int, shares: list[range] | None) -> _Heap:
    """Return the heap of the nearest points, searched step by step: the order of steps decides between equal ones."""
    heap = _Heap(count, 0)
    if shares is None:
        return heap.pushed(distances, 0)
    for share in shares:
        own = _Heap(count, -1).pushed(distances[share.start : share.stop], share.start)
        for distance, index in zip(own.distances, own.indices, strict=True):
            heap.push(distance, index)
    return heap


class _Heap:
    """The nearest of the points that were pushed, the farthest of them first."""

    def __init__(self, size: int, index: int) -> None:
        self.distances, self.indices = [FARTHEST] * size, [index] * size

    def pushed(self, distances: Any, first: int) -> _Heap:
        """Push points in their order, of which the first has this index. Return the heap."""
        for start in range(0, len(distances), BLOCK):
            part = distances[start : start + BLOCK]
            for at in (part < self.distances[0]).nonzero()[0].tolist():
                self.push(part.item(at), first + start + at)
        return self

    def push(self, distance: float, index: int) -> None:
        """Push a point, unless it is not nearer than the farthest."""
        if distance < self.distances[0]:
            replace_farthest(self.distances, self.indices, distance, index)
