"""Direct evaluation gives scikit-learn's answers to the last bit, for every float there is, or leaves them to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from server.model import families
from server.model.families.trees import merge
from server.model.row_independence import same_bits
from tests.examples import examples
from tests.unit.server.fitted_models import DIRECT, FEATURES, THREE, TREES, X, fitted

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # overflow: scikit-learn's own arithmetic warns too

anything = st.floats(width=64)  # NaN, infinities, denormals, and all between
usual = st.floats(-1e3, 1e3)
rows = st.integers(1, 9).flatmap(
    lambda count: arrays.arrays(np.float64, (count, FEATURES), elements=st.one_of(anything, usual, usual, usual))
)


def outcome(call: Any, given: Any) -> Any:
    try:
        return call(given)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("name", DIRECT)
@given(rows=rows)
@examples(15)
def test_every_answer_and_every_refusal_is_that_of_scikit_learn(name: str, rows: Any) -> None:
    model = fitted(name)
    for method, fast in families.of(model).items():
        plain = getattr(model, method)
        expected, found = outcome(plain, rows), outcome(families.or_else(fast, plain, FEATURES), rows)
        assert expected == found if isinstance(expected, str) else same_bits(expected, found), method


LARGEST, LEAST = np.finfo(np.float64).max, 5e-324
EDGES = (0.0, -0.0, LARGEST, -LARGEST, LEAST, np.finfo(np.float32).max, 1e39, 1e154, np.nan, np.inf, -np.inf)


@pytest.mark.parametrize("name", DIRECT)
@pytest.mark.parametrize("value", EDGES)
def test_the_edges_of_the_numbers_are_those_of_scikit_learn(name: str, value: float) -> None:
    model = fitted(name)
    for edge in (np.full((1, FEATURES), value), np.where(np.eye(FEATURES, dtype=bool), value, 0.5)):
        for method, fast in families.of(model).items():
            plain = getattr(model, method)
            expected, found = outcome(plain, edge), outcome(families.or_else(fast, plain, FEATURES), edge)
            assert expected == found if isinstance(expected, str) else same_bits(expected, found), method


@pytest.mark.parametrize("name", DIRECT)
def test_each_family_is_evaluated_directly_in_all_that_it_can(name: str) -> None:
    model = fitted(name)
    fast = families.of(model)
    assert "predict" in fast
    ordinary = np.random.default_rng(1).normal(size=(300, FEATURES)) * X.std(0) + X.mean(0)
    for method, call in fast.items():
        for part in (ordinary, *(ordinary[i : i + 1] for i in range(25))):
            assert same_bits(call(part), getattr(model, method)(part))


@pytest.mark.parametrize("name", TREES)
def test_rows_that_stand_on_a_threshold_go_the_same_way(name: str) -> None:
    model = fitted(name)
    members = getattr(model, "estimators_", [model])
    thresholds = np.unique(np.concatenate([member.tree_.threshold for member in members]))
    given = np.repeat(thresholds, FEATURES).reshape(-1, FEATURES)
    for step in (given, np.nextafter(given, np.inf), given.astype(np.float32).astype(float)):
        assert same_bits(families.of(model)["predict"](step), model.predict(step))


def test_a_forest_answers_the_same_by_one_walk_and_tree_by_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted("forest")
    merged = families.of(model)["predict_proba"](X)
    monkeypatch.setattr("server.model.families.trees.MERGED_BYTES", 0)
    assert same_bits(families.of(model)["predict_proba"](X), merged)


def test_the_merged_tree_has_the_nodes_of_all_and_those_that_choose() -> None:
    members = [member.tree_ for member in fitted("forest").estimators_]
    assert merge(members).node_count == sum(member.node_count for member in members) + len(members) - 1


def test_a_subclass_is_never_evaluated_directly() -> None:
    class Odd(LogisticRegression):  # type: ignore[misc]
        def predict(self, X: Any) -> Any:
            return np.array(["odd"] * len(X))

    assert families.of(Odd(max_iter=1000).fit(X[:, :2], THREE)) == {}


def test_several_outputs_are_left_to_scikit_learn() -> None:
    assert families.of(RandomForestClassifier(2).fit(X, np.c_[THREE, THREE])) == {}


def test_what_is_not_exact_is_found_out() -> None:
    model = LinearRegression().fit(X, X[:, 0])
    almost = lambda X: np.nextafter(model.predict(X), np.inf)  # noqa: E731 - a model that is wrong in the last bit
    assert not families.is_exact(almost, model.predict, X)
    assert families.is_exact(families.of(model)["predict"], model.predict, X)
