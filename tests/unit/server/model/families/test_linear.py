"""Linear regressors as data give the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import ensemble, linear_model, multiclass, naive_bayes, neural_network, svm
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import (
    assert_equal_on_sparse,
    assert_equal_to,
    assert_unknown_with_each,
    hostile_matrices,
    sparse_matrices,
)

MODELS = {
    "least squares": (linear_model.LinearRegression(), "number"),
    "least squares without intercept": (linear_model.LinearRegression(fit_intercept=False), "numbers"),
    "least squares of two": (linear_model.LinearRegression(), "numbers"),
    "positive": (linear_model.LinearRegression(positive=True), "number"),
    "ridge": (linear_model.Ridge(), "number"),
    "ridge of two": (linear_model.Ridge(), "numbers"),
    "ridge cv": (linear_model.RidgeCV(), "number"),
    "ridge cv of two": (linear_model.RidgeCV(store_cv_results=True, alpha_per_target=True), "numbers"),
    "lasso": (linear_model.Lasso(alpha=0.1), "number"),
    "lasso of two": (linear_model.Lasso(alpha=0.1), "numbers"),
    "lasso cv": (linear_model.LassoCV(cv=2, max_iter=50), "number"),
    "elastic net": (linear_model.ElasticNet(alpha=0.1, fit_intercept=False), "number"),
    "elastic net cv": (linear_model.ElasticNetCV(cv=2, max_iter=50), "number"),
    "lasso of tasks": (linear_model.MultiTaskLasso(alpha=0.1), "numbers"),
    "lasso of tasks cv": (linear_model.MultiTaskLassoCV(cv=2, max_iter=50), "numbers"),
    "elastic net of tasks": (linear_model.MultiTaskElasticNet(alpha=0.1), "numbers"),
    "elastic net of tasks cv": (linear_model.MultiTaskElasticNetCV(cv=2, max_iter=50), "numbers"),
    "bayesian ridge": (linear_model.BayesianRidge(), "number"),
    "ard": (linear_model.ARDRegression(max_iter=10), "number"),
    "huber": (linear_model.HuberRegressor(max_iter=200), "number"),
    "quantile": (linear_model.QuantileRegressor(alpha=0.01), "number"),
    "theil sen": (linear_model.TheilSenRegressor(max_iter=5, max_subpopulation=20, random_state=0), "number"),
    "lars": (linear_model.Lars(), "number"),
    "lars of two": (linear_model.Lars(), "numbers"),
    "lars cv": (linear_model.LarsCV(cv=2), "number"),
    "lasso lars": (linear_model.LassoLars(alpha=0.01), "number"),
    "lasso lars cv": (linear_model.LassoLarsCV(cv=2), "number"),
    "lasso lars ic": (linear_model.LassoLarsIC(), "number"),
    "matching pursuit": (linear_model.OrthogonalMatchingPursuit(), "numbers"),
    "matching pursuit cv": (linear_model.OrthogonalMatchingPursuitCV(cv=2), "number"),
    "consensus": (linear_model.RANSACRegressor(random_state=0, max_trials=3), "number"),
    "consensus of ridges": (
        linear_model.RANSACRegressor(linear_model.Ridge(), min_samples=9, random_state=0, max_trials=3),
        "numbers",
    ),
    "linear svr": (svm.LinearSVR(max_iter=50), "number"),
}


def fit(models: dict[str, tuple[Any, str]], name: str) -> Any:
    estimator, target = models[name]
    return clone(estimator).fit(X, np.asarray(TARGETS[target]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_linear_regressor_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_to(fit(MODELS, name), list(hostile_matrices(X)))


def test_part_of_a_linear_regressor_with_wrong_arrays_is_unknown() -> None:
    for name in ("least squares", "least squares of two"):
        assert_unknown_with_each(
            fit(MODELS, name),
            coef_=lambda coefficients: coefficients[..., :-1],
            intercept_=lambda intercept: np.append(intercept, [1, 2, 3]),
            n_features_in_=lambda width: width + 1,
        )
    assert_unknown_with_each(fit(MODELS, "least squares"), coef_=np.float16, intercept_="0", coefficients_=0)


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_consensus_of_an_unknown_or_other_estimator_is_unknown() -> None:
    wider = linear_model.Ridge().fit(np.c_[X, X], TARGETS["number"])
    assert_unknown_with_each(fit(MODELS, "consensus"), estimator_=None)
    assert_unknown_with_each(fit(MODELS, "consensus"), estimator_=wider)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", ["least squares", "least squares of two", "lasso", "lasso of tasks", "lasso cv", "consensus"]
)
def test_part_of_a_linear_regressor_gives_the_answers_of_scikit_learn_on_sparse_rows(name: str) -> None:
    assert_equal_on_sparse(fit(MODELS, name), list(sparse_matrices(X)))


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (linear_model.LinearRegression(), "number"),
        (linear_model.Perceptron(max_iter=5), "two"),
        (
            linear_model.RANSACRegressor(
                make_pipeline(StandardScaler(), linear_model.Ridge()), min_samples=20, random_state=0
            ),
            "number",
        ),
        (ensemble.AdaBoostRegressor(linear_model.Ridge(), n_estimators=3, random_state=0), "number"),
        (ensemble.BaggingRegressor(linear_model.Ridge(), n_estimators=3, random_state=0), "number"),
        (multiclass.OneVsOneClassifier(linear_model.RidgeClassifier()), "three"),
        (neural_network.MLPRegressor(hidden_layer_sizes=(30,), max_iter=20, random_state=0), "number"),
        (naive_bayes.BernoulliNB(), "three"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_part_of_a_linear_model_of_integers_in_columns_gives_the_answers_of_scikit_learn(
    model: Any, target: str
) -> None:
    """NumPy multiplies integers in C order, so what comes before the product must leave them as they are."""
    model, labels = clone(model), np.asarray(TARGETS[target])
    frame = pd.DataFrame({f"c{at}": (column * 100).astype(int) for at, column in enumerate(X.T)})
    assert_equal_to(model.fit(X, labels), [frame.to_numpy(), np.asfortranarray(frame)])
    assert_equal_to(model.fit(frame, labels), [frame, frame[:1]])
