"""Decision trees and forests.

A classifier's leaf holds the share of each class. Up to scikit-learn 1.3 it held the weight of each class, which that
version divided by their sum at each call.

Source: sklearn/tree/_classes.py, sklearn/ensemble/_forest.py (`_accumulate_prediction`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Part
from server.model.families.compose import TRANSFORM
from server.model.families.fitted_trees import TREE_KEYS, Trees, members, tree_part
from server.model.families.grown_trees import GrownTrees
from server.model.families.state import Family, State, keys
from server.model.families.tree_walk import in_order

MAX_OUTPUTS = 10_000
MAX_TREES = 100_000

COUNTS = (1, 3)
"""The last version whose leaves hold the weights of the classes."""


def tree_regressor(state: State) -> Part:
    """Return a tree that predicts one or several numbers."""
    trees = Trees(state, [state], state.integer("n_outputs_", 1, MAX_OUTPUTS), 1)
    return tree_part(state, {"predict": _mean_of(trees)}, nan=_takes_nan(state))


def forest_regressor(state: State) -> Part:
    """Return a forest that predicts one or several numbers."""
    fitted = _members_of(state)
    trees = Trees(state, fitted, state.integer("n_outputs_", 1, MAX_OUTPUTS), 1)
    return tree_part(state, {"predict": _mean_of(trees)}, nan=_takes_nan(fitted[0]))


def _members_of(state: State) -> list[State]:
    return members(state, state.sequence("estimators_", MAX_TREES), MEMBERS[state.record.name])


def _mean_of(trees: Trees) -> Call:
    """Return a function that gives the mean of the trees' values: (rows,), or (rows, outputs)."""
    count, outputs = len(trees.sizes), trees.shape[0]
    if outputs > 1:
        return _mean_of_leaves(trees, lambda table: table)
    if count == 1:
        walk = trees.with_leaf_values(lambda values: values[:, 0, 0])
        return lambda X: walk(X, lambda found: found[0])
    walk = trees.with_leaf_values(lambda values: values[:, 0, 0] + 0.0)
    return lambda X: walk(X, in_order) / count


def _mean_of_leaves(trees: Trees, prepare: Callable[[Any], Any]) -> Call:
    """Return a function that gives the mean of the trees' values, as (rows, outputs × width)."""
    walk, table = trees.with_leaf_numbers()
    table, count = prepare(table).reshape(len(table), -1), walk.count
    if count == 1:
        return lambda X: walk(X, lambda found: table.take(found[0], axis=0))
    table += 0.0
    if table.shape[1] % 2 == 0:  # half the additions: a sum of complex numbers is the sums of both parts
        table = table.view(np.complex128)
    return lambda X: walk(X, lambda found: in_order(table.take(found, axis=0))).view(np.float64) / count


def tree_classifier(state: State) -> Part:
    """Return a tree that predicts classes."""
    classes = _Classes(state)
    trees = Trees(state, [state], classes.outputs, classes.width)
    shares = _mean_of_leaves(trees, classes.shares)
    weights = _mean_of_leaves(trees, lambda table: table) if state.version == COUNTS else shares
    methods = {"predict": lambda X: classes.best(weights(X)), "predict_proba": lambda X: classes.split(shares(X))}
    return tree_part(state, methods, nan=_takes_nan(state), classes=classes.classes)


def forest_classifier(state: State) -> Part:
    """Return a forest that predicts classes."""
    classes, fitted = _Classes(state), _members_of(state)
    shares = _mean_of_leaves(Trees(state, fitted, classes.outputs, classes.width), classes.shares)
    methods = {"predict": lambda X: classes.best(shares(X)), "predict_proba": lambda X: classes.split(shares(X))}
    return tree_part(state, methods, nan=_takes_nan(fitted[0]), classes=classes.classes)


def embedding(state: State) -> Part:
    """Return a RandomTreesEmbedding: the leaf of each tree, one-hot."""
    fitted = _members_of(state)
    trees, encoder = Trees(state, fitted, 1, 1), state.child("one_hot_encoder_")
    if encoder.name != "OneHotEncoder" or encoder.width != len(trees.sizes):
        raise state.unknown("one_hot_encoder_")
    leaves = trees.with_node_values([np.arange(size, dtype=np.float64) for size in trees.sizes])
    encode = encoder.methods[TRANSFORM]
    part = tree_part(
        state,
        {TRANSFORM: lambda X: encode(leaves(X, lambda found: found.T.astype(np.int64)))},
        nan=_takes_nan(fitted[0]),
    )
    return replace(part, direct={}, takes_sparse=False, gives_sparse=encoder.gives_sparse)


def grown(state: State) -> GrownTrees:
    """Return the trees of a tree or a forest of one output, for a decomposition."""
    part = FAMILIES[state.record.name].part(state)
    fitted = _members_of(state) if state.record.name in MEMBERS else [state]
    if state.integer("n_outputs_", 1, MAX_OUTPUTS) != 1:
        raise state.unknown("n_outputs_")
    count = len(fitted)
    if "predict_proba" not in part.methods:
        trees = Trees(state, fitted, 1, 1)
        return GrownTrees(trees.grown(lambda values: values[:, 0] / count), 1, to_float32, part.methods["predict"])
    classes = _Classes(state)
    trees = Trees(state, fitted, 1, classes.width)
    found = trees.grown(lambda values: classes.shares(values.copy())[:, 0] / count)
    return GrownTrees(found, classes.width, to_float32, part.methods["predict_proba"])


def to_float32(X: Any) -> Any:
    """Return the rows as fitted trees compare them."""
    return X.astype(np.float32)


class _Classes:
    """The classes of each output."""

    def __init__(self, state: State) -> None:
        self.outputs = state.integer("n_outputs_", 1, MAX_OUTPUTS)
        self.counts_weights = state.version == COUNTS
        found = state.values.get("classes_")
        several = found if self.outputs > 1 else [found]
        if type(several) is not list or len(several) != self.outputs:
            raise state.unknown("classes_")
        self._each = [state.as_labels("classes_", labels) for labels in several]
        self.classes: Any = self._each if self.outputs > 1 else self._each[0]
        self.sizes = [len(labels) for labels in self._each]
        self.width = max(self.sizes)

    def shares(self, table: Any) -> Any:
        """Return the shares of the classes in leaves (leaves, outputs, width)."""
        if not self.counts_weights:
            return table
        for output, size in enumerate(self.sizes):
            weights = table[:, output, :size]
            total = weights.sum(axis=1)[:, np.newaxis]
            total[total == 0.0] = 1.0
            weights /= total
        return table

    def split(self, shares: Any) -> Any:
        """Return predict_proba's answer: an array, or a list of one for each output."""
        if self.outputs == 1:
            return shares
        shares = shares.reshape(-1, self.outputs, self.width)
        return [shares[:, output, :size] for output, size in enumerate(self.sizes)]

    def best(self, shares: Any) -> Any:
        """Return predict's answer: the class with the largest share."""
        if self.outputs == 1:
            return self.classes.take(shares.argmax(axis=1), axis=0)
        best = shares.reshape(-1, self.outputs, self.width).argmax(axis=2)
        answer = np.zeros(best.shape, self._each[0].dtype)
        for output, labels in enumerate(self._each):
            answer[:, output] = labels.take(best[:, output], axis=0)
        return answer


def _takes_nan(member: State) -> bool:
    """Return whether the current version lets this tree take NaN."""
    return "ExtraTree" not in member.name or member.word("splitter", "best", "random") == "random"


FOREST_KEYS = keys(
    "_n_samples _n_samples_bootstrap _sample_weight base_estimator bootstrap ccp_alpha class_weight classes_ criterion"
    " estimator estimator_ estimator_params estimators_ max_depth max_features max_leaf_nodes max_samples"
    " min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf monotonic_cst n_classes_"
    " n_estimators n_jobs n_outputs_ oob_decision_function_ oob_prediction_ oob_score oob_score_ random_state verbose"
    " warm_start"
)

_TREE, _FOREST = "sklearn.tree._classes.", "sklearn.ensemble._forest."
MEMBERS: Mapping[str, str] = {
    _FOREST + "ExtraTreesClassifier": _TREE + "ExtraTreeClassifier",
    _FOREST + "ExtraTreesRegressor": _TREE + "ExtraTreeRegressor",
    _FOREST + "RandomForestClassifier": _TREE + "DecisionTreeClassifier",
    _FOREST + "RandomForestRegressor": _TREE + "DecisionTreeRegressor",
    _FOREST + "RandomTreesEmbedding": _TREE + "ExtraTreeRegressor",
}
FAMILIES: Mapping[str, Family] = {
    **dict.fromkeys(
        [_TREE + "DecisionTreeClassifier", _TREE + "ExtraTreeClassifier"], Family(tree_classifier, TREE_KEYS)
    ),
    **dict.fromkeys([_TREE + "DecisionTreeRegressor", _TREE + "ExtraTreeRegressor"], Family(tree_regressor, TREE_KEYS)),
    **{name: Family(forest_classifier, FOREST_KEYS) for name in MEMBERS if name.endswith("Classifier")},
    **{name: Family(forest_regressor, FOREST_KEYS) for name in MEMBERS if name.endswith("Regressor")},
    _FOREST + "RandomTreesEmbedding": Family(
        embedding, FOREST_KEYS | keys("one_hot_encoder_ sparse_output _n_features_out")
    ),
}
