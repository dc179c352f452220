"""Selectors as data keep the columns that scikit-learn keeps, and give its answers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import ensemble, feature_selection, linear_model, neighbors, svm, tree

from server.model.pickledata.records import as_record
from tests.unit.server.fitted_models import SCORE, THREE, TWO, X
from tests.unit.server.model.families.equality import (
    REMOVED,
    assert_equal_on_sparse,
    assert_equal_to,
    assert_unknown_with,
    hostile_matrices,
    sparse_matrices,
)

RNG = np.random.default_rng(11)
# Columns that are equal, constant, or of no use have scores that are equal, NaN or small.
WIDE = np.c_[X, X[:, 1], X[:, :1], RNG.normal(size=len(X)), np.ones(len(X)), X[:, 0] * 2]
LOGISTIC = linear_model.LogisticRegression(max_iter=20)
LASSO = linear_model.Lasso(alpha=0.01)
SVC = svm.LinearSVC(penalty="l1", C=0.05, max_iter=200)
TREE = tree.DecisionTreeClassifier(max_depth=4, random_state=0)
FOREST = ensemble.RandomForestClassifier(5, max_depth=3, random_state=0)
STUMPS = ensemble.ExtraTreesClassifier(3, max_depth=1, min_samples_leaf=60, random_state=0)
from_model, rfe = feature_selection.SelectFromModel, feature_selection.RFE

NARROW = linear_model.Ridge().fit(WIDE, SCORE)
NARROW.coef_ = NARROW.coef_[:3]

SELECTORS: dict[str, Any] = {
    **{f"best {k}": feature_selection.SelectKBest(k=k) for k in (0, 1, 2, 3, 4, 5, 6, "all")},
    **{
        f"{share} %": feature_selection.SelectPercentile(percentile=share) for share in (0, 10, 20, 30, 45, 50, 77, 100)
    },
    "scores only": feature_selection.SelectKBest(feature_selection.mutual_info_classif, k=3),
    "fpr": feature_selection.SelectFpr(alpha=0.3),
    "fdr": feature_selection.SelectFdr(alpha=0.2),
    "fdr of nothing": feature_selection.SelectFdr(alpha=1e-300),
    "fwe": feature_selection.SelectFwe(alpha=0.1),
    "generic best": feature_selection.GenericUnivariateSelect(mode="k_best", param=3),
    "generic percentile": feature_selection.GenericUnivariateSelect(mode="percentile", param=40),
    "generic fdr": feature_selection.GenericUnivariateSelect(mode="fdr", param=0.2),
    "variance": feature_selection.VarianceThreshold(),
    "variance above": feature_selection.VarianceThreshold(1.1),
    "model": from_model(LOGISTIC),
    "model median": from_model(LOGISTIC, threshold="median"),
    "model scaled": from_model(LOGISTIC, threshold="1.25*mean"),
    "model limit": from_model(LOGISTIC, threshold=0.2),
    "model most": from_model(LOGISTIC, max_features=2, threshold=-np.inf),
    "model most by a function": from_model(LOGISTIC, max_features=len, threshold=-np.inf),
    "model norm": from_model(LOGISTIC, norm_order=2),
    "model infinite norm": from_model(LOGISTIC, norm_order=np.inf),
    "model l1": from_model(linear_model.LogisticRegression(l1_ratio=1, solver="liblinear", C=0.1, max_iter=20)),
    "model l1 of svc": from_model(SVC),
    "model lasso": from_model(LASSO),
    "model elastic": from_model(linear_model.ElasticNet(l1_ratio=1.0, alpha=0.01)),
    "model tree": from_model(TREE),
    "model extra tree": from_model(tree.ExtraTreeClassifier(max_depth=4, random_state=0)),
    "model extra tree of best splits": from_model(tree.ExtraTreeClassifier(splitter="best", random_state=0)),
    "model forest": from_model(FOREST),
    "model stumps": from_model(STUMPS),
    "model forest of numbers": from_model(ensemble.ExtraTreesRegressor(4, random_state=0)),
    "model fitted before": from_model(LOGISTIC, prefit=True),
    "model without": from_model(LASSO, threshold=1e9),
    "elimination": rfe(LOGISTIC, n_features_to_select=3),
    "elimination of a regressor": rfe(linear_model.Ridge(), n_features_to_select=4),
    "elimination of a forest": rfe(FOREST, n_features_to_select=4, step=3),
    "elimination searched": feature_selection.RFECV(LOGISTIC, cv=2, step=4),
    "sequential": feature_selection.SequentialFeatureSelector(
        neighbors.KNeighborsClassifier(), n_features_to_select=2, cv=2
    ),
}


def fitted(name: str, data: Any = WIDE) -> Any:
    selector = SELECTORS[name]
    target = SCORE if "regressor" in name or "number" in name or name in ("model lasso", "model without") else THREE
    target = SCORE if "elastic" in name else TWO if "l1" in name else target
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        LOGISTIC.fit(data, THREE)
        return selector.fit(data, target == "low" if name == "sequential" else target)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SELECTORS)
def test_part_of_a_selector_gives_the_answers_of_scikit_learn(name: str) -> None:
    selector = fitted(name)
    frame = pd.DataFrame({f"c{number}": column.astype(int) for number, column in enumerate(WIDE.T)})
    objects = WIDE[:9].astype(object)
    holes = objects.copy()
    holes[3, 2] = np.nan
    assert_equal_to(selector, [*hostile_matrices(WIDE), objects, holes, np.arange(20).reshape(2, 10), frame, frame[:1]])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["best 3", "variance above", "model", "elimination", "model without"])
def test_part_of_a_selector_of_sparse_rows_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_on_sparse(fitted(name), list(sparse_matrices(WIDE)))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("best 3", {"scores_": np.zeros(3)}),
        ("best 3", {"scores_": np.zeros(10, np.float32)}),
        ("best 3", {"k": -1}),
        ("best 3", {"k": "some"}),
        ("10 %", {"percentile": "10"}),
        ("fpr", {"pvalues_": None}),
        ("fdr", {"pvalues_": np.zeros(3)}),
        ("fwe", {"alpha": REMOVED}),
        ("generic best", {"mode": "worst"}),
        ("variance", {"variances_": np.zeros(3)}),
        ("variance", {"threshold": None}),
        ("model", {"threshold": "mode"}),
        ("model", {"threshold": "2*3*mean"}),
        ("model", {"norm_order": 3}),
        ("model", {"importance_getter": "named_steps.a.coef_"}),
        ("model", {"importance_getter": "feature_importances_"}),
        ("model", {"estimator_": REMOVED}),
        ("model", {"estimator_": svm.SVC(kernel="linear").fit(WIDE, TWO)}),
        ("model", {"estimator_": NARROW}),
        ("model most", {"max_features_": -1}),
        ("model tree", {"estimator_": tree.DecisionTreeClassifier()}),
        ("model forest", {"estimator": len}),
        ("elimination", {"support_": np.ones(10, bool)}),
        ("elimination", {"support_": np.ones(10)}),
        ("elimination", {"estimator_": None}),
        ("sequential", {"support_": np.ones(3, bool)}),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_part_of_a_selector_with_another_state_is_unknown(name: str, changes: Any) -> None:
    assert_unknown_with(fitted(name), **changes)


@pytest.mark.parametrize(
    ("field", "value"), [("feature", 10), ("feature", -2), ("left_child", 99), ("right_child", -1)]
)
def test_part_of_a_selector_by_a_tree_with_other_nodes_is_unknown(field: str, value: int) -> None:
    selector = fitted("model tree")
    grown = as_record(selector.estimator_)
    inner = as_record(grown.state["tree_"])
    nodes = inner.state["nodes"].copy()
    nodes[field][0] = value
    inner.state = {**inner.state, "nodes": nodes}
    grown.state = {**grown.state, "tree_": inner}
    assert_unknown_with(selector, estimator_=grown)
