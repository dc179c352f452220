"""Trees that scikit-learn fitted: read and checked once, and the rows that they compare.

Trees compare float32 values with float64 thresholds.

Source: sklearn/tree/_tree.pyx (`_apply_dense`), _classes.py (`_validate_X_predict`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families.base import Call, Check, Part, Unsuited, behind
from server.model.families.grown_trees import GrownTree
from server.model.families.sparse_rows import SparseRows
from server.model.families.state import State, keys
from server.model.families.tree_walk import MAX_NODES, MERGED_BYTES, NODE, Walk, is_tree

FITTED_NODE: Mapping[str, str] = {
    "left_child": "<i8",
    "right_child": "<i8",
    "feature": "<i8",
    "threshold": "<f8",
    "impurity": "<f8",
    "n_node_samples": "<i8",
    "weighted_n_node_samples": "<f8",
    "missing_go_to_left": "|u1",
}
"""The fields of a node from scikit-learn 1.3 to 1.9. In 1.10 other fields decide which way a row goes."""

NO_CHILD = -1
SPARSE_VALUES = 1 << 20
"""Values. Sparse rows are made dense in parts of this size."""


TREE_KEYS = keys(
    "ccp_alpha class_weight classes_ criterion max_depth max_features max_features_ max_leaf_nodes"
    " min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf monotonic_cst n_classes_"
    " n_outputs_ random_state splitter tree_"
)


def members(state: State, values: Sequence[Any], kind: str) -> list[State]:
    """Return the states of an ensemble's trees, which must all be of one class."""
    if not values:
        raise state.unknown("estimators_")
    return [state.as_inside("estimators_", value, TREE_KEYS, kind) for value in values]


class Trees:
    """Fitted trees of one estimator, checked."""

    def __init__(
        self, state: State, members: Sequence[State], outputs: int, width: int, columns: Sequence[Any] | None = None
    ) -> None:
        """Read the `tree_` of each member: `outputs` outputs, and `width` values for each of them.

        `columns` are those that each tree was fitted on, if not all.
        """
        self.features, self.shape = state.columns, (outputs, width)
        self._columns = None if columns is None else [_positions(state, chosen) for chosen in columns]
        widths = [self.features] * len(members) if self._columns is None else list(map(len, self._columns))
        trees = [_read(each, features, self.shape) for each, features in zip(members, widths, strict=True)]
        self.sizes = [len(nodes) for nodes, _ in trees]
        if not trees or sum(self.sizes) >= MAX_NODES:
            raise state.unknown("estimators_")
        if state.record.live and sum(self.sizes) * NODE.itemsize > MERGED_BYTES:
            # scikit-learn keeps the nodes of a live forest, and these would be a second copy.
            raise state.unknown("estimators_")
        self._trees = trees

    def with_leaf_values(self, value: Callable[[Any], Any]) -> Walk:
        """Return the walk that gives for each leaf the number that `value` makes of (leaves, outputs, width)."""
        return self._walk(lambda number, leaf: value(self._trees[number][1][leaf]))

    def with_node_values(self, values: Sequence[Any]) -> Walk:
        """Return the walk that gives for each leaf its value among those of the tree's nodes."""
        return self._walk(lambda number, leaf: values[number][leaf])

    def with_leaf_numbers(self) -> tuple[Walk, Any]:
        """Return a walk that gives the number of each leaf, and the values (leaves, outputs, width) by number."""
        counts = [int((nodes["left_child"] == NO_CHILD).sum()) for nodes, _ in self._trees]
        first = np.cumsum([0, *counts]).tolist()
        table = np.empty((first[-1], *self.shape))

        def numbers(number: int, leaf: Any) -> Any:
            place = slice(first[number], first[number + 1])
            table[place] = self._trees[number][1][leaf]
            return np.arange(place.start, place.stop, dtype=np.int64).view(np.float64)

        return self._walk(numbers, integers=True), table

    def grown(self, value: Callable[[Any], Any]) -> list[GrownTree]:
        """Return the trees for a decomposition: `value` makes (nodes, width) of (nodes, outputs, width)."""
        return [
            GrownTree(_convert(nodes, np.zeros(len(nodes), NODE)), nodes["weighted_n_node_samples"], value(values))
            for nodes, values in self._trees
        ]

    def _walk(self, value: Callable[[int, Any], Any], *, integers: bool = False) -> Walk:
        def fill(number: int, target: Any) -> None:
            nodes, _ = self._trees[number]
            leaf = nodes["left_child"] == NO_CHILD
            _convert(nodes, target)
            if self._columns is not None:
                target["feature_idx"] = self._columns[number][target["feature_idx"]]
            target["value"][leaf] = value(number, leaf)

        return Walk(self.sizes, fill, self.features, integers=integers)


def _positions(state: State, chosen: Any) -> Any:
    """Return the columns of one tree, each of which the model has."""
    if type(chosen) is not np.ndarray or chosen.dtype.kind not in "iu" or chosen.ndim != 1 or not len(chosen):
        raise state.unknown("estimators_features_")
    if chosen.min() < 0 or chosen.max() >= state.columns:
        raise state.unknown("estimators_features_")
    return chosen.astype(np.int64)


def _read(member: State, features: int, shape: tuple[int, int]) -> tuple[Any, Any]:
    """Return the nodes and the values of a fitted tree, once they are checked."""
    record = member.record_of("tree_", "sklearn.tree._tree.Tree")
    fitted = record.state
    if type(fitted) is not dict or set(fitted) != {"max_depth", "node_count", "nodes", "values"}:
        raise member.unknown("tree_")
    nodes, values = fitted["nodes"], fitted["values"]
    if (
        len(record.args) != 3  # noqa: PLR2004 - features, classes, outputs
        or record.args[0] != features
        or record.args[2] != shape[0]
        or not _are_nodes(nodes)
        or type(values) is not np.ndarray
        or values.dtype != np.float64
        or values.shape != (len(nodes), *shape)
    ):
        raise member.unknown("tree_")
    checked = np.zeros(len(nodes), NODE)
    if not _children_fit(nodes) or not is_tree(_convert(nodes, checked), features):
        raise member.unknown("tree_")
    return nodes, values


def _are_nodes(nodes: Any) -> bool:
    if type(nodes) is not np.ndarray or nodes.ndim != 1 or nodes.dtype.names != tuple(FITTED_NODE):
        return False
    return 0 < len(nodes) < MAX_NODES and all(nodes.dtype[name].str == kind for name, kind in FITTED_NODE.items())


def _children_fit(nodes: Any) -> bool:
    """Return whether all children fit 32 bits, and each node has two of them or none."""
    left, right = nodes["left_child"], nodes["right_child"]
    leaf = left == NO_CHILD
    low, high = min(left.min(), right.min()), max(left.max(), right.max())
    return low >= NO_CHILD and high < len(nodes) and bool((leaf == (right == NO_CHILD)).all())


def _convert(nodes: Any, target: Any) -> Any:
    """Write fitted nodes in the compiled routine's layout, without values. Return them."""
    leaf = nodes["left_child"] == NO_CHILD
    target["is_leaf"] = leaf
    for name, source in (("left", "left_child"), ("right", "right_child"), ("feature_idx", "feature")):
        target[name] = np.where(leaf, 0, nodes[source])
    target["num_threshold"] = nodes["threshold"]
    target["missing_go_to_left"] = nodes["missing_go_to_left"] != 0
    return target


# ---- rows


def rounded(check: Check, X: Any) -> Any:
    """Return the rows as trees compare them: as float32.

    Raises:
        ValueError: a value is not finite, or too large for float32.

    """
    if type(X) is SparseRows:
        data = _rounded(X.data)
        replace(check, nan=False).require_finite(data, "float32")
        return X.with_data(data)
    X32 = _rounded(X if type(X) is np.ndarray else X.matrix())
    check.require_finite(X32, "float32")
    return X32


def _rounded(X: Any) -> Any:
    with np.errstate(over="ignore"):
        return X.astype(np.float32)


def _rounded_or_unsuited(X: Any) -> Any:
    X32 = X.astype(np.float32)
    if not finite(X32):
        raise Unsuited
    return X32


def dense_parts(call: Call) -> Call:
    """Return the call for SparseRows too: they are made dense in parts. A value that is not stored is zero."""

    def complete(X: Any) -> Any:
        if type(X) is not SparseRows:
            return call(X)
        step = max(1, SPARSE_VALUES // X.width)
        answers = [call(X.part(start, start + step).toarray()) for start in range(0, len(X), step)]
        if type(answers[0]) is list:
            return [np.concatenate(each) for each in zip(*answers, strict=True)]
        return np.concatenate(answers)

    return complete


def tree_part(
    state: State, methods: Mapping[str, Call], *, nan: bool = False, unchecked: bool = False, classes: Any = None
) -> Part:
    """Return the part whose methods take rows that are rounded to float32."""
    check = Check(state.name, nan=nan, unchecked=unchecked, sparse=True)
    prepare = _rounded if unchecked else _rounded_or_unsuited
    return replace(
        state.part(classes=classes, row_independent=True, takes_sparse=True),
        methods={name: behind(lambda X: rounded(check, X), dense_parts(call)) for name, call in methods.items()},
        direct={name: behind(prepare, call) for name, call in methods.items()},
    )
