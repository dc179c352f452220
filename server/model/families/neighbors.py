"""Nearest neighbors in a KDTree: the votes or the mean of the nearest points.

Source: sklearn/neighbors/_classification.py, _regression.py, _base.py, sklearn/utils/extmath.py (`weighted_mode`).

`brute` is not known as data: scikit-learn computes its distances by a matrix product of parts of the points, shared
among threads. The parts decide the last bits, and the number of threads which of equally near points are taken. Neither
are trees of balls, radii, weighted metrics, and large trees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from server.model.families.base import Check, Part, matrix_part
from server.model.families.kd_tree import tree_of
from server.model.families.state import Family, State, keys


def classifier(state: State) -> Part:
    """Return a KNeighborsClassifier of one output."""
    classes, find, uniform = state.labels(), _neighbors(state), _is_uniform(state)
    labels = state.array("_y", "i", state.integer("n_samples_fit_", 1))
    if state.flag("outputs_2d_") or labels.min() < 0 or labels.max() >= len(classes):
        raise state.unknown("_y")

    def votes(X: Any) -> tuple[Any, Any]:
        indices, weights = find(X)
        if weights is None:
            return indices, np.ones(indices.shape)
        if not weights.any(axis=1).all():
            raise ValueError(NO_WEIGHT)
        return indices, weights

    def predict(X: Any) -> Any:
        if uniform and len(X) == 1:
            best = int(np.bincount(labels[find(X)[0][0]]).argmax())
            return classes[best : best + 1]
        indices, weights = votes(X)
        return classes.take(_heaviest(labels[indices], weights))

    def probabilities(X: Any) -> Any:
        indices, weights = votes(X)
        found, rows = np.zeros((len(X), len(classes))), np.arange(len(X))
        for column, chosen in enumerate(labels[indices].T):
            found[rows, chosen] += weights[:, column]
        found /= found.sum(axis=1)[:, np.newaxis]
        return found

    part = state.part(classes=classes, row_independent=True)
    return matrix_part(part, {"predict": predict, "predict_proba": probabilities}, Check(state.name))


def _heaviest(labels: Any, weights: Any) -> Any:
    """Return the label of each row that has the largest sum of weights, the least of several."""
    best, largest = np.zeros(len(labels), np.intp), np.zeros(len(labels))
    for label in np.unique(labels):
        total = np.where(labels == label, weights, 0.0).sum(axis=1)
        best = np.where(total > largest, label, best)
        largest = np.maximum(total, largest)
    return best


def regressor(state: State) -> Part:
    """Return a KNeighborsRegressor of one output or several."""
    find, points = _neighbors(state), state.integer("n_samples_fit_", 1)
    shape = (points,) if getattr(state.values.get("_y"), "ndim", 0) == 1 else (points, None)
    targets = state.array("_y", "if", *shape).reshape(points, -1)
    if targets.dtype not in (np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.int64)):
        raise state.unknown("_y")

    def predict(X: Any) -> Any:
        indices, weights = find(X)
        if weights is None:
            found = np.mean(targets[indices], axis=1)
        else:
            found, total = np.empty((len(X), targets.shape[1])), np.sum(weights, axis=1)
            for column in range(targets.shape[1]):
                found[:, column] = np.sum(targets[indices, column] * weights, axis=1) / total
        return found.ravel() if len(shape) == 1 else found

    return matrix_part(state.part(row_independent=True), {"predict": predict}, Check(state.name))


def _neighbors(state: State) -> Callable[[Any], tuple[Any, Any]]:
    """Return a function that gives the indices of each row's nearest points, and their weights or None."""
    state.word("_fit_method", "kd_tree")
    count = state.integer("n_neighbors", 1, state.integer("n_samples_fit_", 1))
    tree, uniform = tree_of(state), _is_uniform(state)

    def find(X: Any) -> tuple[Any, Any]:
        reduced, indices = tree.nearest(X, count)
        if uniform:
            return indices, None
        with np.errstate(divide="ignore"):
            weights = 1.0 / tree.root(reduced)
        at_a_point = np.isinf(weights)
        rows = at_a_point.any(axis=1)
        weights[rows] = at_a_point[rows]
        return indices, weights

    return find


def _is_uniform(state: State) -> bool:
    """Return whether each neighbor counts the same."""
    return bool(state.word("weights", "uniform", "distance", None) != "distance")


NO_WEIGHT = (
    "All neighbors of some sample is getting zero weights. Please modify 'weights' to avoid this case if you are using"
    " a user-defined function."
)

NEIGHBOR_KEYS = keys(
    "n_neighbors radius algorithm leaf_size metric metric_params p n_jobs weights outputs_2d_ classes_ _y"
    " effective_metric_params_ effective_metric_ _fit_method _fit_X n_samples_fit_ _tree"
)

FAMILIES: Mapping[str, Family] = {
    "sklearn.neighbors._classification.KNeighborsClassifier": Family(classifier, NEIGHBOR_KEYS),
    "sklearn.neighbors._regression.KNeighborsRegressor": Family(regressor, NEIGHBOR_KEYS),
}
