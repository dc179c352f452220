"""Factor analysis: few factors, and a noise of its own in each column.

Source: sklearn/decomposition/_factor_analysis.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, matrix_part
from server.model.families.precision import MAX_WIDTH, inverse, log_likelihood
from server.model.families.state import Family, State, keys


def factors(state: State) -> Part:
    """Return a FactorAnalysis. Very wide ones are known only where something follows them, as with PCA."""
    width = state.columns
    components = state.fitted_floats("components_", None, width)
    noise, mean = state.fitted_floats("noise_variance_", width), state.fitted_floats("mean_", width)
    count = len(components)
    if not 0 < count <= min(width, MAX_WIDTH):
        raise state.unknown("components_")
    chosen = None if state.values.get("n_components") is None else state.integer("n_components", count, count)

    @cache
    def projection() -> tuple[Any, Any]:
        with np.errstate(all="ignore"):
            scaled = components / noise
            return scaled.T, inverse(np.eye(count) + np.dot(scaled, components.T))

    def transform(X: Any) -> Any:
        scaled, covariance = projection()
        return np.dot(np.dot(X - mean, scaled), covariance)

    def precision() -> Any:
        if chosen == width:
            covariance = np.dot(components.T, components)
            covariance.flat[:: width + 1] += noise
            return inverse(covariance)
        found = np.dot(components / noise, components.T)
        found.flat[:: count + 1] += 1.0
        found = np.dot(components.T, np.dot(inverse(found), components))
        found /= noise[:, np.newaxis]
        found /= -noise[np.newaxis, :]
        found.flat[:: width + 1] += 1.0 / noise
        return found

    methods: dict[str, Call] = {"transform": transform}
    if width <= MAX_WIDTH:
        methods["score_samples"] = log_likelihood(mean, precision)
    part = matrix_part(state.part(), methods, Check(state.name))
    return part if width <= MAX_WIDTH else replace(part, lacks=frozenset({"score_samples"}))


FAMILIES: Mapping[str, Family] = {
    "sklearn.decomposition._factor_analysis.FactorAnalysis": Family(
        factors,
        keys(
            "n_components copy tol max_iter svd_method noise_variance_init iterated_power rotation random_state"
            " components_ noise_variance_ mean_ loglike_ n_iter_"
        ),
    )
}
