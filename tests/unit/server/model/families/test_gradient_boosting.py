"""Gradient boosting as data gives the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import dummy, ensemble, linear_model, svm, tree

from server.model.families import tree_walk
from server.model.families.registry import part_of
from server.model.pickledata.records import Record, Unknown
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import assert_equal_to, hostile_matrices
from tests.unit.server.model.families.spoiled import assert_unknown, recorded

MANY = list(hostile_matrices(X))
Classifier, Regressor = ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor
MODELS = {
    "two": (Classifier(n_estimators=12, random_state=0), "two"),
    "three": (Classifier(n_estimators=8, random_state=0), "three"),
    "exponential": (Classifier(n_estimators=8, loss="exponential", random_state=0), "two"),
    "from zero": (Classifier(n_estimators=5, init="zero", random_state=0), "three"),
    "from zero, two": (Classifier(n_estimators=5, init="zero", random_state=0), "two"),
    "from a forest": (Classifier(n_estimators=5, init=ensemble.RandomForestClassifier(3, random_state=0)), "three"),
    "from a tree": (Classifier(n_estimators=5, init=tree.DecisionTreeClassifier(max_depth=2)), "two"),
    "stopped early": (Classifier(n_estimators=30, n_iter_no_change=2, subsample=0.5, random_state=0), "three"),
    "squared": (Regressor(n_estimators=12, learning_rate=0.3, random_state=0), "number"),
    "absolute": (Regressor(n_estimators=8, loss="absolute_error", random_state=0), "number"),
    "huber": (Regressor(n_estimators=8, loss="huber", random_state=0), "number"),
    "quantile": (Regressor(n_estimators=8, loss="quantile", alpha=0.7, random_state=0), "number"),
    "number from zero": (Regressor(n_estimators=8, init="zero", random_state=0), "number"),
    "number from a tree": (
        Regressor(n_estimators=8, init=tree.ExtraTreeRegressor(max_depth=2, random_state=0)),
        "number",
    ),
    "number from a line": (Regressor(n_estimators=3, init=linear_model.Ridge(), random_state=0), "number"),
    "number from a line, absolute": (
        Regressor(n_estimators=3, init=linear_model.LinearRegression(fit_intercept=False), loss="absolute_error"),
        "number",
    ),
    "number from a constant": (Regressor(n_estimators=3, init=dummy.DummyRegressor(strategy="median")), "number"),
    "one stage": (Regressor(n_estimators=1, random_state=0), "number"),
}


def fitted(name: str) -> Any:
    model: Any
    model, target = MODELS[name]
    return model.fit(X, TARGETS[target])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_gradient_boosting_gives_the_answers_of_scikit_learn(name: str) -> None:
    model = fitted(name)
    assert_equal_to(model, MANY)
    assert_equal_to(model, [X], part_of(recorded(model)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["three", "from a tree", "number from a tree", "number from a line"])
def test_predict_of_many_rows_in_parts_gives_the_answers_of_scikit_learn(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_walk, "MERGED_VALUES", 200)
    assert_equal_to(fitted(name), [X, X[:1], X[:7]])


def old_loss(name: str) -> Record:
    return Record(f"sklearn.ensemble._gb_losses.{name}", (), {"K": 1})


OLD = {
    "two": ("BinomialDeviance", 1e-12),
    "three": ("MultinomialDeviance", 1e-12),
    "exponential": ("ExponentialLoss", 1e-12),
    "squared": ("LeastSquaresError", 0),
}


@pytest.mark.parametrize("name", OLD)
def test_part_of_scikit_learn_1_3_with_losses_of_its_own_gives_the_same_probabilities(name: str) -> None:
    model, (loss, tolerance) = fitted(name), OLD[name]
    record = recorded(model)
    record.state["_loss"] = old_loss(loss)
    record.state["_sklearn_version"] = "1.3.2"
    part = part_of(record)
    assert (part.methods["predict"](X) == model.predict(X)).all()
    if name != "squared":
        assert np.allclose(part.methods["predict_proba"](X), model.predict_proba(X), rtol=tolerance)


@pytest.mark.filterwarnings("ignore")
def test_part_of_gradient_boosting_with_another_first_estimate_is_unknown() -> None:
    model = Regressor(n_estimators=2, init=svm.SVR()).fit(X, TARGETS["number"])
    with pytest.raises(Unknown, match="init_"):
        part_of(model)
    of_several = recorded(linear_model.Ridge().fit(X, TARGETS["numbers"]))
    assert_unknown(fitted("number from a line"), lambda state: state.update(init_=of_several), "init_")
    wider = recorded(linear_model.Ridge().fit(np.c_[X, X], TARGETS["number"]))
    assert_unknown(fitted("number from a line"), lambda state: state.update(init_=wider), "init_")
    other = recorded(tree.DecisionTreeClassifier().fit(X, TARGETS["two"]))
    assert_unknown(fitted("three"), lambda state: state.update(init_=other), "init_")
    assert_unknown(fitted("three"), lambda state: state["init_"].state.update(_strategy="stratified"), "strategy")
    assert_unknown(
        fitted("two"), lambda state: state["init_"].state.update(class_prior_=np.ones(3) / 3), "class_prior_"
    )
    assert_unknown(fitted("two"), lambda state: state.update(init_="one"), "init_")


@pytest.mark.filterwarnings("ignore")
def test_boosting_from_a_line_depends_on_the_rows_of_a_call_and_takes_no_sparse_ones() -> None:
    part = part_of(fitted("number from a line"))
    assert (part.row_independent, part.takes_sparse) == (False, False)


def test_part_of_gradient_boosting_that_does_not_fit_its_loss_is_unknown() -> None:
    other = recorded(fitted("huber")).state["_loss"]
    assert_unknown(fitted("three"), lambda state: state.update(_loss=other), "_loss")
    assert_unknown(fitted("two"), lambda state: state.update(classes_=np.arange(3)), "_loss")
    assert_unknown(fitted("three"), lambda state: state.update(classes_=np.arange(4)), "estimators_")
    assert_unknown(fitted("huber"), lambda state: state.update(_loss=Record("sklearn._loss.loss.Other")), "_loss")
    assert_unknown(fitted("huber"), lambda state: state.update(estimators_=state["estimators_"][:0]), "estimators_")
    assert_unknown(fitted("huber"), lambda state: state.update(learning_rate="fast"), "learning_rate")
    nodes = lambda state: state["estimators_"][1, 0].state["tree_"].state["nodes"]  # noqa: E731 - short
    assert_unknown(fitted("huber"), lambda state: nodes(state)["left_child"].__setitem__(0, 99), "tree_")
