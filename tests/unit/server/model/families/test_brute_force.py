"""Nearest neighbors found by brute force, as data, give the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from threadpoolctl import threadpool_limits

from server.model.families.brute_force import MAX_POINTS
from server.model.families.registry import part_of
from server.model.pickledata.records import Unknown, as_record
from tests.unit.server.model.families.equality import assert_equal_to, assert_unknown_with_each, hostile_matrices

RNG = np.random.default_rng(12)
POINTS = {
    "far": RNG.normal(size=(300, 4)) * [1, 10, 0.01, 1000],
    "wide": RNG.normal(size=(130, 20)),
    "equal": np.round(RNG.normal(size=(600, 3))),
    "few": RNG.normal(size=(15, 2)),
}
POINTS["integers"] = POINTS["equal"].astype(np.int64)
POINTS["decimals"] = RNG.integers(0, 3, (600, 16)) / 10
MODELS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "classifier": (KNeighborsClassifier, {}, "far"),
    "classifier that chooses it": (KNeighborsClassifier, {"algorithm": "auto"}, "wide"),
    "classifier of equal points": (KNeighborsClassifier, {"n_neighbors": 4}, "equal"),
    "classifier of decimals": (KNeighborsClassifier, {"algorithm": "auto"}, "decimals"),
    "classifier by Euclid's name": (KNeighborsClassifier, {"metric": "euclidean"}, "decimals"),
    "classifier of all": (KNeighborsClassifier, {"n_neighbors": 15}, "few"),
    "classifier without weights": (KNeighborsClassifier, {"weights": None}, "equal"),
    "classifier by distance": (KNeighborsClassifier, {"weights": "distance"}, "far"),
    "classifier by distance of equal points": (KNeighborsClassifier, {"weights": "distance"}, "equal"),
    "classifier of integers": (KNeighborsClassifier, {"n_neighbors": 9}, "integers"),
    "regressor": (KNeighborsRegressor, {}, "far"),
    "regressor of equal points": (KNeighborsRegressor, {"n_neighbors": 9}, "equal"),
    "regressor by distance": (KNeighborsRegressor, {"weights": "distance"}, "wide"),
    "regressor of two by distance": (KNeighborsRegressor, {"weights": "distance", "n_neighbors": 70}, "equal"),
    "regressor of integers": (KNeighborsRegressor, {"weights": "distance"}, "integers"),
    "manhattan": (KNeighborsRegressor, {"metric": "manhattan", "weights": "distance"}, "wide"),
    "manhattan of equal points": (KNeighborsClassifier, {"p": 1, "n_neighbors": 6}, "equal"),
    "manhattan of integers": (KNeighborsClassifier, {"p": 1, "weights": "distance"}, "integers"),
    "chebyshev": (KNeighborsClassifier, {"metric": "chebyshev", "weights": "distance"}, "far"),
    "chebyshev of equal points": (KNeighborsRegressor, {"p": np.inf, "n_neighbors": 9}, "equal"),
    "cosine": (KNeighborsClassifier, {"metric": "cosine"}, "wide"),
    "cosine of equal points": (KNeighborsRegressor, {"metric": "cosine", "weights": "distance"}, "equal"),
}


def fit(name: str) -> Any:
    kind, parameters, points = MODELS[name]
    X = POINTS[points]
    y: Any = RNG.permutation(np.array(["a", "b", "c"])[np.arange(len(X)) % 3])
    if kind is KNeighborsRegressor:
        y = RNG.normal(size=(len(X), 2) if "two" in name else len(X))
    model = kind(**{"algorithm": "brute", **parameters}).fit(X, y)
    assert model._fit_method == "brute"
    return model


def inputs(points: str) -> list[Any]:
    """Return matrices, and the same rows in other forms, for which scikit-learn takes other ways."""
    X = POINTS[points].astype(float)
    some = X[np.arange(50) % len(X)] + RNG.normal(size=(50, X.shape[1]))
    forms = [np.asfortranarray(some), some.astype(object), pd.DataFrame(some), pd.DataFrame(some.round().astype(int))]
    return [*hostile_matrices(X), X, np.tile(X, (1 + 1100 // len(X), 1)), *forms, pd.DataFrame(some[:1])]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_brute_force_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_to(fit(name), inputs(MODELS[name][2]))


@pytest.mark.parametrize("name", ["regressor of equal points", "classifier of decimals"])
@pytest.mark.parametrize("threads", [2, 3])
def test_part_of_brute_force_takes_of_equally_near_points_those_of_as_many_threads(
    threads: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, X = fit(name), POINTS[MODELS[name][2]][:200]
    alone = model.predict(X)
    monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
    with threadpool_limits(threads, user_api="openmp"):
        assert (model.predict(X) != alone).any()
        assert_equal_to(model, [X, X[:1], np.tile(X, (4, 1))])


@pytest.mark.parametrize("setting", ["", "0", "2,1", "many"])
def test_part_of_brute_force_takes_one_thread_where_the_environment_names_no_number(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, X = fit("regressor of equal points"), POINTS["equal"][:50]
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    with threadpool_limits(1, user_api="openmp"):
        assert (part_of(model).methods["predict"](X) == model.predict(X)).all()


def test_part_of_brute_force_is_not_row_independent() -> None:
    assert not part_of(fit("classifier")).row_independent


def test_part_of_brute_force_with_another_state_is_unknown() -> None:
    changes: dict[str, Any] = {
        "n_samples_fit_": 299,
        "n_neighbors": 301,
        "effective_metric_": "l2",
        "effective_metric_params_": {"p": 2},
        "metric": "manhattan",
        "metric_params": {"w": 1},
        "p": 1,
        "n_jobs": 2,
        "_tree": 1,
        "_fit_X": lambda rows: rows.astype(np.float32),
    }
    assert_unknown_with_each(fit("classifier"), **changes, outputs_2d_=True, _y=lambda labels: labels + 1)
    for spoil in (np.asfortranarray, lambda rows: rows[:, 1:], lambda rows: np.where(rows > 0, np.nan, rows)):
        changes["_fit_X"] = spoil
        assert_unknown_with_each(fit("regressor"), **changes)


@pytest.mark.parametrize("name", ["cosine", "classifier of integers"])
def test_part_of_distances_that_numpy_1_ordered_is_unknown(name: str) -> None:
    for version, known in (("1.3.2", False), ("1.4.2", False), ("1.5.0", True)):
        record = as_record(fit(name))
        record.live, record.state = False, {**record.state, "_sklearn_version": version}
        if known:
            assert part_of(record)
        else:
            with pytest.raises(Unknown, match="not known as data"):
                part_of(record)


def test_part_of_brute_force_with_too_many_points_is_unknown() -> None:
    assert part_of(KNeighborsRegressor(1, algorithm="brute").fit(np.zeros((MAX_POINTS, 1)), np.zeros(MAX_POINTS)))
    many = np.zeros((MAX_POINTS + 1, 1))
    assert_unknown_with_each(
        fit("regressor"), _fit_X=many, n_samples_fit_=len(many), _y=np.zeros(len(many)), n_features_in_=1
    )
