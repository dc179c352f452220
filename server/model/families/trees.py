"""Decision trees and forests of them: one walk through one tree, instead of a call for each of a hundred.

scikit-learn calls every tree of a forest by itself: about 35 µs each, most of it Python. Here the forest's trees are
put under one root: its first levels ask for the number of the tree, which each row carries as one more feature, and
lead to the root of that tree. A row is looked up once for each tree, all in one call of scikit-learn's own compiled
walk: the same comparisons of the same numbers. The leaves are summed up in the trees' order, as scikit-learn does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families.errors import Unsuited

Call = Callable[[Any], Any]

TREE_CLASSIFIERS = frozenset(
    {"sklearn.tree._classes.DecisionTreeClassifier", "sklearn.tree._classes.ExtraTreeClassifier"}
)
TREE_REGRESSORS = frozenset({"sklearn.tree._classes.DecisionTreeRegressor", "sklearn.tree._classes.ExtraTreeRegressor"})
FOREST_CLASSIFIERS = frozenset(
    {"sklearn.ensemble._forest.RandomForestClassifier", "sklearn.ensemble._forest.ExtraTreesClassifier"}
)
FOREST_REGRESSORS = frozenset(
    {"sklearn.ensemble._forest.RandomForestRegressor", "sklearn.ensemble._forest.ExtraTreesRegressor"}
)
CLASSIFIERS, REGRESSORS = TREE_CLASSIFIERS | FOREST_CLASSIFIERS, TREE_REGRESSORS | FOREST_REGRESSORS

MERGED_BYTES = 16 * 1024 * 1024
"""A merged forest is a second copy. Beyond this size it is not worth its memory: its trees are called one by one."""

LOOKED_UP = 1 << 18
"""Values (rows by trees by features) looked up together: a megabyte, which the CPU's cache holds. Beyond, by tree."""


def methods(estimator: Any, name: str) -> dict[str, Call]:
    if name not in CLASSIFIERS | REGRESSORS or estimator.n_outputs_ != 1:
        return {}
    members = [estimator] if name in TREE_CLASSIFIERS | TREE_REGRESSORS else list(estimator.estimators_)
    mean = _mean([member.tree_ for member in members])
    if name in REGRESSORS:
        return {"predict": lambda X: mean(X)[:, 0]}
    classes = estimator.classes_
    return {"predict_proba": mean, "predict": lambda X: classes.take(mean(X).argmax(axis=1), axis=0)}


def _mean(members: Sequence[Any]) -> Call:
    """The mean of the trees' values, as (rows, values of a leaf)."""
    count, features = len(members), members[0].n_features
    merged = _merged(members) if count > 1 and _bytes(members) <= MERGED_BYTES else None

    def mean(X: Any) -> Any:
        narrow = _narrow(X)
        if count == 1:
            return members[0].predict(narrow)
        few = merged is not None and len(X) * count * features <= LOOKED_UP
        return (merged(narrow) if few and merged else _summed(members, narrow)) / count

    return mean


def _narrow(X: Any) -> Any:
    """Trees compare 32-bit numbers. What does not fit them has become infinite, and is scikit-learn's to refuse."""
    narrow = X.astype(np.float32)
    if not finite(narrow):
        raise Unsuited
    return narrow


def _summed(members: Sequence[Any], narrow: Any) -> Any:
    """The sum of the trees' values, tree by tree."""
    total = np.zeros((len(narrow), members[0].value.shape[2]))
    for member in members:
        total += member.predict(narrow)
    return total


def _merged(members: Sequence[Any]) -> Call:
    """The same sum by one walk."""
    tree, features, count = merge(members), members[0].n_features, len(members)
    leaves = tree.value.reshape(tree.node_count, -1)
    numbers = np.arange(count, dtype=np.float32).reshape(-1, 1)

    def total(narrow: Any) -> Any:
        rows = len(narrow)
        asked = np.empty((count, rows, features + 1), dtype=np.float32)
        asked[:, :, :features] = narrow
        asked[:, :, features] = numbers
        found = leaves.take(tree.apply(asked.reshape(count * rows, features + 1)), axis=0)
        # One after the other, in the order of the trees. NumPy's sum does so along an outer axis, but adds a flat
        # array in pairs, which rounds otherwise.
        if found.size == count:
            return np.add.accumulate(found, axis=0)[-1].reshape(1, 1)
        return np.add.reduce(found.reshape(count, rows, -1), axis=0)

    return total


def merge(members: Sequence[Any]) -> Any:
    """One tree that holds all; its last feature is the number of the tree that is asked."""
    states = [member.__getstate__() for member in members]
    first, count, features = states[0], len(states), members[0].n_features
    sizes = [state["node_count"] for state in states]
    starts = (count - 1 + np.concatenate([[0], np.cumsum(sizes)])).tolist()
    nodes = np.zeros(starts[-1], dtype=first["nodes"].dtype)
    values = np.zeros((starts[-1], *first["values"].shape[1:]))
    for state, start, end in zip(states, starts, starts[1:], strict=False):
        nodes[start:end] = _moved(state["nodes"], start)
        values[start:end] = state["values"]
    _choose(nodes, starts[:-1], features)
    tree = type(members[0])(features + 1, np.array([values.shape[2]], dtype=np.intp), 1)
    depth = max(state["max_depth"] for state in states) + count.bit_length()
    tree.__setstate__({"max_depth": depth, "node_count": len(nodes), "nodes": nodes, "values": values})
    return tree


def _moved(nodes: Any, start: int) -> Any:
    """The nodes as they are when the first is number `start`; a leaf's children stay -1."""
    moved = nodes.copy()
    for child in ("left_child", "right_child"):
        moved[child][moved[child] >= 0] += start
    return moved


def _choose(nodes: Any, roots: list[int], feature: int) -> None:
    """Fill the first len(roots) - 1 nodes with a search for the tree's number; node 0 is its start."""
    free = iter(range(len(roots)))

    def chosen(low: int, high: int) -> int:
        if high - low == 1:
            return roots[low]
        place, middle = next(free), (low + high) // 2
        nodes[place]["feature"], nodes[place]["threshold"] = feature, middle - 0.5
        nodes[place]["left_child"] = chosen(low, middle)
        nodes[place]["right_child"] = chosen(middle, high)
        return place

    chosen(0, len(roots))


def _bytes(members: Sequence[Any]) -> int:
    nodes = sum(member.node_count for member in members)
    state = members[0].__getstate__()
    return int(nodes * (state["nodes"].dtype.itemsize + 8 * state["values"][0].size))
