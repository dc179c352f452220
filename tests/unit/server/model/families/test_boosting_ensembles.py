"""AdaBoost and bagging as data give the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import ensemble, linear_model, svm, tree

from server.model.families.registry import part_of
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import assert_equal_to, hostile_matrices
from tests.unit.server.model.families.spoiled import assert_unknown, recorded

MANY = list(hostile_matrices(X))
Boosted, BoostedNumber = ensemble.AdaBoostClassifier, ensemble.AdaBoostRegressor
Bagged, BaggedNumber = ensemble.BaggingClassifier, ensemble.BaggingRegressor
RIDGE, LOGISTIC = linear_model.Ridge(), linear_model.LogisticRegression(max_iter=30)
MODELS = {
    "boosted": (Boosted(n_estimators=7, random_state=0), "three"),
    "boosted of two": (Boosted(n_estimators=7, random_state=0), "two"),
    "boosted lines": (Boosted(LOGISTIC, n_estimators=3), "three"),
    "boosted number": (BoostedNumber(n_estimators=7, random_state=0), "number"),
    "boosted forests": (BoostedNumber(ensemble.RandomForestRegressor(2), n_estimators=3, random_state=0), "number"),
    "bagged": (Bagged(n_estimators=6, random_state=0), "three"),
    "bagged of few rows": (Bagged(n_estimators=9, max_samples=3, random_state=0), "three"),
    "bagged columns": (Bagged(n_estimators=5, max_features=3, bootstrap_features=True, random_state=0), "two"),
    "bagged by jobs": (Bagged(n_estimators=7, n_jobs=3, random_state=0), "three"),
    "bagged lines": (Bagged(LOGISTIC, n_estimators=4, random_state=0), "three"),
    "bagged votes": (Bagged(linear_model.Perceptron(), n_estimators=4, random_state=0), "two"),
    "bagged number": (BaggedNumber(n_estimators=5, random_state=0), "number"),
    "bagged lines of columns": (BaggedNumber(RIDGE, n_estimators=5, max_features=0.6, random_state=0), "number"),
    "bagged number by jobs": (BaggedNumber(n_estimators=5, n_jobs=2, random_state=0), "number"),
}


def fitted(name: str) -> Any:
    model: Any
    model, target = MODELS[name]
    return model.fit(X, TARGETS[target])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_an_ensemble_gives_the_answers_of_scikit_learn(name: str) -> None:
    few = [*MANY[:27], MANY[-1]]
    model = fitted(name)
    if "jobs" in name:
        few = few[:3]
    assert_equal_to(model, few)
    assert_equal_to(model, few[:2], part_of(recorded(model)))


def test_part_of_adaboost_of_1_5_adds_the_logarithms_of_probabilities() -> None:
    model = Boosted(tree.DecisionTreeClassifier(max_depth=2), n_estimators=3, random_state=0).fit(X, TARGETS["three"])
    record = recorded(model)
    record.state.update(_sklearn_version="1.5.2", algorithm="SAMME.R", estimator_weights_=np.ones(3))
    logs = [np.log(np.clip(each.predict_proba(X), np.finfo(float).eps, None)) for each in model.estimators_]
    expected = sum(2 * (each - each.mean(axis=1, keepdims=True)) for each in logs) / 3
    assert np.allclose(part_of(record).methods["decision_function"](X), expected, rtol=1e-12)


def test_part_of_adaboost_is_row_independent_unless_it_has_many_classes() -> None:
    twelve = np.digitize(X[:, 0], np.quantile(X[:, 0], np.linspace(0, 1, 13)[1:-1]))
    many = part_of(Boosted(n_estimators=5, random_state=0).fit(X, twelve))
    assert (part_of(fitted("boosted")).row_independent, many.row_independent) == (True, False)


SPOILED = {
    "number of jobs of the machine": lambda state: state.update(n_jobs=-1),
    "column outside": lambda state: state["estimators_features_"][0].__setitem__(0, 5),
    "fewer columns": lambda state: state["estimators_features_"].pop(),
    "other number of estimators": lambda state: state.update(n_estimators=9),
    "no estimators": lambda state: state.update(estimators_=[]),
    "other number of classes": lambda state: state.update(n_classes_=3),
    "fewer classes": lambda state: state.update(classes_=state["classes_"][:1]),
}


@pytest.mark.parametrize("name", SPOILED)
def test_part_of_bagging_with_a_wrong_number_is_unknown(name: str) -> None:
    assert_unknown(fitted("bagged columns"), SPOILED[name])


def test_part_of_adaboost_with_a_wrong_number_is_unknown() -> None:
    assert_unknown(fitted("boosted"), lambda state: state.update(classes_=np.arange(3)), "estimators_")
    assert_unknown(fitted("boosted"), lambda state: state.update(n_classes_=2), "n_classes_")
    assert_unknown(fitted("boosted"), lambda state: state.update(estimator_weights_=np.ones(2)), "estimators_")
    assert_unknown(fitted("boosted number"), lambda state: state.update(estimator_weights_=np.ones(2)), "weights")
    other = recorded(svm.SVR().fit(X, TARGETS["number"]))
    assert_unknown(fitted("boosted"), lambda state: state["estimators_"].__setitem__(0, other))
