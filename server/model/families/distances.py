"""Distances of rows from points, summed over the columns one after another, and the heap of the nearest.

Each difference is raised to a power: 2 for Euclidean distances, 1 for Manhattan's, another for Minkowski's. With an
infinite power a distance is the greatest difference (Chebyshev's). A distance is *reduced* before its root is taken: it
has the same order.

Source: sklearn/metrics/_dist_metrics.pyx.tp (`rdist`), sklearn/utils/_heap.pyx.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from server.model.families.tree_walk import in_order

EUCLIDEAN, MANHATTAN, CHEBYSHEV = 2.0, 1.0, math.inf
"""The powers of distances that are computed without a power."""

CHUNK = 1 << 16
"""Distances computed together: half a megabyte, which fits the CPU's cache."""

MAX_AT_ONCE = 1 << 17
"""Differences of one row that are computed at once."""


def reduce_distances(X: Any, columns: Any, power: float, total: Any) -> None:
    """Write the reduced distance of each row from each point, whose columns are given, into `total` (rows, points).

    The last bits may be wrong where the power is none of the three above.
    """
    if power == EUCLIDEAN:
        _squares(X, columns, total)
        return
    total[:] = 0.0
    for column, values in enumerate(columns):
        difference = np.abs(X[:, column : column + 1] - values)
        if power == CHEBYSHEV:
            np.maximum(total, difference, out=total)
        else:
            total += difference if power == MANHATTAN else difference**power


def _squares(X: Any, columns: Any, total: Any) -> None:
    if len(X) == 1 and columns.size <= MAX_AT_ONCE:  # all columns at once: a third of the calls
        differences = X.T - columns
        differences *= differences
        total[0] = in_order(differences)
        return
    np.square(X[:, :1] - columns[0], out=total)
    for column, values in enumerate(columns[1:], 1):
        difference = X[:, column : column + 1] - values
        difference *= difference
        total += difference


def replace_farthest(distances: list[float], indices: list[int], distance: float, index: int) -> None:
    """Put a nearer point in place of the heap's first, the farthest, and restore the heap's order."""
    place, size = 0, len(distances)
    while (child := 2 * place + 1) < size:
        if child + 1 < size and not distances[child] >= distances[child + 1]:
            child += 1
        if not distance < distances[child]:
            break
        distances[place], indices[place] = distances[child], indices[child]
        place = child
    distances[place], indices[place] = distance, index


def root(reduced: Any, power: float) -> Any:
    """Return the distances of reduced ones."""
    if power == EUCLIDEAN:
        return np.sqrt(reduced)
    return reduced if power in (MANHATTAN, CHEBYSHEV) else reduced ** (1.0 / power)
