"""Decision trees and forests: one walk through one merged tree, instead of one call for each of a hundred trees.

scikit-learn calls each tree of a forest separately, which takes about 35 µs per tree, mostly Python. Here the trees are
merged under one root. Its first levels branch on the number of the tree, which each row carries as one more feature,
and lead to the root of that tree. A row is repeated once for each tree, and all of them are looked up in one call of
scikit-learn's own compiled walk: the same comparisons of the same numbers. The leaves are summed in the trees' order,
as scikit-learn sums them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families.base import Call, Unsuited

MERGED_BYTES = 16 * 1024 * 1024
"""Bytes of nodes. A merged forest is a second copy of them. Beyond this size its trees are called one by one."""

MERGED_VALUES = 1 << 18
"""Values (rows × trees × features) looked up together: one megabyte, which fits the CPU's cache. Beyond it, the trees
are called one by one."""


def classifier(estimator: Any) -> dict[str, Call]:
    """Return the methods of a tree or a forest that predicts classes; none for several outputs."""
    if estimator.n_outputs_ != 1:
        return {}
    mean, classes = _mean(_trees_of(estimator)), estimator.classes_
    return {"predict_proba": mean, "predict": lambda X: classes.take(mean(X).argmax(axis=1), axis=0)}


def regressor(estimator: Any) -> dict[str, Call]:
    """Return the methods of a tree or a forest that predicts numbers; none for several outputs."""
    if estimator.n_outputs_ != 1:
        return {}
    mean = _mean(_trees_of(estimator))
    return {"predict": lambda X: mean(X)[:, 0]}


def _trees_of(estimator: Any) -> list[Any]:
    return [member.tree_ for member in getattr(estimator, "estimators_", [estimator])]


def _mean(members: Sequence[Any]) -> Call:
    """Return a function that gives the mean of the trees' values, as (rows, values of a leaf)."""
    count, features = len(members), members[0].n_features
    merged = _merged(members) if count > 1 and _bytes(members) <= MERGED_BYTES else None

    def mean(X: Any) -> Any:
        X32 = _as_float32(X)
        if count == 1:
            return members[0].predict(X32)
        if merged and len(X) * count * features <= MERGED_VALUES:
            return merged(X32) / count
        return _summed(members, X32) / count

    return mean


def _as_float32(X: Any) -> Any:
    """Return the rows as float32, which trees compare. Raise Unsuited if a number is too large for it."""
    X32 = X.astype(np.float32)
    if not finite(X32):
        raise Unsuited
    return X32


def _summed(members: Sequence[Any], X32: Any) -> Any:
    """Return the sum of the trees' values, tree by tree."""
    total = np.zeros((len(X32), members[0].value.shape[2]))
    for member in members:
        total += member.predict(X32)
    return total


def _merged(members: Sequence[Any]) -> Call:
    """Return a function that gives the same sum by one walk through the merged tree."""
    tree, features, count = merge(members), members[0].n_features, len(members)
    leaves = tree.value.reshape(tree.node_count, -1)
    numbers = np.arange(count, dtype=np.float32).reshape(-1, 1)

    def total(X32: Any) -> Any:
        rows = len(X32)
        repeated = np.empty((count, rows, features + 1), dtype=np.float32)
        repeated[:, :, :features] = X32
        repeated[:, :, features] = numbers
        found = leaves.take(tree.apply(repeated.reshape(count * rows, features + 1)), axis=0)
        # Added one after the other, in the order of the trees. NumPy's sum does this along an outer axis, but it adds
        # a flat array in pairs, which rounds differently.
        if found.size == count:
            return np.add.accumulate(found, axis=0)[-1].reshape(1, 1)
        return np.add.reduce(found.reshape(count, rows, -1), axis=0)

    return total


def merge(members: Sequence[Any]) -> Any:
    """Return one tree that holds all. Its last feature is the number of the tree to walk."""
    states = [member.__getstate__() for member in members]
    first, count, features = states[0], len(states), members[0].n_features
    sizes = [state["node_count"] for state in states]
    starts = (count - 1 + np.concatenate([[0], np.cumsum(sizes)])).tolist()
    nodes = np.zeros(starts[-1], dtype=first["nodes"].dtype)
    values = np.zeros((starts[-1], *first["values"].shape[1:]))
    for state, start, end in zip(states, starts, starts[1:], strict=False):
        nodes[start:end] = _moved(state["nodes"], start)
        values[start:end] = state["values"]
    _fill_search(nodes, starts[:-1], features)
    tree = type(members[0])(features + 1, np.array([values.shape[2]], dtype=np.intp), 1)
    depth = max(state["max_depth"] for state in states) + count.bit_length()
    tree.__setstate__({"max_depth": depth, "node_count": len(nodes), "nodes": nodes, "values": values})
    return tree


def _moved(nodes: Any, start: int) -> Any:
    """Return the nodes with their children renumbered from `start`; a leaf's children stay -1."""
    moved = nodes.copy()
    for child in ("left_child", "right_child"):
        moved[child][moved[child] >= 0] += start
    return moved


def _fill_search(nodes: Any, roots: list[int], feature: int) -> None:
    """Fill the first len(roots) - 1 nodes with a binary search for the tree's number; node 0 is its start."""
    unfilled = iter(range(len(roots)))

    def subtree(low: int, high: int) -> int:
        if high - low == 1:
            return roots[low]
        node, middle = next(unfilled), (low + high) // 2
        nodes[node]["feature"], nodes[node]["threshold"] = feature, middle - 0.5
        nodes[node]["left_child"] = subtree(low, middle)
        nodes[node]["right_child"] = subtree(middle, high)
        return node

    subtree(0, len(roots))


def _bytes(members: Sequence[Any]) -> int:
    nodes = sum(member.node_count for member in members)
    state = members[0].__getstate__()
    return int(nodes * (state["nodes"].dtype.itemsize + 8 * state["values"][0].size))
