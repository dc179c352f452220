"""NearestCentroid: the class whose center is the nearest, or the most probable where classes are not equally frequent.

Source: sklearn/neighbors/_nearest_centroid.py, sklearn/metrics/pairwise.py, sklearn/discriminant_analysis.py
(`DiscriminantAnalysisPredictionMixin`). Sparse rows are unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, matrix_part
from server.model.families.brute_force import MAX_POINTS, Points, require_finite
from server.model.families.discriminant import posterior_methods
from server.model.families.probabilities import BINARY
from server.model.families.state import Family, State, keys


def nearest_centroid(state: State) -> Part:
    """Return a NearestCentroid. Up to 1.5 it knows no other frequencies than equal ones, and only predicts."""
    classes, metric = state.labels(), state.word("metric", "euclidean", "manhattan")
    if not BINARY <= len(classes) <= MAX_POINTS:
        raise state.unknown("classes_")
    centers = state.floats("centroids_", len(classes), state.columns)
    if not np.isfinite(centers).all() or not centers.flags.c_contiguous:
        raise state.unknown("centroids_")
    points = Points(centers, metric)
    predict: Call = lambda X: classes[points.index(X)]  # noqa: E731 - short
    part, check = state.part(classes=classes), Check(state.name)
    if "class_prior_" not in state.values:
        return matrix_part(part, {"predict": predict}, check)
    methods = _by_probability(state, classes, metric)
    if np.isclose(state.floats("class_prior_", len(classes)), 1 / len(classes)).all():
        methods["predict"] = predict
    if metric != "euclidean":
        methods = {"predict": methods["predict"]}
    return matrix_part(part, methods, check)


def _by_probability(state: State, classes: Any, metric: str) -> dict[str, Call]:
    """Return the methods by the distances from the centers, in units of each column's deviation."""
    centers = state.floats("centroids_", len(classes), state.columns)
    priors = state.floats("class_prior_", len(classes))
    deviations = state.floats("within_class_std_dev_", state.columns)
    if not np.isfinite(deviations).all():
        raise state.unknown("within_class_std_dev_")
    divisors = np.where(deviations != 0, deviations, 1.0)
    with np.errstate(all="ignore"):
        centers, bonuses = centers / divisors, 2.0 * np.log(priors)
    if not np.isfinite(centers).all():
        raise state.unknown("within_class_std_dev_")
    each = [Points(center[None], metric) for center in centers]

    def scores(X: Any) -> Any:
        X = require_finite(X.copy("K") / divisors)
        found = np.empty((len(X), len(classes)))
        for column, center in enumerate(each):
            distances = center.all_distances(X)[:, 0]
            found[:, column] = bonuses[column] - distances**2
        return found

    return posterior_methods(scores, classes)


CENTROID_KEYS = keys(
    "metric shrink_threshold priors classes_ centroids_ class_prior_ within_class_std_dev_ deviations_"
)

FAMILIES: Mapping[str, Family] = {
    "sklearn.neighbors._nearest_centroid.NearestCentroid": Family(nearest_centroid, CENTROID_KEYS),
}
