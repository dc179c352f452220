"""Selectors: some of the columns, chosen at the fit and found again from the scores that it left.

Source: sklearn/feature_selection/ (_base.py, _univariate_selection.py, _variance_threshold.py, _from_model.py, _rfe.py,
_sequential.py). The rows keep their dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, Unsuited, behind
from server.model.families.importances import importances, takes_nan
from server.model.families.sparse_rows import SparseRows
from server.model.families.state import Family, State, keys
from server.model.pickledata.records import as_record

Choice = Callable[[State, str], Any]
"""The columns that are kept, from a state and the name of the parameter that decides."""


def _selector(state: State, chosen: Any, width: int, *, nan: bool = False) -> Part:
    """Return a part that keeps the chosen columns (a mask). Where it takes NaN, it takes infinite numbers as well."""
    if chosen.shape != (width,):
        raise state.unknown("scores_")
    columns, check = np.flatnonzero(chosen), Check(state.name, unchecked=nan, sparse=True)

    def transform(X: Any) -> Any:
        X = check.unconverted(X)
        return X.take(chosen) if type(X) is SparseRows else X[:, columns]

    part = replace(state.part(row_independent=True, takes_sparse=True, keeps_sparse=True), width=width)
    return replace(part, methods={"transform": transform}, direct={"transform": lambda X: X[:, columns]})


# ---- by a score of each column


def _scores(state: State) -> Any:
    """Return the scores, the lowest number in place of NaN."""
    scores = state.floats("scores_", state.columns).copy()
    scores[np.isnan(scores)] = np.finfo(np.float64).min
    return scores


def best(state: State, key: str) -> Any:
    """Return the `k` columns with the highest scores. Of equal ones, the last are kept."""
    if state.values.get(key) == "all":
        return np.ones(state.columns, bool)
    count, chosen = state.integer(key), np.zeros(state.columns, bool)
    if count:
        chosen[np.argsort(_scores(state), kind="mergesort")[-count:]] = True
    return chosen


def percentile(state: State, key: str) -> Any:
    """Return a share of the columns. Of equal ones at the limit, the first are kept."""
    share = state.number(key)
    if not 0 < share < 100:  # noqa: PLR2004 - percent
        return np.full(state.columns, share > 0)
    scores = _scores(state)
    limit = np.percentile(scores, 100 - share)
    chosen = scores > limit
    ties = np.flatnonzero(scores == limit)
    chosen[ties[: int(len(scores) * share / 100) - chosen.sum()]] = True
    return chosen


def _p_values(state: State) -> Any:
    return state.floats("pvalues_", state.columns)


def false_positive_rate(state: State, key: str) -> Any:
    """Return the columns whose p-value is below `alpha`."""
    return _p_values(state) < state.number(key)


def false_discovery_rate(state: State, key: str) -> Any:
    """Return the columns that the procedure of Benjamini and Hochberg selects."""
    p_values, count = _p_values(state), state.columns
    ordered = np.sort(p_values)
    selected = ordered[ordered <= state.number(key) / count * np.arange(1, count + 1)]
    return p_values <= selected.max() if len(selected) else np.zeros(count, bool)


def family_wise_error(state: State, key: str) -> Any:
    """Return the columns whose p-value is below `alpha` for all of them together."""
    return _p_values(state) < state.number(key) / state.columns


MODES: Mapping[str, Choice] = {
    "k_best": best,
    "percentile": percentile,
    "fpr": false_positive_rate,
    "fdr": false_discovery_rate,
    "fwe": family_wise_error,
}


def _univariate(choose: Choice, parameter: str) -> Family:
    """Return the family of a selector by a score of each column."""
    return Family(
        lambda state: _selector(state, choose(state, parameter), state.columns),
        keys("score_func scores_ pvalues_") | {parameter},
    )


def generic(state: State) -> Part:
    """Return a GenericUnivariateSelect: one of the others, by name."""
    return _selector(state, MODES[state.word("mode", *MODES)](state, "param"), state.columns)


def variance(state: State) -> Part:
    """Return a VarianceThreshold."""
    chosen = state.floats("variances_", state.columns) > state.number("threshold")
    return _selector(state, chosen, state.columns, nan=True)


# ---- by an estimator


def supported(state: State) -> Part:
    """Return a SequentialFeatureSelector, which keeps the columns of its `support_`."""
    nan = takes_nan(state, "estimator")
    return _selector(state, state.array("support_", "b", state.columns), state.columns, nan=nan)


def eliminated(state: State) -> Part:
    """Return an RFE or RFECV: a selector that also passes the columns that it keeps to its estimator."""
    part, inner = supported(state), state.child("estimator_")
    if inner.width != int(state.values["support_"].sum()):
        raise state.unknown("estimator_")
    asked = [name for name in ("predict", "predict_proba", "decision_function") if name in inner.methods]
    transform, direct = part.methods["transform"], part.direct["transform"]
    return replace(
        part,
        methods={**part.methods, **{name: behind(transform, inner.methods[name]) for name in asked}},
        direct={
            **part.direct,
            **{name: _single(direct, inner.direct[name]) for name in asked if name in inner.direct},
        },
        classes=inner.classes,
        row_independent=inner.row_independent,
        takes_sparse=inner.takes_sparse,
    )


def _single(transform: Call, call: Call) -> Call:
    """Return a direct call of one row: the chosen columns of several would be in another memory order."""

    def transform_and_call(X: Any) -> Any:
        if len(X) > 1:
            raise Unsuited
        return call(transform(X))

    return transform_and_call


def from_model(state: State) -> Part:
    """Return a SelectFromModel: the columns whose importance to an estimator reaches a threshold."""
    getter = state.word("importance_getter", "auto", "coef_", "feature_importances_")
    record = as_record(state.values["estimator_"])
    inner = State(record, frozenset(record.state), state.build)
    if getter not in ("auto", "coef_" if "coef_" in inner.values else "feature_importances_"):
        raise state.unknown("importance_getter")
    found = importances(state, record)
    found = np.abs(found) if found.ndim == 1 else np.linalg.norm(found, axis=0, ord=_norm_order(state))
    if state.values.get("max_features") is None:
        chosen = np.ones(len(found), bool)
    else:
        chosen = np.zeros(len(found), bool)
        chosen[np.argsort(-found, kind="mergesort")[: state.integer("max_features_")]] = True
    chosen[found < _threshold(state, inner, found)] = False
    return _selector(state, chosen, inner.columns, nan=takes_nan(state, "estimator"))


def _norm_order(state: State) -> float:
    order = state.number("norm_order")
    if order not in (1, 2, -1, -2, np.inf, -np.inf):
        raise state.unknown("norm_order")
    return order


def _threshold(state: State, inner: State, found: Any) -> Any:
    """Return the importance that a column needs."""
    threshold = state.values.get("threshold")
    if threshold is None:
        threshold = "1e-5" if _makes_sparse_coefficients(state, inner) else "mean"
    elif type(threshold) is not str:
        return state.number("threshold")
    if threshold == "1e-5":
        return 1e-5
    scale, times, reference = threshold.rpartition("*")
    if reference.strip() not in ("mean", "median") or (times and "*" in scale):
        raise state.unknown("threshold")
    middle = np.mean(found) if reference.strip() == "mean" else np.median(found)
    return float(scale.strip()) * middle if times else middle


def _makes_sparse_coefficients(state: State, inner: State) -> bool:
    """Return whether the estimator was penalized so that coefficients become zero."""
    penalty, ratio = inner.values.get("penalty"), inner.values.get("l1_ratio", 0)
    if (type(penalty) is str and penalty == "l1") or "Lasso" in inner.name:
        return True
    if inner.name in ("ElasticNetCV", "LogisticRegressionCV"):
        raise state.unknown("estimator_")
    full = isinstance(ratio, int | float) and bool(np.isclose(ratio, 1.0))
    if full and inner.name == "LogisticRegression" and () < inner.version < (1, 8):
        raise state.unknown("estimator_")  # another rule in older versions
    return full and inner.name in ("ElasticNet", "LogisticRegression")


UNIVARIATE = "sklearn.feature_selection._univariate_selection"

ELIMINATED = keys("estimator estimator_ importance_getter n_features_ ranking_ step support_ verbose")

FAMILIES: Mapping[str, Family] = {
    f"{UNIVARIATE}.GenericUnivariateSelect": Family(generic, keys("mode param score_func scores_ pvalues_")),
    f"{UNIVARIATE}.SelectFdr": _univariate(false_discovery_rate, "alpha"),
    f"{UNIVARIATE}.SelectFpr": _univariate(false_positive_rate, "alpha"),
    f"{UNIVARIATE}.SelectFwe": _univariate(family_wise_error, "alpha"),
    f"{UNIVARIATE}.SelectKBest": _univariate(best, "k"),
    f"{UNIVARIATE}.SelectPercentile": _univariate(percentile, "percentile"),
    "sklearn.feature_selection._from_model.SelectFromModel": Family(
        from_model,
        keys("estimator estimator_ importance_getter max_features max_features_ norm_order prefit threshold"),
    ),
    "sklearn.feature_selection._rfe.RFE": Family(eliminated, ELIMINATED | keys("n_features_to_select")),
    "sklearn.feature_selection._rfe.RFECV": Family(
        eliminated, ELIMINATED | keys("cv cv_results_ min_features_to_select n_jobs scoring")
    ),
    "sklearn.feature_selection._sequential.SequentialFeatureSelector": Family(
        supported, keys("cv direction estimator n_features_to_select n_features_to_select_ n_jobs scoring support_ tol")
    ),
    "sklearn.feature_selection._variance_threshold.VarianceThreshold": Family(variance, keys("threshold variances_")),
}
