"""Encoders of categories: a column of numbers for each category, for each column, or for each class of the target.

Source: sklearn/preprocessing/_encoders.py, _target_encoder.py. Warnings about unknown categories are not given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Part
from server.model.families.categories import Column, Columns, Infrequent, read_categories
from server.model.families.dtypes import dtype_of
from server.model.families.sparse_rows import SparseRows
from server.model.families.state import Family, State, keys
from server.short_steps import array_of

NOTHING = -1
"""The code of a value that becomes a row of zeros."""


def _part(state: State, columns: Columns, transform: Call, **more: Any) -> Part:
    """Return the part of an encoder. It looks at each value itself, so the complete method is direct as well."""
    part = state.part(row_independent=True, **more)
    methods = {"transform": transform}
    return replace(part, methods=methods, direct=methods if columns.takes_numbers else {})


# ---- one column for each category


def one_hot(state: State) -> Part:
    """Return a OneHotEncoder."""
    columns, width = _one_hot_columns(state)
    dtype = dtype_of(state, "dtype")
    if not state.flag("sparse_output"):
        return _part(state, columns, _dense(columns, width, dtype))
    if dtype != np.float64:
        raise state.unknown("dtype")
    return _part(state, columns, _sparse(columns, width), gives_sparse=True)


def _one_hot_columns(state: State) -> tuple[Columns, int]:
    """Return the columns, whose codes are the columns of the answer, and the width of the answer."""
    handle = state.word("handle_unknown", "error", "ignore", "infrequent_if_exist", "warn")
    categories, infrequent, drops = read_categories(state), Infrequent(state), _read_drops(state)
    widths = state.sequence("_n_features_outs")
    if len(widths) != len(categories):
        raise state.unknown("_n_features_outs")
    start, columns = 0, []
    for at, (values, width) in enumerate(zip(categories, widths, strict=True)):
        places = [_place(infrequent.grouped(at, index), drops[at], start, width, state) for index in range(len(values))]
        few = infrequent.indices[at]
        if handle == "error":
            unknown = None
        elif few and handle in ("infrequent_if_exist", "warn"):
            unknown = _place(infrequent.grouped(at, few[0]), drops[at], start, width, state)
        else:
            unknown = NOTHING
        columns.append(Column(values, places, unknown))
        start += width
    return Columns(columns), start


def _place(index: int, drop: int | None, start: int, width: int, state: State) -> int:
    """Return the column of the answer for a category, after one of its column's categories was dropped."""
    if index == drop:
        return NOTHING
    if drop is not None and index > drop:
        index -= 1
    if not index < width:
        raise state.unknown("_n_features_outs")
    return start + index


def _read_drops(state: State) -> list[int | None]:
    """Return the index of the category of each column that is dropped."""
    if state.values.get("_drop_idx_after_grouping") is None:
        return [None] * state.columns
    listed = state.sequence("_drop_idx_after_grouping")
    found = [each.item() if isinstance(each, np.generic) else each for each in listed]
    if len(found) != state.columns or not all(each is None or (type(each) is int and each >= 0) for each in found):
        raise state.unknown("_drop_idx_after_grouping")
    return found


def _dense(columns: Columns, width: int, dtype: Any) -> Call:
    def transform(X: Any) -> Any:
        out = np.zeros((len(X), width), dtype)
        if len(X) == 1 and (row := columns.row(X)) is not None:
            for place in row:
                if place >= 0:
                    out[0, place] = 1
            return out
        places = _places(columns.codes(X))
        rows, at = np.nonzero(places >= 0)
        out[rows, places[rows, at]] = 1
        return out

    return transform


def _sparse(columns: Columns, width: int) -> Call:
    def transform(X: Any) -> SparseRows:
        if len(X) == 1 and (row := columns.row(X)) is not None:
            if NOTHING in row:
                row = [place for place in row if place >= 0]
            return SparseRows(np.ones(len(row)), np.array(row, np.intp), np.array([0, len(row)]), width)
        places = _places(columns.codes(X))
        stored = places >= 0
        starts = np.concatenate([[0], np.cumsum(stored.sum(axis=1))])
        return SparseRows(np.ones(starts[-1]), places[stored], starts, width)

    return transform


def _places(codes: Sequence[Sequence[int]]) -> Any:
    """Return each column's codes as a matrix (rows, columns)."""
    return np.array([array_of(each, np.intp) for each in codes], np.intp).T


# ---- one number


def ordinal(state: State) -> Part:
    """Return an OrdinalEncoder."""
    dtype, infrequent, missing = dtype_of(state, "dtype"), Infrequent(state), _missing_indices(state)
    unknown = None
    if state.word("handle_unknown", "error", "use_encoded_value") == "use_encoded_value":
        unknown = _in_dtype(state.number("unknown_value"), dtype)
    columns = []
    for at, values in enumerate(read_categories(state)):
        codes = [
            _in_dtype(
                state.number("encoded_missing_value") if index == missing.get(at) else infrequent.grouped(at, index),
                dtype,
            )
            for index in range(len(values))
        ]
        columns.append(Column(values, codes, unknown))
    known = Columns(columns)
    return _part(state, known, _numbers(known, dtype))


def _in_dtype(value: float, dtype: Any) -> Any:
    """Return the number that an array of this dtype stores for a value."""
    stored = np.empty(1, dtype)
    stored[0] = value
    return stored.item()


def _missing_indices(state: State) -> Mapping[int, int]:
    """Return the index of the category that is NaN, by column."""
    found = state.values.get("_missing_indices")
    if type(found) is not dict or not all(type(each) is int for pair in found.items() for each in pair):
        raise state.unknown("_missing_indices")
    return found


def _numbers(columns: Columns, dtype: Any) -> Call:
    """Return the call that gives each column's codes, one number for each value."""

    def transform(X: Any) -> Any:
        if len(X) == 1 and (row := columns.row(X)) is not None:
            return np.array([row], dtype)
        codes = columns.codes(X)
        out = np.empty((len(X), len(codes)), dtype)
        for at, values in enumerate(codes):
            out[:, at] = values
        return out

    return transform


# ---- the target's mean


def target(state: State) -> Part:
    """Return a TargetEncoder."""
    if state.word("target_type_", "binary", "continuous", "multiclass") == "multiclass":
        classes = len(state.labels())
    else:
        classes = 1
    state.must_be("_infrequent_enabled", False)
    found, columns = state.sequence("encodings_"), read_categories(state)
    if len(found) != len(columns) * classes:
        raise state.unknown("encodings_")
    means = state.floats("target_mean_", classes).tolist() if classes > 1 else [state.number("target_mean_")]
    known = []
    for at, values in enumerate(columns):
        encodings = [_encodings(state, found[at * classes + number], len(values)) for number in range(classes)]
        codes = list(zip(*encodings, strict=True)) if classes > 1 else encodings[0]
        known.append(Column(values, codes, tuple(means) if classes > 1 else means[0]))
    every = Columns(known)
    if classes == 1:
        return _part(state, every, _numbers(every, np.float64))
    return _part(state, every, _several(every))


def _encodings(state: State, values: Any, length: int) -> list[float]:
    if type(values) is not np.ndarray or values.dtype != np.float64 or values.shape != (length,):
        raise state.unknown("encodings_")
    return list(values.tolist())


def _several(columns: Columns) -> Call:
    """Return the call that gives each column's codes, one number for each class."""
    return lambda X: np.concatenate([np.array(codes) for codes in columns.codes(X)], axis=1)


ENCODER = keys(
    "categories categories_ dtype handle_unknown max_categories min_frequency _infrequent_enabled _infrequent_indices"
    " _default_to_infrequent_mappings"
)

FAMILIES: Mapping[str, Family] = {
    "sklearn.preprocessing._encoders.OneHotEncoder": Family(
        one_hot,
        # `sparse` is "deprecated" or the value of `sparse_output`, in 1.3.
        ENCODER
        | keys("drop drop_idx_ _drop_idx_after_grouping _n_features_outs feature_name_combiner sparse sparse_output"),
    ),
    "sklearn.preprocessing._encoders.OrdinalEncoder": Family(
        ordinal, ENCODER | keys("_missing_indices encoded_missing_value unknown_value")
    ),
    "sklearn.preprocessing._target_encoder.TargetEncoder": Family(
        target,
        keys(
            "categories categories_ classes_ cv encodings_ random_state shuffle smooth target_mean_ target_type"
            " target_type_ _infrequent_enabled"
        ),
    ),
}
