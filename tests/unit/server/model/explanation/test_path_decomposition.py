"""The path decomposition of scikit-learn's own trees, computed here node by node from their attributes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from server.model.explanation import path_decomposition
from server.model.explanation.additive import additive_of, trees_of
from server.model.explanation.unexplained import UnexplainedError
from tests.unit.server.fitted_models import SCORE, THREE, TWO, X


def by_hand(tree: Any, row: Any, value: Any) -> tuple[float, Any]:
    """Return the base and the contributions: a tree's own `value` is the mean of the rows that met a node."""
    base, contributions, node = value[0], np.zeros(len(row)), 0
    while tree.children_left[node] >= 0:
        goes_left = np.float32(row[tree.feature[node]]) <= tree.threshold[node]
        child = tree.children_left[node] if goes_left else tree.children_right[node]
        contributions[tree.feature[node]] += value[child] - value[node]
        node = child
    return base, contributions


def test_decompose_of_a_regressor_is_the_difference_of_the_means_on_the_way() -> None:
    model = DecisionTreeRegressor(max_depth=5, random_state=0).fit(X, SCORE)
    for row in X[:20]:
        base, contributions = additive_of(model).decompose(row.astype(np.float32), 0)
        expected_base, expected = by_hand(model.tree_, row, model.tree_.value[:, 0, 0])
        assert base == pytest.approx(expected_base)
        assert contributions == pytest.approx(expected)


def test_decompose_of_a_classifier_explains_the_share_of_the_class() -> None:
    model = DecisionTreeClassifier(max_depth=5, random_state=0).fit(X, THREE)
    for row in X[:20]:
        for output in range(3):
            base, contributions = additive_of(model).decompose(row.astype(np.float32), output)
            expected_base, expected = by_hand(model.tree_, row, model.tree_.value[:, 0, output])
            assert base == pytest.approx(expected_base)
            assert contributions == pytest.approx(expected)


def test_decompose_of_a_missing_value_goes_the_way_of_the_tree() -> None:
    holes = np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)
    model = DecisionTreeRegressor(max_depth=6, random_state=0).fit(holes, SCORE)
    for row in holes[:40]:
        base, contributions = additive_of(model).decompose(row.astype(np.float32), 0)
        assert base + contributions.sum() == pytest.approx(model.predict([row])[0])


def test_decompose_of_categories_goes_the_way_of_the_tree() -> None:
    rng = np.random.default_rng(2)
    rows = np.c_[rng.integers(0, 40, 2000), rng.normal(size=2000)].astype(float)
    target = (np.sin(rows[:, 0] * 1.7) + rows[:, 1] / 2 > 0).astype(int)
    model = HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=2, categorical_features=[0]).fit(rows, target)
    asked = np.r_[rows[:30], [[200.0, 0.0], [np.nan, 0.0], [-1.0, 0.5], [61.0, 0.5]]]
    additive = additive_of(model)
    for row in asked:
        base, contributions = additive.decompose(row, 0)
        assert base + contributions.sum() == pytest.approx(model.decision_function([row])[0])
    assert any(additive.decompose(row, 0)[1][0] != 0 for row in asked)


def test_thresholds_are_those_of_each_feature() -> None:
    tree = DecisionTreeClassifier(max_depth=5, random_state=0).fit(X, TWO)
    found = trees_of(tree).thresholds()
    inner = tree.tree_.children_left >= 0
    assert set(found) == set(tree.tree_.feature[inner])
    for feature, thresholds in found.items():
        own = tree.tree_.threshold[inner & (tree.tree_.feature == feature)]
        assert sorted(thresholds) == sorted(own)


def test_trees_of_too_many_nodes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_decomposition, "MAX_NODES", 5)
    with pytest.raises(UnexplainedError, match="its trees have more than 5 nodes"):
        trees_of(DecisionTreeRegressor(random_state=0).fit(X, SCORE))
