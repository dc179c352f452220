"""Trees and forests as data give the answers of scikit-learn."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import ensemble, tree
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from server.model.families import tree_walk
from server.model.families.registry import part_of
from server.model.families.sparse_rows import dense_to_sparse
from tests.unit.server.fitted_models import FEATURES, TARGETS, THREE, TREES, TWO, X, fitted
from tests.unit.server.model.families.equality import assert_equal_to, assert_unknown_with_each, hostile_matrices, same
from tests.unit.server.model.families.spoiled import assert_unknown, recorded

MANY = list(hostile_matrices(X))
HOLES = np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)
SEVERAL = {**TARGETS, "classes": np.c_[TWO, THREE], "labels": np.c_[TARGETS["number"] > 0, TARGETS["number"] > 1]}
MORE = {
    "tree of numbers": (tree.DecisionTreeRegressor(max_depth=4, random_state=0), "numbers"),
    "tree of classes": (tree.DecisionTreeClassifier(max_depth=4, random_state=0), "classes"),
    "forest of numbers": (ensemble.RandomForestRegressor(5, random_state=0), "numbers"),
    "forest of classes": (ensemble.ExtraTreesClassifier(5, random_state=0), "classes"),
    "forest of labels": (ensemble.RandomForestClassifier(5, random_state=0), "labels"),
    "pruned": (tree.DecisionTreeClassifier(ccp_alpha=0.02, random_state=0), "three"),
    "few leaves": (ensemble.RandomForestRegressor(8, max_leaf_nodes=6, random_state=0), "number"),
    "one leaf": (tree.DecisionTreeClassifier(max_depth=1, min_samples_leaf=60), "three"),
    "random splits": (tree.DecisionTreeClassifier(splitter="random", random_state=0), "three"),
    "best splits of an extra tree": (tree.ExtraTreeRegressor(splitter="best", random_state=0), "number"),
    "absolute error": (tree.DecisionTreeRegressor(criterion="absolute_error", max_depth=3), "number"),
    "monotonic": (ensemble.RandomForestClassifier(4, monotonic_cst=[1, 0, 0, 0, -1], random_state=0), "two"),
    "weighted": (ensemble.RandomForestClassifier(6, class_weight="balanced", random_state=0), "three"),
    "out of bag": (ensemble.RandomForestRegressor(20, oob_score=True, random_state=0), "number"),
}


@pytest.mark.parametrize("name", TREES)
def test_part_of_trees_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_to(fitted(name), MANY)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MORE)
def test_part_of_trees_with_parameters_gives_the_answers_of_scikit_learn(name: str) -> None:
    estimator: Any
    estimator, target = MORE[name]
    assert_equal_to(estimator.fit(X, SEVERAL[target]), MANY)


@pytest.mark.parametrize("kind", [ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier])
def test_part_of_a_forest_fitted_with_missing_values_gives_the_answers_of_scikit_learn(kind: Any) -> None:
    assert_equal_to(kind(9, random_state=0).fit(HOLES, THREE), [*MANY, HOLES])


@pytest.mark.parametrize("name", TREES)
def test_predict_of_rows_on_a_threshold_goes_the_same_way(name: str) -> None:
    model = fitted(name)
    members = getattr(model, "estimators_", [model])
    thresholds = np.unique(np.concatenate([member.tree_.threshold for member in members]))
    given = np.repeat(thresholds, FEATURES).reshape(-1, FEATURES)
    assert_equal_to(model, [given, np.nextafter(given, np.inf), given.astype(np.float32).astype(float)])


@pytest.mark.parametrize("name", ["forest", "forest regressor", "extra trees"])
@pytest.mark.parametrize("limit", ["MERGED_BYTES", "MERGED_VALUES"])
def test_part_of_a_forest_too_large_to_merge_gives_the_answers_of_scikit_learn(
    name: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_walk, limit, 40)
    model = fitted(name)
    assert_equal_to(model, [X, X[:1], X[:7], HOLES], part_of(recorded(model)))


def test_part_of_a_large_live_forest_is_unknown_so_that_its_nodes_are_in_memory_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server.model.families.fitted_trees.MERGED_BYTES", 400)
    with pytest.raises(Exception, match="estimators_"):
        part_of(fitted("forest"))


@pytest.mark.parametrize("name", ["forest", "tree", "extra trees regressor"])
def test_part_of_trees_takes_sparse_rows_as_scikit_learn_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    monkeypatch.setattr("server.model.families.fitted_trees.SPARSE_VALUES", 100)
    model = fitted(name)
    some = np.where(np.random.default_rng(2).random(X.shape) < 0.5, 0, X)
    for method, call in part_of(model).methods.items():
        assert same(getattr(model, method)(sparse.csr_matrix(some)), call(dense_to_sparse(some)))


def test_part_of_counts_of_scikit_learn_1_3_gives_the_shares_of_the_classes() -> None:
    model = fitted("forest")
    record = recorded(model)
    record.state["_sklearn_version"] = "1.3.2"
    for member in record.state["estimators_"]:
        member.state["_sklearn_version"] = "1.3.2"
        fitted_tree = member.state["tree_"].state
        fitted_tree["values"] = fitted_tree["values"] * fitted_tree["nodes"]["weighted_n_node_samples"][:, None, None]
    shares = part_of(record).methods["predict_proba"](X)
    assert np.allclose(shares, model.predict_proba(X), rtol=1e-12)


def test_part_of_a_small_tree_of_many_features_takes_little_memory() -> None:
    record = recorded(tree.DecisionTreeRegressor(max_depth=2).fit(X, X[:, 0]))
    wide, fitted_tree = 1 << 24, record.state["tree_"]
    fitted_tree.args = (wide, *fitted_tree.args[1:])
    record.state["n_features_in_"] = wide
    tracemalloc.start()
    part_of(record)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def nodes_of(state: dict[str, Any]) -> Any:
    """Return the nodes in an estimator's recorded state: the first tree's of a forest."""
    first = state["estimators_"][0].state if "estimators_" in state else state
    return first["tree_"].state["nodes"]


def change(field: str, value: Any, *, inner: bool = True) -> Callable[[dict[str, Any]], object]:
    """Return a function that changes a number in the second inner node, or in the first leaf."""

    def spoil(state: dict[str, Any]) -> None:
        nodes = nodes_of(state)
        where = np.flatnonzero((nodes["left_child"] >= 0) == inner)[1 if inner else 0]
        nodes[field][where] = value

    return spoil


def replace_nodes(make: Callable[[Any], Any]) -> Callable[[dict[str, Any]], object]:
    def spoil(state: dict[str, Any]) -> None:
        first = state["estimators_"][0].state if "estimators_" in state else state
        first["tree_"].state["nodes"] = make(nodes_of(state))

    return spoil


def as_in_1_10(nodes: Any) -> Any:
    """Return the nodes with the fields that scikit-learn 1.10 is going to have."""
    names = [name if name != "threshold" else "split_value" for name in nodes.dtype.names]
    return np.array(
        nodes.tolist(), [(new, nodes.dtype[old]) for new, old in zip(names, nodes.dtype.names, strict=True)]
    )


SPOILED = {
    "child outside": change("left_child", 10_000),
    "child beyond 32 bits": change("right_child", (1 << 32) + 5),
    "negative child": change("right_child", -2),
    "one child": change("right_child", -1),
    "child before its parent": change("left_child", 0),
    "node as its own child": change("left_child", 1),
    "feature outside": change("feature", FEATURES),
    "negative feature": change("feature", -2),
    "leaf with a child": change("right_child", 3, inner=False),
    "nodes of another layout": replace_nodes(as_in_1_10),
    "nodes without fields": replace_nodes(lambda nodes: np.zeros(len(nodes))),
    "no nodes": replace_nodes(lambda nodes: nodes[:0]),
    "fewer nodes than values": replace_nodes(lambda nodes: nodes[:-1]),
}


@pytest.mark.parametrize("name", ["tree", "forest"])
@pytest.mark.parametrize("spoiled", SPOILED)
def test_part_of_trees_with_a_wrong_number_is_unknown(spoiled: str, name: str) -> None:
    assert_unknown(fitted(name), SPOILED[spoiled], "tree_")


def test_part_of_trees_with_values_of_another_shape_is_unknown() -> None:
    def wider(state: dict[str, Any]) -> None:
        values = state["tree_"].state["values"]
        state["tree_"].state["values"] = np.concatenate([values, values], axis=2)

    assert_unknown(fitted("tree"), wider, "tree_")
    assert_unknown(fitted("tree"), lambda state: state.update(classes_=state["classes_"][:2]), "tree_")
    assert_unknown(fitted("tree"), lambda state: state.update(n_features_in_=7), "tree_")
    assert_unknown(fitted("forest"), lambda state: state.update(estimators_=[]), "estimators_")
    assert_unknown(fitted("forest"), lambda state: state.update(estimators_=[state["estimators_"][0]] * 2 + [3]))


def test_part_of_a_forest_of_other_trees_is_unknown() -> None:
    other = recorded(fitted("extra tree"))
    assert_unknown(fitted("forest"), lambda state: state["estimators_"].append(other), "estimators_")


@pytest.mark.parametrize("name", ["tree", "forest"])
def test_predict_of_rows_that_are_too_narrow_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"features|broadcast"):
        part_of(fitted(name)).methods["predict"](X[:, :3])


@pytest.mark.parametrize("sparse", [False, True])
def test_part_of_an_embedding_gives_the_answers_of_scikit_learn(*, sparse: bool) -> None:
    for rows in (X, HOLES):
        model = ensemble.RandomTreesEmbedding(9, max_depth=4, sparse_output=sparse, random_state=0).fit(rows)
        assert_equal_to(model, MANY)
        assert part_of(model).gives_sparse == sparse
    pipeline = make_pipeline(ensemble.RandomTreesEmbedding(9, random_state=0), LogisticRegression())
    assert_equal_to(pipeline.fit(X, THREE), MANY)


def test_part_of_an_embedding_with_another_state_is_unknown() -> None:
    model = ensemble.RandomTreesEmbedding(5, random_state=0).fit(X)
    other = ensemble.RandomTreesEmbedding(4, random_state=0).fit(X)
    assert_unknown_with_each(model, one_hot_encoder_=lambda _: other.one_hot_encoder_, estimators_=[])
