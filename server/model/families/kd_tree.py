"""The nearest points in a KDTree, as scikit-learn's search finds them: the same distances in the same order.

Source: sklearn/neighbors/_binary_tree.pxi.tp (`query`, `_query_single_depthfirst`), _kd_tree.pyx.tp (`min_rdist`),
sklearn/metrics/_dist_metrics.pyx.tp (`rdist_to_dist`).

All distances are computed at once, each in scikit-learn's order of operations. Where they differ clearly, the nearest
are the same whatever path the search takes. Where some are equal, or nearly, the search itself is repeated, since the
order of its steps decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

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
from server.model.families.state import State
from server.model.pickledata.records import Name, Record, as_record, name_of

MAX_VALUES = 1 << 17
"""Numbers in the tree's points. scikit-learn searches a larger tree faster than NumPy computes all distances."""

CLEAR = 1e-9
"""Relative difference of two distances that no rounding error can hide."""

TINY = 1e-290
"""A power below it may have large rounding errors."""

NODE = np.dtype([("idx_start", "<i8"), ("idx_end", "<i8"), ("is_leaf", "<i8"), ("radius", "<f8")])


@dataclass(frozen=True, slots=True)
class Tree:
    """A checked tree: its leaves hold each point once, and each node's bounds are those of its points."""

    columns: Any
    """float64 (columns, points): each column of the points, in the order of the leaves."""
    indices: Any
    """int64 (points): the points in that order."""
    leaves: list[tuple[int, int] | None]
    """For each node that is a leaf, its first place in that order and the place after its last."""
    edges: Any
    """intp (2 · nodes): the first place of each node and the place after its last."""
    bounds: list[list[tuple[float, float]]]
    """For each node and column, the least and the greatest value."""
    power: float

    def nearest(self, X: Any, count: int) -> tuple[Any, Any]:
        """Return the reduced distances of each row's nearest points, and their indices."""
        distances, found = np.empty((len(X), count)), np.empty((len(X), count), np.int64)
        step = max(1, CHUNK // len(self.indices))
        for start in range(0, len(X), step):
            part = slice(start, start + step)
            self._nearest(X[part], distances[part], found[part])
        return distances, found

    def root(self, reduced: Any) -> Any:
        """Return the distances of reduced ones."""
        return root(reduced, self.power)

    def _nearest(self, X: Any, distances: Any, found: Any) -> None:
        points, count = len(self.indices), distances.shape[1]
        # One more column than points: infinite, as the place after the last.
        padded = np.empty((len(X), points + 1))
        padded[:, points] = np.inf
        total, each = padded[:, :points], np.arange(len(X))[:, None]
        kept = min(count + 1, points)
        with np.errstate(over="ignore", invalid="ignore"):
            reduce_distances(X, self.columns, self.power, total)
            places = total.argpartition(kept - 1, axis=1)[:, :kept]
            values = total[each, places]
            order = values.argsort(axis=1)
            values = values[each, order]
            clear = (values[:, 1:] > values[:, :-1] * (1 + CLEAR)).all(axis=1)
        clear &= np.isfinite(values[:, -1])  # the greatest: NaN comes last
        if not self._is_exact:
            clear &= values[:, 0] > TINY
        places = places[each, order][:, :count]
        distances[:], found[:] = values[:, :count], self.indices[places]
        if not self._is_exact:
            for row in clear.nonzero()[0].tolist():
                distances[row] = self._powers(X[row], self.columns[:, places[row]])
        for row in (~clear).nonzero()[0].tolist():
            if not self._is_exact:
                padded[row, :points] = self._powers(X[row], self.columns)
            distances[row], found[row] = Search(self, X[row].tolist(), padded[row], count).result()

    @property
    def _is_exact(self) -> bool:
        """Whether NumPy computes distances with the bits of the C library."""
        return self.power in (EUCLIDEAN, MANHATTAN, CHEBYSHEV)

    def _powers(self, row: Any, columns: Any) -> list[float]:
        """Return the reduced distance of a row from each of these points, by C's pow()."""
        differences = np.abs(row[:, np.newaxis] - columns).T.tolist()
        return [_sum_of_powers(each, self.power) for each in differences]


class Search:
    """One row's search, step by step. Only parts of the tree that change its result are visited."""

    def __init__(self, tree: Tree, row: list[float], distances: Any, count: int) -> None:
        self.tree, self.row, self.known = tree, row, distances
        self.nearest = np.minimum.reduceat(distances, tree.edges)[::2].tolist()
        """For each node, the distance of its nearest point."""
        self.distances, self.indices = [math.inf] * count, [0] * count

    def result(self) -> tuple[list[float], list[int]]:
        """Return the reduced distances and the indices of the nearest points."""
        self._visit(0)
        order = sorted_places(self.distances)
        return [self.distances[place] for place in order], [self.indices[place] for place in order]

    def _visit(self, node: int) -> None:
        """Visit a node, unless its bounds are farther away than the farthest point found so far."""
        if self._least(node) > self.distances[0]:
            return
        leaf = self.tree.leaves[node]
        if leaf:
            part = slice(*leaf)
            for distance, index in zip(self.known[part].tolist(), self.tree.indices[part].tolist(), strict=True):
                if distance < self.distances[0]:
                    replace_farthest(self.distances, self.indices, distance, index)
            return
        children = [2 * node + 1, 2 * node + 2]
        if all(self._matters(child) for child in children) and not self._least(children[0]) <= self._least(children[1]):
            children.reverse()
        for child in children:
            if self._matters(child):
                self._visit(child)

    def _matters(self, node: int) -> bool:
        return bool(self.nearest[node] < self.distances[0])

    def _least(self, node: int) -> float:
        """Return the reduced distance from the node's bounds, by C's pow() as scikit-learn computes it."""
        outside = []
        for value, (low, high) in zip(self.row, self.tree.bounds[node], strict=True):
            if not low <= value <= high:  # both terms would be zero
                below, above = low - value, value - high
                outside.append(0.5 * ((below + abs(below)) + (above + abs(above))))
        return _sum_of_powers(outside, self.tree.power)


def _sum_of_powers(differences: list[float], power: float) -> float:
    """Return the reduced distance of differences."""
    if power == CHEBYSHEV:
        return max(differences, default=0.0)
    total = 0.0
    for difference in differences:
        try:
            total += math.pow(difference, power)
        except OverflowError:
            total += math.inf
    return total


# ---- from the state ---------------------------------------------------------------------------------------------

MODULE = "sklearn.neighbors._kd_tree"
METRIC = "sklearn.metrics._dist_metrics"
POWERS = {
    "EuclideanDistance64": (EUCLIDEAN, ("euclidean", "l2")),
    "ManhattanDistance64": (MANHATTAN, ("manhattan", "cityblock", "l1")),
    "ChebyshevDistance64": (CHEBYSHEV, ("chebyshev", "infinity")),
}
"""The power of each compiled class, and the names of its metric."""


def tree_of(state: State) -> Tree:
    """Return the tree of an estimator of neighbors. Raise `Unknown` unless it is exactly as scikit-learn builds it."""
    values = _made(state.values.get("_tree"), MODULE, "KDTree")
    if type(values) is not tuple or len(values) != 13:  # noqa: PLR2004 - as many as it has
        raise state.unknown("_tree")
    data, indices, nodes, bounds, _, _, count, *_, metric, weights = values
    power = _power(state, metric)
    if weights is not None:
        raise state.unknown("_tree")
    width, points = state.columns, state.integer("n_samples_fit_", 1)
    if not (
        _is_array(data, np.dtype(np.float64), points, width)
        and _is_array(indices, np.dtype(np.int64), points)
        and type(count) is int
        and _is_array(nodes, NODE, count)
        and _is_array(bounds, np.dtype(np.float64), 2, count, width)
        and points * width <= MAX_VALUES
        and np.array_equal(np.sort(indices), np.arange(points))
        and np.isfinite(data).all()
    ):
        raise state.unknown("_tree")
    ordered = data[indices]
    if not _holds(nodes, bounds, ordered):
        raise state.unknown("_tree")
    places = [(start, end) if leaf else None for start, end, leaf, _ in nodes.tolist()]
    pairs = [list(zip(low, high, strict=True)) for low, high in zip(*bounds.tolist(), strict=True)]
    edges = np.stack([nodes["idx_start"], nodes["idx_end"]], axis=1).astype(np.intp).ravel()
    return Tree(np.ascontiguousarray(ordered.T), indices, places, edges, pairs, power)


def _power(state: State, metric: Any) -> float:
    """Return the power of the metric, which the state and the compiled object must agree on."""
    parameters = state.values.get("effective_metric_params_")
    if type(parameters) is not dict:
        raise state.unknown("effective_metric_params_")
    for kind, (power, names) in POWERS.items():
        made = _made(metric, METRIC, kind)
        if made is not None:
            state.word("effective_metric_", *names)
            if parameters or made[0] != power:
                raise state.unknown("effective_metric_params_")
            return power
    made = _made(metric, METRIC, "MinkowskiDistance64")
    state.word("effective_metric_", "minkowski", "p")
    given: Any = parameters.get("p")
    weighted = parameters.get("w") is not None or not set(parameters) <= {"p", "w"}
    if made is None or weighted or type(given) not in (int, float) or not 1 <= given < math.inf:
        raise state.unknown("effective_metric_params_")
    if made[0] != given or made[1].shape != (0,):
        raise state.unknown("_tree")
    return float(given)


def _made(value: Any, module: str, kind: str) -> Any:
    """Return the state of an object of this compiled class, live or recorded; None of another."""
    if type(value) is not Record and name_of(value) != f"{module}.{kind}":
        return None
    record = as_record(value)
    if record.name != f"{module}.newObj" or len(record.args) != 1:
        return None
    made = record.args[0]
    name = made.text if type(made) is Name else f"{made.__module__}.{made.__qualname__}"
    return record.state if name == f"{module}.{kind}" else None


def _is_array(value: Any, kind: np.dtype[Any], *shape: int) -> bool:
    return type(value) is np.ndarray and value.dtype == kind and value.shape == shape


def _holds(nodes: Any, bounds: Any, ordered: Any) -> bool:
    """Return whether the nodes divide all points, each into its children, and their bounds are those of the points."""
    ranges = {0: (0, len(ordered))}
    for node, (start, end, leaf, _) in enumerate(nodes.tolist()):
        if ranges.pop(node, None) != (start, end) or not start < end:
            return False
        inside = ordered[start:end]
        if not np.array_equal(inside.min(axis=0), bounds[0, node]) or leaf not in (0, 1):
            return False
        if not np.array_equal(inside.max(axis=0), bounds[1, node]):
            return False
        if not leaf:
            left, right = 2 * node + 1, 2 * node + 2
            if right >= len(nodes):
                return False
            ranges[left] = (start, nodes["idx_end"][left].item())
            ranges[right] = (nodes["idx_end"][left].item(), end)
    return not ranges
