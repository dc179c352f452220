"""The answer of trees as a sum: on its way to a leaf, a row changes the expected answer at each branch.

The expected answer at a node is the mean of the leaves below it, by the training rows that met them. At the root it is
the mean of all: the base. Each branch adds the difference between the child that the row takes and its parent to the
feature that it compares. The sum of the differences is the leaf's value minus the base, so the parts add up exactly
(A. Saabas, "Interpreting random forests", 2014).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from server.model.explanation.unexplained import UnexplainedError
from server.model.families.grown_trees import GrownTrees

MAX_NODES = 1_000_000
"""Nodes of all trees: about 100 MB while somebody asks for explanations. The models that people look at have fewer."""


class PathDecomposition:
    """The trees of one estimator, one after another in the same arrays."""

    def __init__(self, grown: GrownTrees) -> None:
        """Raise UnexplainedError if there are too many nodes."""
        sizes = [len(tree.nodes) for tree in grown.trees]
        if sum(sizes) > MAX_NODES:
            raise UnexplainedError(f"its trees have more than {MAX_NODES:,} nodes")
        starts = np.cumsum([0, *sizes])
        self._roots, self._outputs, self._bitsets = starts[:-1], grown.outputs, grown.bitsets
        nodes = np.concatenate([tree.nodes for tree in grown.trees])
        self._leaf = nodes["is_leaf"] != 0
        self._feature, self._threshold = nodes["feature_idx"], nodes["num_threshold"]
        self._missing_left = nodes["missing_go_to_left"] != 0
        self._categorical, self._set = nodes["is_categorical"] != 0, nodes["bitset_idx"]
        self._left, self._right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
        for start, end in pairwise(starts):
            self._left[start:end] += start
            self._right[start:end] += start
        cover = np.concatenate([tree.cover for tree in grown.trees])
        self._values = self._expected(np.concatenate([tree.values for tree in grown.trees]), cover)

    def _expected(self, values: Any, cover: Any) -> Any:
        """Return the expected answer at each node, from the leaves upwards."""
        levels = [self._roots]
        while len(inner := levels[-1][~self._leaf[levels[-1]]]):
            levels[-1] = inner
            levels.append(np.concatenate([self._left[inner], self._right[inner]]))
        values = values.astype(np.float64)
        for level in reversed(levels[:-1]):
            left, right = self._left[level], self._right[level]
            of_left, of_right = cover[left], cover[right]
            total = of_left + of_right
            share = np.divide(of_left, total, out=np.full(len(level), 0.5), where=total > 0)[:, np.newaxis]
            values[level] = share * values[left] + (1 - share) * values[right]
        return values

    def thresholds(self) -> dict[int, Any]:
        """Return the numbers that each feature is compared with."""
        compared = ~self._leaf & ~self._categorical
        features, thresholds = self._feature[compared], self._threshold[compared]
        order = np.argsort(features, kind="stable")
        found, starts = np.unique(features[order], return_index=True)
        return dict(zip(found.tolist(), np.split(thresholds[order], starts[1:]), strict=False))

    def decompose(self, row: Any, output: int) -> tuple[float, Any]:
        """Return the base and the contribution of each feature to one output, for a row as the branches compare it."""
        own = self._values.shape[1] > 1 or self._outputs == 1
        nodes = self._roots if own else self._roots[output :: self._outputs]
        values = self._values[:, output if self._values.shape[1] > 1 else 0]
        base, contributions = float(values[nodes].sum()), np.zeros(len(row))
        while len(nodes := nodes[~self._leaf[nodes]]):
            following = np.where(self._goes_left(row, nodes), self._left[nodes], self._right[nodes])
            np.add.at(contributions, self._feature[nodes], values[following] - values[nodes])
            nodes = following
        return base, contributions

    def _goes_left(self, row: Any, nodes: Any) -> Any:
        features = self._feature[nodes]
        found = row[features]
        missing = np.isnan(found)
        left = np.where(missing, self._missing_left[nodes], found <= self._threshold[nodes])
        categorical = self._categorical[nodes]
        if categorical.any():
            left[categorical] = self._category_goes_left(found[categorical], features[categorical], nodes[categorical])
        return left

    def _category_goes_left(self, found: Any, features: Any, nodes: Any) -> Any:
        """Return whether each category is in the set of its node. One that training did not see counts as missing."""
        inside = (found >= 0) & (found < 32 * self._bitsets.left.shape[1])  # NaN is not
        category = np.where(inside, found, 0).astype(np.int64)
        known = inside & _bit(self._bitsets.known, self._bitsets.place[features], category)
        return np.where(known, _bit(self._bitsets.left, self._set[nodes], category), self._missing_left[nodes])


def _bit(sets: Any, rows: Any, category: Any) -> Any:
    return (sets[rows, category // 32] >> (category % 32).astype(np.uint32)) & 1 != 0
