"""Nearest neighbors in a KDTree or among all points: the votes or the mean of the nearest.

Source: sklearn/neighbors/_classification.py, _regression.py, _base.py, sklearn/utils/extmath.py (`weighted_mode`).

Not known as data are trees of balls, radii, weighted metrics, large trees, and brute force by other metrics than those
of `brute_force.METRICS`, among sparse points, or with `n_jobs`, which divides the points by the number of CPUs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, matrix_part
from server.model.families.brute_force import MAX_POINTS, METRICS, POWERS, Points
from server.model.families.kd_tree import tree_of
from server.model.families.state import Family, State, keys

Find = Callable[[Any], tuple[Any, Any]]
"""Returns the indices of each row's nearest points, and their weights or None."""


def classifier(state: State) -> Part:
    """Return a KNeighborsClassifier of one output."""
    classes = state.labels()
    labels = state.array("_y", "i", state.integer("n_samples_fit_", 1))
    if state.flag("outputs_2d_") or labels.min() < 0 or labels.max() >= len(classes):
        raise state.unknown("_y")
    return _part(state, lambda find: _votes(find, labels, classes), state.part(classes=classes))


def _votes(find: Find, labels: Any, classes: Any) -> dict[str, Call]:
    """Return the methods of a classifier."""

    def predict(X: Any) -> Any:
        indices, weights = find(X)
        if weights is None and len(X) == 1:
            best = int(np.bincount(labels[indices[0]]).argmax())
            return classes[best : best + 1]
        return classes.take(_heaviest(labels[indices], _of_votes(indices, weights)))

    def probabilities(X: Any) -> Any:
        indices, weights = find(X)
        weights = _of_votes(indices, weights)
        found, rows = np.zeros((len(X), len(classes))), np.arange(len(X))
        for column, chosen in enumerate(labels[indices].T):
            found[rows, chosen] += weights[:, column]
        found /= found.sum(axis=1)[:, np.newaxis]
        return found

    return {"predict": predict, "predict_proba": probabilities}


def _of_votes(indices: Any, weights: Any) -> Any:
    """Return the weights of votes: ones where there are none."""
    if weights is None:
        return np.ones(indices.shape)
    if not weights.any(axis=1).all():
        raise ValueError(NO_WEIGHT)
    return weights


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
    points = state.integer("n_samples_fit_", 1)
    shape = (points,) if getattr(state.values.get("_y"), "ndim", 0) == 1 else (points, None)
    targets = state.array("_y", "if", *shape).reshape(points, -1)
    if targets.dtype not in (np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.int64)):
        raise state.unknown("_y")
    return _part(state, lambda find: _means(find, targets, flat=len(shape) == 1), state.part())


def _means(find: Find, targets: Any, *, flat: bool) -> dict[str, Call]:
    """Return the methods of a regressor."""

    def predict(X: Any) -> Any:
        indices, weights = find(X)
        if weights is None:
            found = np.mean(targets[indices], axis=1)
        else:
            found, total = np.empty((len(X), targets.shape[1])), np.sum(weights, axis=1)
            for column in range(targets.shape[1]):
                found[:, column] = np.sum(targets[indices, column] * weights, axis=1) / total
        return found.ravel() if flat else found

    return {"predict": predict}


# ---- the nearest points and their weights


def _part(state: State, methods: Callable[[Find], dict[str, Call]], part: Part) -> Part:
    """Return the part with these methods of whatever finds the nearest points."""
    count = state.integer("n_neighbors", 1, state.integer("n_samples_fit_", 1))
    uniform, check = _is_uniform(state), Check(state.name)
    if state.word("_fit_method", "kd_tree", "brute") == "kd_tree":
        return matrix_part(replace(part, row_independent=True), methods(_in_tree(state, count, uniform)), check)
    points = _points(state)
    searched = voted = methods(_among(points, count, uniform))
    by_class_mode = points.reduces and points.metric != "euclidean"  # ArgKminClassMode.valid_metrics excludes it
    if state.values.get("weights") == "uniform" and by_class_mode and part.classes is not None:
        voted = methods(lambda X: (points.voters(X, count), None))
    complete = {name: _either(check, voted[name], searched[name]) for name in voted}
    return replace(part, methods=complete, direct=voted)


def _either(check: Check, voted: Call, searched: Call) -> Call:
    """Return a method that takes rows of float64 in C order in one way, and all others in another."""

    def call(X: Any) -> Any:
        is_plain = type(X) is np.ndarray and X.dtype == np.float64 and X.flags.c_contiguous
        X = np.ascontiguousarray(check.numbers(X))
        return voted(X) if is_plain else searched(X)

    return call


def _in_tree(state: State, count: int, uniform: bool) -> Find:
    tree = tree_of(state)

    def find(X: Any) -> tuple[Any, Any]:
        reduced, indices = tree.nearest(X, count)
        return indices, None if uniform else _weights(tree.root(reduced))

    return find


def _among(points: Points, count: int, uniform: bool) -> Find:
    def find(X: Any) -> tuple[Any, Any]:
        distances, indices = points.nearest(X, count)
        return indices, None if uniform else _weights(distances)

    return find


def _points(state: State) -> Points:
    """Return the training rows that are searched by brute force."""
    metric = state.word("effective_metric_", *METRICS)
    named = state.word("metric", "minkowski", metric)
    if named == "minkowski" and POWERS.get(metric) != state.number("p"):
        raise state.unknown("metric")
    if state.values.get("effective_metric_params_") != {} or state.values.get("metric_params") not in (None, {}):
        raise state.unknown("effective_metric_params_")
    if state.values.get("n_jobs") not in (None, 1):
        raise state.unknown("n_jobs")
    count = state.integer("n_samples_fit_", 1, MAX_POINTS)
    rows = state.array("_fit_X", "fiu", count, state.columns)
    if rows.dtype.kind == "f" and rows.dtype != np.float64:
        raise state.unknown("_fit_X")
    if not rows.flags.c_contiguous or not np.isfinite(rows).all() or state.values.get("_tree") is not None:
        raise state.unknown("_fit_X")
    points = Points(rows.astype(np.float64, copy=False), metric, are_floats=rows.dtype.kind == "f")
    if not points.reduces and () < state.version < NUMPY_2:
        raise state.unknown("effective_metric_")
    return points


def _weights(distances: Any) -> Any:
    """Return the weight of each neighbor: the inverse of its distance, or 1 for those at the same place."""
    with np.errstate(divide="ignore"):
        weights = 1.0 / distances
    at_a_point = np.isinf(weights)
    rows = at_a_point.any(axis=1)
    weights[rows] = at_a_point[rows]
    return weights


def _is_uniform(state: State) -> bool:
    """Return whether each neighbor counts the same."""
    return bool(state.word("weights", "uniform", "distance", None) != "distance")


NUMPY_2 = (1, 5)
"""The first version of scikit-learn for NumPy 2. Where distances are equal, NumPy 1 chooses other rows."""

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
