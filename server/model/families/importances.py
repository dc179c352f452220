"""How important each column was to a fitted estimator, for selectors that keep the important ones.

Source: sklearn/feature_selection/_base.py (`_get_feature_importances`), sklearn/tree/_tree.pyx
(`compute_feature_importances`), sklearn/ensemble/_forest.py (`feature_importances_`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from server.model.families.state import State
from server.model.pickledata.records import Record, as_record, name_of

LINEAR = ("sklearn.linear_model.", "sklearn.svm._classes.LinearSV")
"""Estimators that have `coef_` among their attributes."""

TREES = frozenset(
    f"sklearn.tree._classes.{kind}{use}"
    for kind in ("DecisionTree", "ExtraTree")
    for use in ("Classifier", "Regressor")
)
EXTRA_TREES = frozenset(name for name in TREES if "ExtraTree" in name)
"""Alone, these take NaN with random splits only."""

FORESTS = frozenset(
    f"sklearn.ensemble._forest.{kind}{use}"
    for kind in ("RandomForest", "ExtraTrees")
    for use in ("Classifier", "Regressor")
)

NODE_FIELDS = ("left_child", "right_child", "feature", "impurity", "weighted_n_node_samples")


REFUSE_NAN = tuple(
    f"sklearn.{package}."
    for package in ("linear_model", "svm", "neighbors", "naive_bayes", "discriminant_analysis", "neural_network")
)


def takes_nan(state: State, key: str) -> bool:
    """Return whether an estimator takes NaN (its tag `allow_nan`), which a selector with it then takes as well."""
    name = name_of(state.values.get(key))
    if name in EXTRA_TREES:
        parameters = as_record(state.values[key]).state
        return bool(type(parameters) is dict and parameters.get("splitter") == "random")
    if name in TREES | FORESTS:
        return True
    if not name.startswith(REFUSE_NAN):
        raise state.unknown(key)
    return False


def importances(state: State, record: Record) -> Any:
    """Return the importance of each column, or several rows of them (`coef_` of several classes)."""
    values = record.state if type(record.state) is dict else {}
    if record.name.startswith(LINEAR):
        found = values.get("coef_")
        if type(found) is not np.ndarray or found.ndim not in (1, 2):
            raise state.unknown("estimator_")
        return state.as_fitted("estimator_", found)
    width = values.get("n_features_in_")
    if type(width) is not int or record.name not in TREES | FORESTS:
        raise state.unknown("estimator_")
    if record.name in TREES:
        return _of_tree(state, record, width)
    members = values.get("estimators_")
    if type(members) is not list or not all(name_of(member) in TREES for member in members):
        raise state.unknown("estimator_")
    # A tree without a split has no importances.
    each = [_of_tree(state, as_record(member), width) for member in members if _count(state, as_record(member)) > 1]
    if not each:
        return np.zeros(width)
    mean = np.mean(each, axis=0, dtype=np.float64)
    return mean / np.sum(mean)


def _nodes(state: State, tree: Record) -> Any:
    """Return the nodes of a tree."""
    found = tree.state.get("tree_") if type(tree.state) is dict else None
    if name_of(found) != "sklearn.tree._tree.Tree":
        raise state.unknown("estimator_")
    inner = as_record(found).state
    nodes = inner.get("nodes") if type(inner) is dict else None
    if type(nodes) is not np.ndarray or nodes.ndim != 1 or not len(nodes):
        raise state.unknown("estimator_")
    if not set(NODE_FIELDS) <= set(nodes.dtype.names or ()):
        raise state.unknown("estimator_")
    return nodes


def _count(state: State, tree: Record) -> int:
    return len(_nodes(state, tree))


def _of_tree(state: State, tree: Record, width: int) -> Any:
    """Return the total reduction of impurity by each column, each column's sum in the order of the nodes."""
    nodes = _nodes(state, tree)
    inner = nodes[nodes["left_child"] != -1]
    for field, count in (("left_child", len(nodes)), ("right_child", len(nodes)), ("feature", width)):
        if len(inner) and not (inner[field].min() >= 0 and inner[field].max() < count):
            raise state.unknown("estimator_")
    weighted = nodes["weighted_n_node_samples"] * nodes["impurity"]
    reductions = weighted[nodes["left_child"] != -1] - weighted[inner["left_child"]] - weighted[inner["right_child"]]
    found: Any = np.bincount(inner["feature"], reductions, width)
    found /= nodes["weighted_n_node_samples"][0]
    total = np.sum(found)
    return found / total if total > 0.0 else found
