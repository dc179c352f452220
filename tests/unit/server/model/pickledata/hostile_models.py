"""Honest classes with hostile numbers: arrays that scikit-learn's compiled code would walk beyond, or for ever.

`joblib.load` takes all of them, and most then crash the process or never return.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn import ensemble, svm, tree

from tests.unit.server.fitted_models import THREE, TWO, X

Spoil = Callable[[Any], None]
CATEGORIES = np.c_[np.arange(len(X)) % 7, X]

HONEST: dict[str, Callable[[], Any]] = {
    "tree": lambda: tree.DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, THREE),
    "forest": lambda: ensemble.RandomForestClassifier(3, max_depth=4, random_state=0).fit(X, THREE),
    "boosting": lambda: ensemble.GradientBoostingClassifier(n_estimators=2).fit(X, TWO),
    "isolation": lambda: ensemble.IsolationForest(n_estimators=3, random_state=0).fit(X),
    "histogram": lambda: ensemble.HistGradientBoostingClassifier(max_iter=2).fit(X, TWO),
    "histogram of categories": lambda: ensemble.HistGradientBoostingClassifier(
        max_iter=2, categorical_features=[0], min_samples_leaf=2
    ).fit(CATEGORIES, CATEGORIES[:, 0] % 2),
    "svc": lambda: svm.SVC().fit(X, THREE),
    "svr": lambda: svm.SVR().fit(X, X[:, 0]),
    "one class": lambda: svm.OneClassSVM().fit(X),
}


# ---- scikit-learn's trees

INNER = 0
FAR = 10**9


def _child_is_itself(nodes: Any, _: dict[str, Any]) -> None:
    nodes["left_child"][INNER] = INNER


def _child_is_far(nodes: Any, _: dict[str, Any]) -> None:
    nodes["left_child"][INNER] = FAR


def _child_is_the_number_of_nodes(nodes: Any, _: dict[str, Any]) -> None:
    nodes["right_child"][INNER] = len(nodes)


def _child_is_negative(nodes: Any, _: dict[str, Any]) -> None:
    nodes["right_child"][INNER] = -5


def _feature_is_far(nodes: Any, _: dict[str, Any]) -> None:
    nodes["feature"][INNER] = FAR


def _feature_is_the_width(nodes: Any, _: dict[str, Any]) -> None:
    nodes["feature"][INNER] = X.shape[1]


def _feature_is_negative(nodes: Any, _: dict[str, Any]) -> None:
    nodes["feature"][INNER] = -(10**7)


def _fewer_values(_: Any, state: dict[str, Any]) -> None:
    state["values"] = state["values"][:-1]


def _fewer_nodes(nodes: Any, state: dict[str, Any]) -> None:
    state["nodes"], state["values"], state["node_count"] = nodes[:2].copy(), state["values"][:2], 2


TREES = (
    *(_child_is_itself, _child_is_far, _child_is_the_number_of_nodes, _child_is_negative),
    *(_feature_is_far, _feature_is_the_width, _feature_is_negative, _fewer_nodes),
)


class _SpoiledTree:
    """Pickled as a tree of scikit-learn, with another state: its own `__setstate__` would refuse some of them."""

    def __init__(self, made: Any, spoil: Callable[[Any, dict[str, Any]], None]) -> None:
        self.kind, self.args, state = made.__reduce__()
        self.state = {key: value.copy() if hasattr(value, "copy") else value for key, value in state.items()}
        spoil(self.state["nodes"], self.state)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.kind, self.args, self.state


def _trees_of(estimator: Any) -> list[Any]:
    return np.ravel(estimator.estimators_).tolist() if hasattr(estimator, "estimators_") else [estimator]


# ---- histogram trees


def _left_is_itself(predictor: Any) -> None:
    predictor.nodes["left"][INNER] = INNER


def _left_is_far(predictor: Any) -> None:
    predictor.nodes["left"][INNER] = 2**31


def _right_is_the_number_of_nodes(predictor: Any) -> None:
    predictor.nodes["right"][INNER] = len(predictor.nodes)


def _histogram_feature_is_far(predictor: Any) -> None:
    predictor.nodes["feature_idx"][INNER] = 2**40


def _bitset_is_far(predictor: Any) -> None:
    predictor.nodes["is_categorical"][INNER] = 1
    predictor.nodes["bitset_idx"][INNER] = 2**31


def _no_bitsets(predictor: Any) -> None:
    predictor.nodes["is_categorical"][INNER] = 1
    predictor.raw_left_cat_bitsets = predictor.raw_left_cat_bitsets[:0]


def _narrow_bitsets(predictor: Any) -> None:
    predictor.nodes["is_categorical"][INNER] = 1
    predictor.raw_left_cat_bitsets = np.zeros((max(1, len(predictor.raw_left_cat_bitsets)), 1), np.uint32)


def _no_nodes(predictor: Any) -> None:
    predictor.nodes = predictor.nodes[:0]


HISTOGRAMS = (
    *(_left_is_itself, _left_is_far, _right_is_the_number_of_nodes, _histogram_feature_is_far),
    *(_bitset_is_far, _no_bitsets, _narrow_bitsets, _no_nodes),
)


# ---- support vectors


def _many_support_vectors_of_a_class(model: Any) -> None:
    model._n_support = np.full_like(model._n_support, 10**6)


def _negative_support(model: Any) -> None:
    model._n_support = -model._n_support


def _few_dual_coefficients(model: Any) -> None:
    model._dual_coef_ = model._dual_coef_[:, :1]


def _no_dual_coefficients(model: Any) -> None:
    model._dual_coef_ = model._dual_coef_[:0]


def _no_intercept(model: Any) -> None:
    model._intercept_ = np.empty(0)


def _narrow_support_vectors(model: Any) -> None:
    model.support_vectors_ = model.support_vectors_[:, :2]


def _few_support_vectors(model: Any) -> None:
    model.support_vectors_ = model.support_vectors_[:1]


SUPPORT_VECTORS = (
    *(_many_support_vectors_of_a_class, _negative_support, _few_dual_coefficients, _no_dual_coefficients),
    *(_no_intercept, _narrow_support_vectors, _few_support_vectors),
)


def spoiled_models() -> Iterator[tuple[str, str, Any]]:
    """Yield the name of an honest model, how it is spoiled, and the spoiled model."""
    for name in ("tree", "forest", "boosting", "isolation"):
        for spoil in (*TREES, _fewer_values):
            model = HONEST[name]()
            holder = _trees_of(model)[-1]
            holder.tree_ = _SpoiledTree(holder.tree_, spoil)
            yield name, spoil.__name__, model
    for name in ("histogram", "histogram of categories"):
        for change in HISTOGRAMS:
            model = HONEST[name]()
            change(model._predictors[-1][0])
            yield name, change.__name__, model
    for name in ("svc", "svr", "one class"):
        for change in SUPPORT_VECTORS:
            model = HONEST[name]()
            change(model)
            yield name, change.__name__, model
