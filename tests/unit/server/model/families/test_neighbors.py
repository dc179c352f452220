"""Nearest neighbors as data give the answers of scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from server.model.families.registry import part_of
from server.model.pickledata.records import Unknown, as_record
from tests.unit.server.model.families.equality import assert_equal_to, assert_unknown_with_each, hostile_matrices

RNG = np.random.default_rng(11)
POINTS = {
    "far": RNG.normal(size=(300, 4)) * [1, 10, 0.01, 1000],
    "equal": np.round(RNG.normal(size=(300, 3))),
    "few": RNG.normal(size=(15, 2)),
}
MODELS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "classifier": (KNeighborsClassifier, {}, "far"),
    "classifier of equal points": (KNeighborsClassifier, {"n_neighbors": 4, "leaf_size": 5}, "equal"),
    "classifier by distance": (KNeighborsClassifier, {"weights": "distance", "n_neighbors": 9}, "far"),
    "classifier by distance of equal points": (
        KNeighborsClassifier,
        {"weights": "distance", "n_neighbors": 11, "leaf_size": 2},
        "equal",
    ),
    "classifier of the nearest": (KNeighborsClassifier, {"n_neighbors": 1}, "equal"),
    "classifier of all": (KNeighborsClassifier, {"n_neighbors": 15}, "few"),
    "regressor": (KNeighborsRegressor, {"leaf_size": 7}, "far"),
    "regressor of equal points": (KNeighborsRegressor, {"n_neighbors": 9, "leaf_size": 3}, "equal"),
    "regressor by distance": (KNeighborsRegressor, {"weights": "distance"}, "far"),
    "regressor by distance of equal points": (KNeighborsRegressor, {"weights": "distance"}, "equal"),
    "regressor of two": (KNeighborsRegressor, {"n_neighbors": 3}, "equal"),
    "manhattan": (KNeighborsRegressor, {"metric": "manhattan", "weights": "distance"}, "far"),
    "manhattan of equal points": (KNeighborsClassifier, {"p": 1, "n_neighbors": 6, "leaf_size": 3}, "equal"),
    "chebyshev": (KNeighborsClassifier, {"metric": "chebyshev", "weights": "distance"}, "far"),
    "chebyshev of equal points": (KNeighborsRegressor, {"p": np.inf, "n_neighbors": 9, "leaf_size": 2}, "equal"),
    "minkowski": (KNeighborsRegressor, {"p": 3, "weights": "distance"}, "far"),
    "minkowski of equal points": (KNeighborsRegressor, {"p": 1.5, "weights": "distance", "leaf_size": 4}, "equal"),
    "many": (KNeighborsRegressor, {"n_neighbors": 40, "weights": "distance"}, "far"),
    "many equal points": (KNeighborsRegressor, {"n_neighbors": 70, "leaf_size": 4}, "equal"),
    "many equal points by votes": (KNeighborsClassifier, {"n_neighbors": 120, "p": 1}, "equal"),
    "regressor of two by distance": (KNeighborsRegressor, {"weights": "distance", "n_neighbors": 8}, "far"),
}


def fit(name: str) -> Any:
    kind, parameters, points = MODELS[name]
    X = POINTS[points]
    y: Any = RNG.permutation(np.array(["a", "b", "c"])[np.arange(len(X)) % 3])
    if kind is KNeighborsRegressor:
        y = RNG.normal(size=(len(X), 2) if "two" in name else len(X))
    return kind(algorithm="kd_tree", **parameters).fit(X, y)


@pytest.mark.parametrize("name", MODELS)
def test_part_of_neighbors_gives_the_answers_of_scikit_learn(name: str) -> None:
    X = POINTS[MODELS[name][2]]
    assert_equal_to(fit(name), [*hostile_matrices(X), X, X + 0.5, np.round(X)])


@pytest.mark.parametrize("name", MODELS)
def test_part_of_neighbors_answers_rows_alone_as_together(name: str) -> None:
    X, model = POINTS[MODELS[name][2]], fit(name)
    assert part_of(model).row_independent
    for method in part_of(model).methods:
        call = getattr(model, method)
        assert (np.concatenate([call(row[None]) for row in X]) == call(X)).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm": "ball_tree"},
        {"algorithm": "brute", "p": 3},
        {"algorithm": "brute", "metric": "l2"},
        {"algorithm": "brute", "metric": "minkowski", "metric_params": {"w": np.ones(4)}},
        {"algorithm": "brute", "n_jobs": -1},
        {"algorithm": "brute", "weights": np.ones_like},
        {"weights": np.ones_like},
    ],
)
def test_part_of_neighbors_found_otherwise_is_unknown(changes: dict[str, Any]) -> None:
    X = POINTS["far"]
    model = KNeighborsRegressor(**{"algorithm": "kd_tree", **changes}).fit(X, X[:, 0])
    with pytest.raises(Unknown):
        part_of(model)


def test_part_of_neighbors_with_another_state_is_unknown() -> None:
    changes = {"n_samples_fit_": 299, "_fit_method": "brute", "effective_metric_params_": {"p": 2}, "_tree": None}
    assert_unknown_with_each(
        fit("classifier"),
        **changes,
        _y=lambda labels: labels + 1,
        outputs_2d_=True,
        classes_=lambda classes: classes[:2],
    )
    assert_unknown_with_each(fit("regressor"), **changes, _y=lambda targets: targets[1:])


@pytest.mark.parametrize("place", range(4))
def test_part_of_neighbors_with_another_tree_is_unknown(place: int) -> None:
    model = fit("regressor")
    tree = as_record(model._tree)
    parts = list(tree.state)
    for spoil in SPOILS[place]:
        spoiled = parts[place].copy()
        spoil(spoiled)
        changed = tuple(spoiled if index == place else part for index, part in enumerate(parts))
        assert_unknown_with_each(model, _tree=replace(tree, state=changed))
    assert_unknown_with_each(model, _tree=replace(tree, state=(*parts[:place], parts[place][:-1], *parts[place + 1 :])))


def _set(array: Any, index: Any, value: Any) -> None:
    array[index] = value


SPOILS: dict[int, list[Any]] = {
    0: [lambda data: _set(data, 0, np.nan), lambda data: _set(data, 5, 1e6)],
    1: [lambda indices: _set(indices, 0, 300), lambda indices: _set(indices, 0, indices[1])],
    2: [
        lambda nodes: _set(nodes["idx_end"], 3, 400),
        lambda nodes: _set(nodes["idx_start"], 2, 0),
        lambda nodes: _set(nodes["is_leaf"], 0, 1),
        lambda nodes: _set(nodes["is_leaf"], -1, 0),
    ],
    3: [lambda bounds: _set(bounds, (0, 1), 0.0), lambda bounds: _set(bounds, (1, 2), 1e9)],
}


def test_part_of_neighbors_of_another_metric_or_class_is_unknown() -> None:
    model = fit("regressor")
    tree = as_record(model._tree)
    metric = as_record(tree.state[11])
    power = replace(metric, state=(3.0, *metric.state[1:]))
    for changed in (
        replace(tree, state=(*tree.state[:11], power, None)),
        replace(tree, state=(*tree.state[:11], None, None)),
        replace(tree, state=(*tree.state[:12], np.ones(300))),
        replace(tree, args=("sklearn.neighbors._ball_tree.BallTree",)),
        replace(tree, name="sklearn.neighbors._ball_tree.newObj"),
        replace(tree, state=None),
    ):
        assert_unknown_with_each(model, _tree=changed)
