"""IsolationForest: how deep a row falls in trees of random splits.

scikit-learn computes the rows in parts. Each row's score depends on that row only, so the parts change no bit.

Source: sklearn/ensemble/_iforest.py (`_compute_score_samples`, `_average_path_length`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from server.model.families.base import Call, Part
from server.model.families.fitted_trees import Trees, members, tree_part
from server.model.families.state import Family, State, keys
from server.model.families.tree_walk import in_order

MAX_TREES = 100_000
MAX_SAMPLES = 1 << 62


def isolation_forest(state: State) -> Part:
    """Return the scores of rows, and whether they are outliers."""
    scores, offset = _scores(state), float(state.number("offset_"))

    def decide(X: Any) -> Any:
        return scores(X) - offset

    methods = {
        "predict": lambda X: np.where(decide(X) < 0, -1, 1),
        "decision_function": decide,
        "score_samples": scores,
    }
    return tree_part(state, methods, unchecked=True)


def _scores(state: State) -> Call:
    fitted = members(state, state.sequence("estimators_", MAX_TREES), "sklearn.tree._classes.ExtraTreeRegressor")
    count = len(fitted)
    trees = Trees(state, fitted, 1, 1, _features(state, count))
    depths = [_depths(state, number, size) for number, size in enumerate(trees.sizes)]
    walk = trees.with_node_values(depths)
    deepest = count * _average_path_length(state.integer("_max_samples", 1, MAX_SAMPLES))

    def scores(X: Any) -> Any:
        found = walk(X, in_order)
        return -(2 ** -(found / deepest if deepest else np.ones_like(found)))

    return scores


def _features(state: State, count: int) -> list[Any] | None:
    """Return the columns of each tree; None if each takes all of them."""
    if state.integer("_max_features", 1) == state.columns:
        return None
    chosen = state.sequence("estimators_features_", MAX_TREES)
    if len(chosen) != count:
        raise state.unknown("estimators_features_")
    return chosen


def _depths(state: State, number: int, size: int) -> Any:
    """Return the depth of each node of a tree: of its path, and of an average path among the rows that it holds."""
    lengths, averages = (state.sequence(key, MAX_TREES) for key in ("_decision_path_lengths", PATHS))
    for key, found in (("_decision_path_lengths", lengths), (PATHS, averages)):
        if len(found) <= number or type(found[number]) is not np.ndarray or found[number].shape != (size,):
            raise state.unknown(key)
    if lengths[number].dtype.kind not in "if" or averages[number].dtype != np.float64:
        raise state.unknown(PATHS)
    return lengths[number] + averages[number] - 1.0 + 0.0


def _average_path_length(samples: int) -> float:
    """Return the average depth of a row in a tree of this many rows."""
    if samples <= 2:  # noqa: PLR2004 - two rows are separated at once
        return float(samples - 1)
    rows = np.array([samples])
    return float((2.0 * (np.log(rows - 1.0) + np.euler_gamma) - 2.0 * (rows - 1.0) / rows)[0])


PATHS = "_average_path_length_per_tree"
FAMILIES: Mapping[str, Family] = {
    "sklearn.ensemble._iforest.IsolationForest": Family(
        isolation_forest,
        keys(
            "_average_path_length_per_tree _decision_path_lengths _max_features _max_samples _n_samples _sample_weight"
            " _seeds base_estimator bootstrap bootstrap_features contamination estimator estimator_ estimator_params"
            " estimators_ estimators_features_ max_features max_samples max_samples_ n_estimators n_jobs offset_"
            " oob_score random_state verbose warm_start"
        ),
    ),
}
