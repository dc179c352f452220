"""Gradient boosting: a first estimate, and trees whose values are added to it one after another.

Source: sklearn/ensemble/_gb.py (`_raw_predict`, `_init_raw_predictions`), _gradient_boosting.pyx (`predict_stages`:
`out += scale * value`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from server.model.families import linear, trees
from server.model.families.base import Call, Part
from server.model.families.dummy import DUMMY_KEYS
from server.model.families.fitted_trees import Trees, members, tree_part
from server.model.families.grown_trees import GrownTrees
from server.model.families.losses import Loss, loss_of
from server.model.families.probabilities import BINARY
from server.model.families.state import Family, State, keys
from server.model.families.tree_walk import staged_sums
from server.model.pickledata.records import name_of

MAX_TREES = 1_000_000
TREE = "sklearn.tree._classes.DecisionTreeRegressor"


def regressor(state: State) -> Part:
    """Return gradient boosting that predicts numbers."""
    loss = loss_of(state)
    if loss.classes:
        raise state.unknown("_loss")
    part = tree_part(state, {"predict": _scores(state, loss, 1)})
    if name_of(state.values.get("init_")) in linear.FAMILIES:  # a matrix product: of CSR in another order of sums
        return replace(part, row_independent=False, takes_sparse=False)
    return part


def classifier(state: State) -> Part:
    """Return gradient boosting that predicts classes."""
    loss, classes = loss_of(state), state.labels()
    if (loss.classes == "two") != (len(classes) == BINARY) or not loss.classes:
        raise state.unknown("_loss")
    scores = _scores(state, loss, 1 if loss.classes == "two" else len(classes))
    methods = {
        "predict": lambda X: classes[loss.best(scores(X))],
        "predict_proba": lambda X: loss.probabilities(scores(X)),
        "decision_function": scores,
    }
    return tree_part(state, methods, classes=classes)


def _scores(state: State, loss: Loss, outputs: int) -> Call:
    """Return a function that gives the sums of float32 rows, as a new array: (rows,) for one output."""
    found = state.array("estimators_", "O", None, outputs)
    rate = float(state.number("learning_rate"))
    if found.size > MAX_TREES:
        raise state.unknown("estimators_")
    fitted = Trees(state, members(state, found.ravel().tolist(), TREE), 1, 1)
    walk = fitted.with_leaf_values(lambda values: rate * values[:, 0, 0])
    start = _start(state, loss, outputs)

    def sums(X: Any, first: Any) -> Any:
        return walk(X, lambda values: np.ascontiguousarray(staged_sums(values, first)))

    def scores(X: Any) -> Any:
        first = start(X)
        if len(X) <= walk.step:
            return sums(X, first)
        each = first.repeat(len(X), axis=1) if first.shape[1] == 1 else first
        return np.concatenate(
            [sums(*parts) for parts in zip(walk.parts(X), map(np.transpose, walk.parts(each.T)), strict=True)]
        )

    return scores


def grown(state: State) -> GrownTrees:
    """Return the trees for a decomposition: those of a first estimate that is the same for each row."""
    if name_of(state.values.get("init_")) not in ("builtins.str", *DUMMIES):
        raise state.unknown("init_")
    part = FAMILIES[state.record.name].part(state)
    found = state.sequence("estimators_")
    outputs = state.values["estimators_"].shape[1]
    rate = float(state.number("learning_rate"))
    fitted = Trees(state, members(state, found, TREE), 1, 1)
    scores = part.methods.get("decision_function", part.methods["predict"])
    return GrownTrees(fitted.grown(lambda values: rate * values[:, 0]), outputs, trees.to_float32, scores)


def _start(state: State, loss: Loss, outputs: int) -> Call:
    """Return a function that gives the scores of the first estimate, as (outputs, rows) or (outputs, 1)."""
    kind = name_of(state.values.get("init_"))
    if kind == "builtins.str":
        state.word("init_", "zero")
        zero = np.zeros((outputs, 1))
        return lambda _: zero
    if kind == DUMMIES[bool(loss.classes)]:
        constant = cache(_dummy_scores(state, kind, loss, outputs))
        return lambda _: constant()
    if kind in linear.FAMILIES and not loss.classes:
        return _linear_start(state, kind)
    if kind not in trees.FAMILIES:  # others compute with float32 where their input is float32
        raise state.unknown("init_")
    part = state.child("init_")
    method = part.methods.get("predict_proba" if loss.classes else "predict")
    known = len(part.classes) if type(part.classes) is np.ndarray else 0
    if method is None or part.width != state.columns or known != len(state.labels() if loss.classes else ()):
        raise state.unknown("init_")
    return _first_of(method, loss)


def _linear_start(state: State, kind: str) -> Call:
    """Return the scores of a linear regressor, which multiplies rows of float32.

    The BLAS of older versions rounded these sums in another way, by a float32's last bit.
    """
    if () < state.version < (1, 9):
        raise state.unknown("init_")
    found = state.inside("init_", linear.FAMILIES[kind].keys, kind)
    if found.columns != state.columns or getattr(found.values.get("coef_"), "ndim", 0) != 1:
        raise state.unknown("init_")
    scores = linear.linear_scores_of_float32(found)
    return lambda X: scores(np.ascontiguousarray(X)).astype(np.float64)[np.newaxis]


def _first_of(estimate: Call, loss: Loss) -> Call:
    if loss.classes == "many":
        return lambda X: loss.start(estimate(X)).T
    if loss.classes == "two":
        return lambda X: loss.start(estimate(X)[:, 1])[np.newaxis]
    return lambda X: estimate(X)[np.newaxis]


def _dummy_scores(state: State, kind: str, loss: Loss, outputs: int) -> Callable[[], Any]:
    """Return a function that gives the scores of a first estimate that is the same for each row.

    It is called with the first rows: the logit is a compiled routine.
    """
    dummy = state.inside("init_", DUMMY_KEYS, kind)
    dummy.integer("n_outputs_", 1, 1)
    if not loss.classes:
        constant = dummy.floats("constant_", 1, 1)
        return lambda: constant
    dummy.word("_strategy", "prior")
    prior = dummy.floats("class_prior_", max(2, outputs))
    if outputs == 1:
        return lambda: loss.start(prior[1:])[np.newaxis]
    return lambda: loss.start(prior[np.newaxis]).T


DUMMIES = ("sklearn.dummy.DummyRegressor", "sklearn.dummy.DummyClassifier")
BOOSTING_KEYS = keys(
    "_loss _n_classes _rng alpha ccp_alpha classes_ criterion estimators_ init init_ learning_rate loss max_depth"
    " max_features max_features_ max_leaf_nodes min_impurity_decrease min_samples_leaf min_samples_split"
    " min_weight_fraction_leaf n_classes_ n_estimators n_estimators_ n_iter_no_change n_trees_per_iteration_"
    " oob_improvement_ oob_score_ oob_scores_ random_state subsample tol train_score_ validation_fraction verbose"
    " warm_start"
)
FAMILIES: Mapping[str, Family] = {
    "sklearn.ensemble._gb.GradientBoostingClassifier": Family(classifier, BOOSTING_KEYS),
    "sklearn.ensemble._gb.GradientBoostingRegressor": Family(regressor, BOOSTING_KEYS),
}
