"""Fitted models of every family in the registry: small, with string labels and columns of different sizes."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
from sklearn import dummy, ensemble, linear_model, naive_bayes, neighbors, neural_network, svm, tree
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - imports the two halving searches
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from server.model.pickledata.records import name_of

FEATURES = 5
RNG = np.random.default_rng(7)
X = RNG.normal(size=(120, FEATURES)) * [1, 10, 0.01, 1000, 1] + [0, 5, 0, -100, 0]
SCORE = X[:, 0] + X[:, 1] / 10 - X[:, 3] / 1000
THREE = np.array(["low", "middle", "high"])[np.digitize(SCORE, [-0.3, 0.9])]
TWO = np.array(["no", "yes"])[(SCORE > 0).astype(int)]
TARGETS = {"two": TWO, "three": THREE, "number": SCORE, "numbers": np.c_[SCORE, -SCORE]}

LINEAR = {
    "logistic": (linear_model.LogisticRegression(max_iter=50), "three"),
    "logistic of two": (linear_model.LogisticRegression(max_iter=50), "two"),
    "logistic of two without intercept": (linear_model.LogisticRegression(max_iter=50, fit_intercept=False), "two"),
    "logistic without intercept": (linear_model.LogisticRegression(max_iter=50, fit_intercept=False), "three"),
    "logistic cv": (linear_model.LogisticRegressionCV(max_iter=20, cv=2, Cs=2, use_legacy_attributes=False), "three"),
    "ridge classifier": (linear_model.RidgeClassifier(), "three"),
    "ridge classifier of two": (linear_model.RidgeClassifier(), "two"),
    "ridge classifier cv": (linear_model.RidgeClassifierCV(), "three"),
    "sgd": (linear_model.SGDClassifier(max_iter=20), "three"),
    "perceptron": (linear_model.Perceptron(max_iter=20), "two"),
    "linear svc": (svm.LinearSVC(max_iter=50), "three"),
    "discriminant": (LinearDiscriminantAnalysis(), "three"),
    "least squares": (linear_model.LinearRegression(), "number"),
    "least squares of two": (linear_model.LinearRegression(), "numbers"),
    "ridge": (linear_model.Ridge(), "number"),
    "ridge of two": (linear_model.Ridge(), "numbers"),
    "lasso": (linear_model.Lasso(alpha=0.1), "number"),
    "elastic net": (linear_model.ElasticNet(alpha=0.1), "number"),
    "bayesian ridge": (linear_model.BayesianRidge(), "number"),
    "huber": (linear_model.HuberRegressor(max_iter=200), "number"),
    "ridge cv": (linear_model.RidgeCV(), "number"),
    "lasso cv": (linear_model.LassoCV(cv=2, max_iter=50), "number"),
    "elastic net cv": (linear_model.ElasticNetCV(cv=2, max_iter=50), "number"),
    "ard": (linear_model.ARDRegression(max_iter=10), "number"),
    "lars": (linear_model.Lars(), "number"),
    "lasso lars": (linear_model.LassoLars(alpha=0.01), "number"),
    "matching pursuit": (linear_model.OrthogonalMatchingPursuit(), "number"),
    "sgd regressor": (linear_model.SGDRegressor(max_iter=20), "number"),
    "linear svr": (svm.LinearSVR(max_iter=50), "number"),
}
TREES = {
    "tree": (tree.DecisionTreeClassifier(random_state=0), "three"),
    "tree regressor": (tree.DecisionTreeRegressor(random_state=0, max_depth=4), "number"),
    "extra tree": (tree.ExtraTreeClassifier(random_state=0), "two"),
    "extra tree regressor": (tree.ExtraTreeRegressor(random_state=0), "number"),
    "forest": (ensemble.RandomForestClassifier(30, random_state=0), "three"),
    "forest of two": (ensemble.RandomForestClassifier(7, random_state=0, max_depth=3), "two"),
    "forest of one": (ensemble.RandomForestClassifier(1, random_state=0), "three"),
    "forest regressor": (ensemble.RandomForestRegressor(33, random_state=0), "number"),
    "extra trees": (ensemble.ExtraTreesClassifier(16, random_state=0), "three"),
    "extra trees regressor": (ensemble.ExtraTreesRegressor(9, random_state=0), "number"),
}
RIDGE, ALPHAS = make_pipeline(StandardScaler(), linear_model.Ridge()), {"ridge__alpha": [1, 2]}
PIPELINES = {
    "scaled logistic": (make_pipeline(StandardScaler(), linear_model.LogisticRegression()), "three"),
    "unshifted": (make_pipeline(StandardScaler(with_mean=False), linear_model.LogisticRegression()), "two"),
    "min max": (make_pipeline(MinMaxScaler(), linear_model.Ridge()), "number"),
    "min max clipped": (make_pipeline(MinMaxScaler(clip=True), linear_model.Ridge()), "number"),
    "max abs": (make_pipeline(MaxAbsScaler(), linear_model.LogisticRegression()), "three"),
    "imputed": (make_pipeline(SimpleImputer(), RobustScaler(), linear_model.LogisticRegression()), "three"),
    "scaled forest": (make_pipeline(StandardScaler(), "passthrough", ensemble.RandomForestClassifier(5)), "three"),
    "searched": (GridSearchCV(RIDGE, ALPHAS, cv=2), "number"),
    "searched at random": (RandomizedSearchCV(RIDGE, ALPHAS, n_iter=1, cv=2), "number"),
    "searched by halving": (HalvingGridSearchCV(RIDGE, ALPHAS, cv=2), "number"),
    "searched at random by halving": (HalvingRandomSearchCV(RIDGE, ALPHAS, n_candidates=2, cv=2), "number"),
}
DIRECT = {**LINEAR, **TREES, **PIPELINES}

OTHERS = {
    "constant": (dummy.DummyClassifier(), "three"),
    "constant regressor": (dummy.DummyRegressor(), "number"),
    "boosting regressor": (ensemble.GradientBoostingRegressor(n_estimators=5), "number"),
    "nu support vectors": (svm.NuSVC(nu=0.1), "three"),
    "nu support vector regressor": (svm.NuSVR(), "number"),
    "one class": (svm.OneClassSVM(), "number"),
    "neighbours regressor in a tree": (neighbors.KNeighborsRegressor(3, algorithm="ball_tree"), "number"),
    "bag of trees": (ensemble.BaggingRegressor(tree.DecisionTreeRegressor(), 3, random_state=0), "number"),
    "vote of numbers": (ensemble.VotingRegressor([("a", tree.DecisionTreeRegressor()), ("b", svm.SVR())]), "number"),
    "boosting": (ensemble.GradientBoostingClassifier(n_estimators=5), "three"),
    "histogram boosting": (ensemble.HistGradientBoostingClassifier(max_iter=3), "three"),
    "histogram boosting regressor": (ensemble.HistGradientBoostingRegressor(max_iter=3), "number"),
    "support vectors": (svm.SVC(probability=False), "three"),
    "support vector regressor": (svm.SVR(), "number"),
    "gaussian": (naive_bayes.GaussianNB(), "three"),
    "neighbours": (neighbors.KNeighborsClassifier(3, algorithm="brute"), "three"),
    "neighbours regressor": (neighbors.KNeighborsRegressor(3, algorithm="brute", weights="distance"), "number"),
    "nearest center": (neighbors.NearestCentroid(), "three"),
    "neighbours in a tree": (neighbors.KNeighborsClassifier(3, algorithm="kd_tree", weights="distance"), "three"),
    "adaptive boosting": (ensemble.AdaBoostClassifier(n_estimators=4), "three"),
    "adaptive boosting regressor": (ensemble.AdaBoostRegressor(n_estimators=4, random_state=0), "number"),
    "bag": (ensemble.BaggingClassifier(tree.DecisionTreeClassifier(), 4, random_state=0), "three"),
    "bag of lines": (ensemble.BaggingRegressor(linear_model.Ridge(), 4, random_state=0), "number"),
    "vote": (
        ensemble.VotingClassifier(
            [("a", tree.DecisionTreeClassifier()), ("b", naive_bayes.GaussianNB())], voting="soft"
        ),
        "three",
    ),
    "perceptrons": (neural_network.MLPClassifier((4,), max_iter=5), "three"),
    "forest of two numbers": (ensemble.RandomForestRegressor(5, random_state=0), "numbers"),
}

INDEPENDENT = {
    *("tree", "tree regressor", "extra tree", "extra tree regressor", "forest", "forest of two", "forest of one"),
    *("forest regressor", "extra trees", "extra trees regressor", "scaled forest", "boosting", "boosting regressor"),
    *("histogram boosting", "histogram boosting regressor", "support vectors", "support vector regressor"),
    *("nu support vectors", "nu support vector regressor", "one class", "forest of two numbers", "gaussian"),
    *("neighbours in a tree", "neighbours regressor in a tree", "adaptive boosting", "adaptive boosting regressor"),
    *("bag", "bag of trees", "vote", "vote of numbers", "constant", "constant regressor"),
}
"""The models whose rows are predicted together: no bit of an answer depends on the other rows."""


@cache
def fitted(name: str) -> Any:
    """Return the fitted model of that name."""
    model, target = {**DIRECT, **OTHERS}[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few iterations do not converge
        return model.fit(X, TARGETS[target])


def types_in(estimator: Any) -> set[str]:
    """Return the full names of the types of an estimator and of all that it evaluates."""
    inner = [step for _, step in getattr(estimator, "steps", []) if step not in (None, "passthrough")]
    inner += list(getattr(estimator, "estimators_", []))
    inner += [estimator.best_estimator_] if hasattr(estimator, "best_estimator_") else []
    return {name_of(estimator)}.union(*(types_in(part) for part in inner))
