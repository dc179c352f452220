"""IterativeImputer: each column's missing values are predicted from the other columns, round after round.

Source: sklearn/impute/_iterative.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part
from server.model.families.imputers import Missing, marked_columns, missing_value
from server.model.families.state import Family, State, keys
from server.model.pickledata.records import as_record

MAX_STEPS = 100_000
TRIPLET = "sklearn.impute._iterative._ImputerTriplet"


@dataclass(frozen=True, slots=True)
class Step:
    """One column in one round."""

    column: int
    others: Any
    """The columns that it is predicted from."""
    predict: Call
    low: float
    high: float


def iterative_imputer(state: State) -> Part:
    """Return an IterativeImputer that predicts each value, and draws none at random."""
    state.word("sample_posterior", False)
    missing = Missing(state.name, missing_value(state))
    if type(missing.value) not in (int, float):
        raise state.unknown("missing_values")
    empty = _empty_columns(state)
    keep_empty, marked = state.flag("keep_empty_features"), marked_columns(state)
    width = state.columns if keep_empty else int((~empty).sum())
    first, steps = state.child("initial_imputer_"), _steps(state, width)
    if first.name != "SimpleImputer" or first.width != state.columns:
        raise state.unknown("initial_imputer_")
    check = Check(state.name, nan=missing.is_nan)

    def transform(X: Any) -> Any:
        given = np.array(check(X), order="F")
        mask = missing.mask(given)
        filled = first.methods["transform"](given)
        if keep_empty:
            unknown = mask & ~empty
            given[:, empty] = filled[:, empty]
        else:
            unknown, given = mask[:, ~empty], given[:, ~empty]
        if steps and not unknown.all():
            for step in steps:
                _impute(filled, unknown[:, step.column], step)
            filled[~unknown] = given[~unknown]
        return filled if marked is None else np.hstack((filled, mask[:, marked]))

    return replace(state.part(), methods={"transform": transform})


def _empty_columns(state: State) -> Any:
    """Return which columns had no value in training. Before 1.6 the first imputer alone says so."""
    if "_is_empty_feature" in state.values:
        return state.array("_is_empty_feature", "b", state.columns)
    first = as_record(state.record_of("initial_imputer_", "sklearn.impute._base.SimpleImputer")).state
    statistics = first.get("statistics_")
    if type(statistics) is not np.ndarray or statistics.shape != (state.columns,) or not np.isfinite(statistics).all():
        raise state.unknown("initial_imputer_")
    return np.zeros(state.columns, bool)


def _impute(X: Any, rows: Any, step: Step) -> None:
    if rows.any():
        found = step.predict(X[:, step.others][rows, ...])
        X[rows, step.column] = np.clip(found, step.low, step.high)


def _steps(state: State, width: int) -> list[Step]:
    found = state.sequence("imputation_sequence_", MAX_STEPS)
    rounds = state.integer("n_iter_", 0, MAX_STEPS)
    if bool(rounds) != bool(found):
        raise state.unknown("n_iter_")
    if not found:
        return []
    low, high = (state.array(key, "if", width).astype(np.float64) for key in ("_min_value", "_max_value"))
    if not (low <= high).all():
        raise state.unknown("_min_value")
    return [_step(state, each, low, high) for each in found]


def _step(state: State, value: Any, low: Any, high: Any) -> Step:
    record = as_record(state.as_record("imputation_sequence_", value, TRIPLET))
    column, others, estimator = record.args
    part = state.build(estimator)
    column = int(column)
    fits = type(others) is np.ndarray and others.dtype.kind in "iu" and others.ndim == 1
    if not fits or not 0 <= column < len(low) or not (others.min() >= 0 and others.max() < len(low)):
        raise state.unknown("imputation_sequence_")
    if part.width != len(others) or "predict" not in part.methods or part.classes is not None:
        raise state.unknown("imputation_sequence_")
    return Step(column, others, part.methods["predict"], low[column], high[column])


FAMILIES: Mapping[str, Family] = {
    "sklearn.impute._iterative.IterativeImputer": Family(
        iterative_imputer,
        keys(
            "missing_values add_indicator keep_empty_features estimator sample_posterior max_iter tol"
            " n_nearest_features initial_strategy fill_value imputation_order skip_complete min_value max_value verbose"
            " random_state imputation_sequence_ random_state_ _estimator initial_imputer_ _is_empty_feature indicator_"
            " _min_value _max_value n_features_with_missing_ n_iter_"
        ),
    ),
}
