"""Decision trees of any library, walked by scikit-learn's compiled routine for histogram boosting.

Many trees are merged under one root. Its first levels branch on the number of the tree, which each row carries as one
more feature, and lead to the root of that tree. A row is repeated once for each tree, and one call looks all of them
up. One call for each tree costs 2 µs a tree, and scikit-learn's own method takes 35 µs a tree.

The routine follows whatever numbers the nodes hold: a wrong child makes it read memory that is not its own, or never
end. So every number is checked here, before the first walk.

Source: sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx, common.pyx (PREDICTOR_RECORD_DTYPE).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from server.model.pickledata.compiled import WALK_TREES

NODE = np.dtype(
    [
        ("value", "<f8"),
        ("count", "<u4"),
        ("feature_idx", "<i8"),
        ("num_threshold", "<f8"),
        ("missing_go_to_left", "u1"),
        ("left", "<u4"),
        ("right", "<u4"),
        ("gain", "<f8"),
        ("depth", "<u4"),
        ("is_leaf", "u1"),
        ("bin_threshold", "u1"),
        ("is_categorical", "u1"),
        ("bitset_idx", "<u4"),
    ]
)
"""A node as the compiled routine reads it, the same since scikit-learn 1.3. A row goes left where its value is not
above the threshold, or is NaN and `missing_go_to_left`."""

NO_BITSETS = np.zeros((0, 8), np.uint32)

MERGED_BYTES = 16 * 1024 * 1024
"""Bytes of nodes. A merged forest is a second copy of them. Beyond this size the time goes into memory, not calls."""

MERGED_ROWS = 96
"""Rows. A call for each tree costs no more than the search for the tree's number in this many rows."""

MERGED_VALUES = 1 << 17
"""Values (rows × trees × features) looked up together: one megabyte, which fits the CPU's cache."""

MAX_NODES = 1 << 31
"""Nodes of all trees together; the routine's numbers of nodes have 32 bits."""


@dataclass(frozen=True, slots=True)
class Bitsets:
    """Sets of categories, 256 bits each, for trees that branch on categories."""

    left: Any
    """uint32 (branches on a category, 8): the categories that go left."""
    known: Any
    """uint32 (categorical features, 8): the categories seen in training; others count as missing."""
    place: Any
    """uint32 (features): each categorical feature's row in `known`. None without any."""


NO_CATEGORIES = Bitsets(NO_BITSETS, NO_BITSETS, None)


def is_tree(nodes: Any, features: int, bitsets: Bitsets = NO_CATEGORIES) -> bool:
    """Return whether the nodes make a tree that the compiled routine may walk over rows of this many features.

    `bitset_idx` counts within `bitsets.left`.
    """
    size = len(nodes)
    if nodes.dtype != NODE or not 0 < size < MAX_NODES:
        return False
    inner = nodes["is_leaf"] == 0
    here = np.flatnonzero(inner)
    feature = nodes["feature_idx"][inner]
    children_fit = all(_between(nodes[side][inner], here + 1, size) for side in ("left", "right"))
    if not (children_fit and _between(feature, 0, features)):
        return False
    categorical = nodes["is_categorical"][inner] != 0
    if not categorical.any():
        return True
    place = bitsets.place
    return (
        place is not None
        and place.shape == (features,)
        and _between(place[feature[categorical]], 0, len(bitsets.known))
        and _between(nodes["bitset_idx"][inner][categorical], 0, len(bitsets.left))
    )


def _between(numbers: Any, low: Any, high: int) -> bool:
    """Return whether all numbers are at least `low` and below `high`."""
    return bool((numbers >= low).all() and (numbers < high).all())


class Walk:
    """Trees that were checked, ready to be walked. Threads may share it."""

    def __init__(
        self,
        sizes: Sequence[int],
        fill: Callable[[int, Any], None],
        features: int,
        bitsets: Bitsets = NO_CATEGORIES,
        *,
        integers: bool = False,
    ) -> None:
        """Take the trees' numbers of nodes, and a function that writes the checked nodes of one tree into an array.

        With `integers` a leaf's value is the bits of an int64: a walk only copies it.
        """
        self.count, self._features = len(sizes), features
        self._dtype = np.int64 if integers else np.float64
        trees = [np.zeros(size, NODE) for size in sizes]
        for number, tree in enumerate(trees):
            fill(number, tree)
        # NumPy describes the fields to Cython at each call; a memoryview does so once, which saves a microsecond.
        self._trees = [_buffer(tree) for tree in trees]
        small = sum(sizes) * NODE.itemsize <= MERGED_BYTES and self.count > 1
        self._merged_rows = min(MERGED_ROWS, MERGED_VALUES // (self.count * (features + 1))) if small else 0
        self._merged = _buffer(_merge(trees, features)) if self._merged_rows else None
        self.step = max(1, MERGED_VALUES // self.count)
        # Only a branch on a category reads the places, so trees without one need none for each of their features.
        place = np.zeros(1) if bitsets.place is None else bitsets.place
        sets = bitsets.left, bitsets.known, place.astype(np.uint32)
        self._sets = tuple(_buffer(np.ascontiguousarray(each)) for each in sets)
        self._numbers = np.arange(self.count, dtype=np.float64).reshape(-1, 1)
        self._unused: list[Any] = []

    def __call__(self, X: Any, reduce: Callable[[Any], Any]) -> Any:
        """Return what `reduce` makes of the values of each tree's leaf: of (trees, rows) values one result a row.

        X is a matrix of floats. Many rows are looked up in parts, so that the values need little memory. `reduce` may
        change its argument but not keep it: the array is used again.
        """
        if len(X) <= min(2 * self._merged_rows, MERGED_ROWS):
            return self._one_row(X, reduce) if len(X) == 1 else reduce(self._few_rows(X))
        if X.shape[1] != self._features:  # the compiled routine would read beyond the row
            raise ValueError(f"X has {X.shape[1]} features, but {self._features} are expected")
        X = X.astype(np.float64, copy=False)
        if len(X) <= self.step:
            return reduce(self._many_rows(X))
        return np.concatenate([reduce(self._many_rows(part)) for part in self.parts(X)])

    def parts(self, X: Any) -> Iterator[Any]:
        """Return the rows in parts that are looked up together."""
        return (X[start : start + self.step] for start in range(0, len(X), self.step))

    def _one_row(self, X: Any, reduce: Callable[[Any], Any]) -> Any:
        """Return the result of one row. The arrays for it are used again, by one thread at a time."""
        try:
            arrays = self._unused.pop()
        except IndexError:
            arrays = self._arrays()
        head, repeated, out, found = arrays
        head[:] = X
        WALK_TREES.function(self._merged, repeated, *self._sets, 1, out)
        result = reduce(found)
        self._unused.append(arrays)
        return result

    def _arrays(self) -> tuple[Any, ...]:
        """Return the row repeated for each tree, without and with the tree's number, and the found values, twice."""
        repeated = np.empty((self.count, self._features + 1))
        repeated[:, self._features :] = self._numbers
        out = np.empty(self.count)
        return repeated[:, : self._features], _buffer(repeated), _buffer(out), out.view(self._dtype)[:, None]

    def _few_rows(self, X: Any) -> Any:
        if len(X) > self._merged_rows:  # two walks of merged trees take half as long as one of each tree
            half = len(X) // 2
            return np.concatenate([self._few_rows(X[:half]), self._few_rows(X[half:])], axis=1)
        width = self._features + 1
        repeated = np.empty((self.count, len(X), width))
        repeated[:, :, :-1] = X
        repeated[:, :, -1] = self._numbers
        found = np.empty(self.count * len(X))
        WALK_TREES(self._merged, repeated.reshape(-1, width), *self._sets, 1, found)
        return found.reshape(self.count, -1).view(self._dtype)

    def _many_rows(self, X: Any) -> Any:
        found = np.empty((self.count, len(X)))
        for tree, values in zip(self._trees, found, strict=True):
            WALK_TREES(tree, X, *self._sets, 1, values)
        return found.view(self._dtype)


def walk_of(trees: Sequence[Any], features: int, bitsets: Bitsets = NO_CATEGORIES) -> Walk | None:
    """Return the walk of trees, each given by its nodes; None unless all of them are trees.

    `bitset_idx` counts within `bitsets.left`.
    """
    sizes = list(map(len, trees))
    if not 0 < sum(sizes) < MAX_NODES or not all(is_tree(nodes, features, bitsets) for nodes in trees):
        return None

    def fill(number: int, target: Any) -> None:
        target[:] = trees[number]

    return Walk(sizes, fill, features, bitsets)


def _buffer(array: Any) -> Any:
    return memoryview(array)


def _merge(trees: Sequence[Any], features: int) -> Any:
    """Return the nodes of all trees under one root. Feature number `features` is the number of the tree to walk."""
    starts = (len(trees) - 1 + np.cumsum([0, *map(len, trees)])).tolist()
    nodes = np.zeros(starts[-1], NODE)
    for tree, (start, end) in zip(trees, pairwise(starts), strict=True):
        moved = nodes[start:end]
        moved[:] = tree
        for side in ("left", "right"):
            moved[side] += start
    _fill_search(nodes, starts[:-1], features)
    return nodes


def _fill_search(nodes: Any, roots: Sequence[int], feature: int) -> None:
    """Fill the first len(roots) - 1 nodes with a binary search for the tree's number; node 0 is its start."""
    unfilled = iter(range(len(roots)))

    def subtree(low: int, high: int) -> int:
        if high - low == 1:
            return roots[low]
        node, middle = next(unfilled), (low + high) // 2
        nodes[node]["feature_idx"], nodes[node]["num_threshold"] = feature, middle - 0.5
        nodes[node]["left"] = subtree(low, middle)
        nodes[node]["right"] = subtree(middle, high)
        return node

    subtree(0, len(roots))


def in_order(values: Any) -> Any:
    """Return the sum of (trees, …) values, each added to the sum of those before it.

    NumPy's sum does this along an outer axis, but it adds a flat array in pairs, which rounds differently. A sum that
    begins with zero is never -0.0; this one begins with the first value, so no value may be -0.0.
    """
    if values.shape[1] == 1:
        return np.add.accumulate(values, axis=0)[-1]
    return np.add.reduce(values, axis=0)


def staged_sums(values: Any, first: Any) -> Any:
    """Return the sums of boosted trees, of (trees, rows) values: the first estimate, then each stage in its order.

    `first` is (outputs, rows) or (outputs, 1). The result is (rows,) for one output, else (rows, outputs) in F order.
    """
    outputs = len(first)
    values[:outputs] += first
    if outputs == 1:
        return in_order(values)
    return in_order(values.reshape(len(values) // outputs, -1)).reshape(outputs, -1).T
