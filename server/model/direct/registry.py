"""The one table of estimators whose evaluation is known.

An estimator is known by the full name of its exact type: a subclass may do anything, and a type that the model does not
use need not be imported to be compared. A new entry needs a fitted model in tests/unit/server/fitted_models.py; the
tests compare every bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.inputs.matrix import finite
from server.model.direct import linear, scalers, trees
from server.model.direct.base import Family, always
from server.model.families.base import Call, Unsuited

PASSTHROUGH = (None, "passthrough")
"""Steps of a pipeline that do nothing."""


def name_of(estimator: Any) -> str:
    """Return the full name of the estimator's exact type."""
    kind = type(estimator)
    return f"{kind.__module__}.{kind.__qualname__}"


def family_of(estimator: Any) -> Family:
    """Return what is known of the estimator's type; of an unknown type, a family without anything."""
    return KNOWN.get(name_of(estimator), UNKNOWN)


def direct_methods(estimator: Any) -> Mapping[str, Call]:
    """Return the methods that can be evaluated directly; none for an unknown estimator."""
    return family_of(estimator).methods(estimator)


def is_row_independent(estimator: Any) -> bool:
    """Return whether the estimator is known to compute each row by itself."""
    return family_of(estimator).row_independent(estimator)


def _pipeline_methods(pipeline: Any) -> dict[str, Call]:
    """Return the last step's methods after the transformers before it; none if one of the steps is unknown."""
    steps = [step for _, step in pipeline.steps if step not in PASSTHROUGH]
    transforms = [family_of(step).transform(step) for step in steps[:-1]]
    known = [transform for transform in transforms if transform]
    if not steps or len(known) < len(transforms):
        return {}
    return {name: _after(known, call) for name, call in direct_methods(steps[-1]).items()}


def _after(transforms: list[Call], call: Call) -> Call:
    def transform_and_call(X: Any) -> Any:
        for transform in transforms:
            X = transform(X)
        if transforms and not finite(X):  # huge numbers may exceed the range of a float
            raise Unsuited
        return call(X)

    return transform_and_call


def _all_steps_row_independent(pipeline: Any) -> bool:
    return all(step in PASSTHROUGH or is_row_independent(step) for _, step in pipeline.steps)


def _all_members_row_independent(ensemble: Any) -> bool:
    """Return whether the members are. The ensemble itself counts each row's votes separately."""
    return all(is_row_independent(member) for member in ensemble.estimators_)


def _searches_in_tree(neighbors: Any) -> bool:
    """Return whether neighbors are found by a tree, row by row, and not by a matrix product over all rows."""
    return getattr(neighbors, "_fit_method", "") in ("kd_tree", "ball_tree")


def _best_methods(search: Any) -> Mapping[str, Call]:
    """Return the methods of the best estimator that the search found; none where it was not refitted."""
    return direct_methods(getattr(search, "best_estimator_", None))


def _best_is_row_independent(search: Any) -> bool:
    return is_row_independent(getattr(search, "best_estimator_", None))


UNKNOWN = Family()
REGRESSOR = Family(linear.regressor)
CLASSIFIER = Family(linear.classifier)
TREE_CLASSIFIER = Family(trees.classifier, row_independent=always)
TREE_REGRESSOR = Family(trees.regressor, row_independent=always)
ROW_INDEPENDENT = Family(row_independent=always)
ENSEMBLE = Family(row_independent=_all_members_row_independent)
NEIGHBORS = Family(row_independent=_searches_in_tree)
SEARCH = Family(_best_methods, row_independent=_best_is_row_independent)

KNOWN: Mapping[str, Family] = {
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": CLASSIFIER,
    "sklearn.dummy.DummyClassifier": ROW_INDEPENDENT,
    "sklearn.dummy.DummyRegressor": ROW_INDEPENDENT,
    "sklearn.ensemble._bagging.BaggingClassifier": ENSEMBLE,
    "sklearn.ensemble._bagging.BaggingRegressor": ENSEMBLE,
    "sklearn.ensemble._forest.ExtraTreesClassifier": TREE_CLASSIFIER,
    "sklearn.ensemble._forest.ExtraTreesRegressor": TREE_REGRESSOR,
    "sklearn.ensemble._forest.RandomForestClassifier": TREE_CLASSIFIER,
    "sklearn.ensemble._forest.RandomForestRegressor": TREE_REGRESSOR,
    "sklearn.ensemble._gb.GradientBoostingClassifier": ROW_INDEPENDENT,
    "sklearn.ensemble._gb.GradientBoostingRegressor": ROW_INDEPENDENT,
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier": ROW_INDEPENDENT,
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor": ROW_INDEPENDENT,
    "sklearn.ensemble._voting.VotingClassifier": ENSEMBLE,
    "sklearn.ensemble._voting.VotingRegressor": ENSEMBLE,
    "sklearn.ensemble._weight_boosting.AdaBoostClassifier": ENSEMBLE,
    "sklearn.ensemble._weight_boosting.AdaBoostRegressor": ENSEMBLE,
    "sklearn.impute._base.SimpleImputer": Family(transform=scalers.imputer, row_independent=always),
    "sklearn.linear_model._base.LinearRegression": REGRESSOR,
    "sklearn.linear_model._bayes.ARDRegression": REGRESSOR,
    "sklearn.linear_model._bayes.BayesianRidge": REGRESSOR,
    "sklearn.linear_model._coordinate_descent.ElasticNet": REGRESSOR,
    "sklearn.linear_model._coordinate_descent.ElasticNetCV": REGRESSOR,
    "sklearn.linear_model._coordinate_descent.Lasso": REGRESSOR,
    "sklearn.linear_model._coordinate_descent.LassoCV": REGRESSOR,
    "sklearn.linear_model._huber.HuberRegressor": REGRESSOR,
    "sklearn.linear_model._least_angle.Lars": REGRESSOR,
    "sklearn.linear_model._least_angle.LassoLars": REGRESSOR,
    "sklearn.linear_model._logistic.LogisticRegression": Family(linear.logistic),
    "sklearn.linear_model._logistic.LogisticRegressionCV": Family(linear.logistic),
    "sklearn.linear_model._omp.OrthogonalMatchingPursuit": REGRESSOR,
    "sklearn.linear_model._perceptron.Perceptron": CLASSIFIER,
    "sklearn.linear_model._ridge.Ridge": REGRESSOR,
    "sklearn.linear_model._ridge.RidgeCV": REGRESSOR,
    "sklearn.linear_model._ridge.RidgeClassifier": CLASSIFIER,
    "sklearn.linear_model._ridge.RidgeClassifierCV": CLASSIFIER,
    "sklearn.linear_model._stochastic_gradient.SGDClassifier": CLASSIFIER,
    "sklearn.linear_model._stochastic_gradient.SGDRegressor": REGRESSOR,
    "sklearn.model_selection._search.GridSearchCV": SEARCH,
    "sklearn.model_selection._search.RandomizedSearchCV": SEARCH,
    "sklearn.model_selection._search_successive_halving.HalvingGridSearchCV": SEARCH,
    "sklearn.model_selection._search_successive_halving.HalvingRandomSearchCV": SEARCH,
    "sklearn.naive_bayes.GaussianNB": ROW_INDEPENDENT,
    "sklearn.neighbors._classification.KNeighborsClassifier": NEIGHBORS,
    "sklearn.neighbors._regression.KNeighborsRegressor": NEIGHBORS,
    "sklearn.pipeline.Pipeline": Family(_pipeline_methods, row_independent=_all_steps_row_independent),
    "sklearn.preprocessing._data.MaxAbsScaler": Family(transform=scalers.max_abs, row_independent=always),
    "sklearn.preprocessing._data.MinMaxScaler": Family(transform=scalers.min_max, row_independent=always),
    "sklearn.preprocessing._data.RobustScaler": Family(transform=scalers.robust, row_independent=always),
    "sklearn.preprocessing._data.StandardScaler": Family(transform=scalers.standard, row_independent=always),
    "sklearn.svm._classes.LinearSVC": CLASSIFIER,
    "sklearn.svm._classes.LinearSVR": REGRESSOR,
    "sklearn.svm._classes.NuSVC": ROW_INDEPENDENT,
    "sklearn.svm._classes.NuSVR": ROW_INDEPENDENT,
    "sklearn.svm._classes.OneClassSVM": ROW_INDEPENDENT,
    "sklearn.svm._classes.SVC": ROW_INDEPENDENT,
    "sklearn.svm._classes.SVR": ROW_INDEPENDENT,
    "sklearn.tree._classes.DecisionTreeClassifier": TREE_CLASSIFIER,
    "sklearn.tree._classes.DecisionTreeRegressor": TREE_REGRESSOR,
    "sklearn.tree._classes.ExtraTreeClassifier": TREE_CLASSIFIER,
    "sklearn.tree._classes.ExtraTreeRegressor": TREE_REGRESSOR,
}
