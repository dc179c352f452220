"""Branches on sets of categories of any size, walked by the compiled routine, whose sets have 256 bits.

A column of categories is looked at in blocks. Each block becomes one more column of the rows, with the category's
place in the block, or ELSEWHERE. A branch on a set becomes a chain of branches, one for each block that has categories
of the set: a row of the set goes left at one of them, and every other row goes right at the last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from server.model.families.tree_walk import NO_BITSETS, Bitsets, Walk, walk_of
from server.model.pickledata.records import Unknown

BLOCK = 255
"""Categories in a block."""
ELSEWHERE = 255
"""In place of a category that is not in the block. No set contains it."""
MAX_BLOCKS = 256
"""Columns that are added to each row: over 65,000 categories."""
WORDS = NO_BITSETS.shape[1]


class CategoryBranches:
    """The branches on categories of all trees of a model."""

    def __init__(self, features: int, whole: Callable[[Any], Any]) -> None:
        """Take the number of features, and how the library makes a whole number of a value."""
        self.features, self._whole = features, whole
        self._columns: dict[tuple[int, int], int] = {}
        self._sets: list[Any] = []

    def tree(self, nodes: Any, sets: Mapping[int, Any]) -> Any:
        """Return a tree's nodes with chains in place of its branches on categories.

        `sets` has the categories that go left, by the number of the node: an array without duplicates. The children of
        all nodes must be nodes. NaN goes as `missing_go_to_left` says.

        Raises:
            Unknown: there are too many categories.

        """
        if not sets:
            return nodes
        blocks = {node: np.unique(categories // BLOCK).tolist() or [0] for node, categories in sets.items()}
        lengths = np.ones(len(nodes), np.int64)
        for node, each in blocks.items():
            lengths[node] = len(each)
        starts = np.cumsum(lengths) - lengths
        found = nodes[np.repeat(np.arange(len(nodes)), lengths)]
        for side in ("left", "right"):
            found[side] = np.where(found["is_leaf"], 0, starts[found[side]])
        for node, categories in sets.items():
            self._fill_chain(found[starts[node] : starts[node] + lengths[node]], starts[node], categories, blocks[node])
        return found

    def _fill_chain(self, chain: Any, start: int, categories: Any, blocks: Sequence[int]) -> None:
        chain["is_categorical"] = 1
        chain["right"][:-1] = np.arange(start + 1, start + len(chain))
        for node, block in zip(chain, blocks, strict=True):
            column = (int(node["feature_idx"]), block)
            node["feature_idx"] = self.features + self._columns.setdefault(column, len(self._columns))
            node["bitset_idx"] = len(self._sets)
            inside = categories[categories // BLOCK == block] % BLOCK
            bits = np.zeros(32 * WORDS, np.uint8)
            bits[inside] = 1
            self._sets.append(np.packbits(bits, bitorder="little").view("<u4"))
        if len(self._columns) > MAX_BLOCKS:
            raise Unknown("a model of so many categories is not known as data")

    def walk(self, trees: Sequence[Any]) -> Walk | None:
        """Return the walk of trees that `tree` returned, over rows that `rows` returns; None unless all are trees."""
        if not self._columns:
            return walk_of(trees, self.features)
        if not all(0 <= feature < self.features for feature, _ in self._columns):
            return None
        width = self.features + len(self._columns)
        known = np.full((1, WORDS), 0xFFFFFFFF, np.uint32)  # what is in no set goes right, and not as NaN does
        return walk_of(trees, width, Bitsets(np.stack(self._sets), known, np.zeros(width, np.uint32)))

    def rows(self) -> Callable[[Any], Any]:
        """Return the function that adds the blocks to rows of floats."""
        if not self._columns:
            return lambda X: X
        sources = np.array([feature for feature, _ in self._columns])
        firsts = np.array([block * BLOCK for _, block in self._columns], np.float64)

        def added(X: Any) -> Any:
            values = X[:, sources]
            places = self._whole(values) - firsts
            elsewhere = ~((places >= 0) & (places < BLOCK)) & ~np.isnan(places)
            places[elsewhere] = ELSEWHERE
            return np.concatenate((X, places), axis=1)

        return added


class CategoryCodes:
    """The categories of columns, as pandas kept them at training. A table has their values, and a matrix the codes."""

    def __init__(self, categories: Mapping[int, Sequence[Any]]) -> None:
        """Take the categories of each such column, by its position."""
        self._codes = {
            position: {(type(value) is bool, value): float(code) for code, value in enumerate(values)}
            for position, values in categories.items()
        }

    def __call__(self, X: Any) -> Any:
        """Return a table as a float64 matrix, with NaN for other values. A matrix has codes already."""
        if type(X) is np.ndarray:
            return X
        columns = [
            _codes(column, self._codes[position]) if position in self._codes else column
            for position, column in enumerate(X.columns)
        ]
        return type(X)(X.names, columns).matrix()


def _codes(column: Any, codes: Mapping[tuple[bool, Any], float]) -> Any:
    return np.array([codes.get((type(value) is bool, value), np.nan) for value in column.tolist()])
