"""Which models answer each row the same, bit by bit, whatever other rows are beside it: only those are batched.

It is known in two steps, and both must say yes. The family must compute each row by itself (trees walk row by row,
scalers work element by element); what multiplies matrices does not, because BLAS sums in another order for another
number of rows. And at load, random rows together must give the very bits that they give one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

SIZES = (2, 3, 5, 8, 16, 33)
"""Batches compared at load: even, odd, and around the widths of vector registers."""

ROWWISE = frozenset(
    {
        "sklearn.dummy.DummyClassifier",
        "sklearn.dummy.DummyRegressor",
        "sklearn.ensemble._forest.ExtraTreesClassifier",
        "sklearn.ensemble._forest.ExtraTreesRegressor",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._forest.RandomForestRegressor",
        "sklearn.ensemble._gb.GradientBoostingClassifier",
        "sklearn.ensemble._gb.GradientBoostingRegressor",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.naive_bayes.GaussianNB",
        "sklearn.preprocessing._data.MaxAbsScaler",
        "sklearn.preprocessing._data.MinMaxScaler",
        "sklearn.preprocessing._data.RobustScaler",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.svm._classes.NuSVC",
        "sklearn.svm._classes.NuSVR",
        "sklearn.svm._classes.OneClassSVM",
        "sklearn.svm._classes.SVC",
        "sklearn.svm._classes.SVR",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.DecisionTreeRegressor",
        "sklearn.tree._classes.ExtraTreeClassifier",
        "sklearn.tree._classes.ExtraTreeRegressor",
    }
)
"""By name: a subclass may do anything, and what is not loaded need not be imported to be compared."""

ENSEMBLES = frozenset(
    {
        "sklearn.ensemble._bagging.BaggingClassifier",
        "sklearn.ensemble._bagging.BaggingRegressor",
        "sklearn.ensemble._voting.VotingClassifier",
        "sklearn.ensemble._voting.VotingRegressor",
        "sklearn.ensemble._weight_boosting.AdaBoostClassifier",
        "sklearn.ensemble._weight_boosting.AdaBoostRegressor",
    }
)
"""Their members predict, and each row's votes are counted by themselves."""

NEIGHBOURS = frozenset(
    {
        "sklearn.neighbors._classification.KNeighborsClassifier",
        "sklearn.neighbors._regression.KNeighborsRegressor",
    }
)
"""Row by row where they search in a tree; by matrix products where they compare with all."""

PIPELINE = "sklearn.pipeline.Pipeline"
SEARCHES = frozenset(
    {
        "sklearn.model_selection._search.GridSearchCV",
        "sklearn.model_selection._search.RandomizedSearchCV",
        "sklearn.model_selection._search_successive_halving.HalvingGridSearchCV",
        "sklearn.model_selection._search_successive_halving.HalvingRandomSearchCV",
    }
)
"""They hand everything to the best that they found."""


def is_rowwise(estimator: Any) -> bool:
    """Whether the family computes each row by itself."""
    name = name_of(estimator)
    if name == PIPELINE:
        return all(step in (None, "passthrough") or is_rowwise(step) for _, step in estimator.steps)
    if name in SEARCHES and hasattr(estimator, "best_estimator_"):
        return is_rowwise(estimator.best_estimator_)
    if name in ENSEMBLES:
        return all(is_rowwise(member) for member in estimator.estimators_)
    if name in NEIGHBOURS:
        return getattr(estimator, "_fit_method", "") in ("kd_tree", "ball_tree")
    return name in ROWWISE


def name_of(estimator: Any) -> str:
    """The full name of the exact type."""
    kind = type(estimator)
    return f"{kind.__module__}.{kind.__qualname__}"


def is_exact(call: Callable[[Any], Any], rows: np.ndarray[Any, Any]) -> bool:
    """Whether these rows together give the bits that they give one by one."""
    alone = [call(rows[index : index + 1]) for index in range(len(rows))]
    if not all(type(answer) is np.ndarray and len(answer) == 1 for answer in alone):
        return False
    sizes = {min(size, len(rows)) for size in SIZES}
    return all(same_bits(call(rows[:size]), np.concatenate(alone[:size])) for size in sizes)


def same_bits(one: Any, other: Any) -> bool:
    """Equal arrays, to the last bit: NaN equals NaN, 0.0 is not -0.0."""
    if not (type(one) is type(other) is np.ndarray and one.dtype == other.dtype and one.shape == other.shape):
        return False
    if one.dtype.kind in "fc":
        return bool(one.tobytes() == other.tobytes())
    return bool((one == other).all())
