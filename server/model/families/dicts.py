"""DictVectorizer: a column for each name of a number, and for each pair of a name and a text.

Source: sklearn/feature_extraction/_dict_vectorizer.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from numbers import Number
from typing import Any

import numpy as np

from server.model.families.base import Part
from server.model.families.sparse_rows import SparseRows
from server.model.families.state import Family, State, keys
from server.short_steps import array_of

Pairs = Callable[[Any], tuple[list[int], list[float]]]


def dict_vectorizer(state: State) -> Part:
    """Return a DictVectorizer."""
    pairs, width = _pairs(state), len(state.values["vocabulary_"])
    # It is called with each value: Python's float would refuse None, which NumPy's makes NaN.
    if state.function("dtype") != "numpy.float64":
        raise state.unknown("dtype")
    part = state.part(row_independent=True)
    if not state.flag("sparse"):
        return replace(part, methods={"transform": lambda X: _dense(pairs, X, width)})
    return replace(part, methods={"transform": lambda X: _sparse(pairs, X, width)}, gives_sparse=True)


def _pairs(state: State) -> Pairs:
    """Return the call that gives the columns and the values of one dict, in the dict's order."""
    vocabulary, separator = state.values.get("vocabulary_"), state.values.get("separator")
    if type(vocabulary) is not dict or not vocabulary or not all(type(name) is str for name in vocabulary):
        raise state.unknown("vocabulary_")
    if sorted(vocabulary.values()) != list(range(len(vocabulary))) or type(separator) is not str:
        raise state.unknown("vocabulary_")

    def pairs(row: Any) -> tuple[list[int], list[float]]:
        columns: list[int] = []
        values: list[float] = []
        for name, value in row.items():
            for key, number in _features(name, value, separator):
                if key in vocabulary:
                    columns.append(vocabulary[key])
                    values.append(np.float64(number))
        return columns, values

    return pairs


def _features(name: Any, value: Any, separator: str) -> Iterable[tuple[Any, Any]]:
    """Return the features that one entry of a dict stands for, and their values.

    Raises:
        TypeError: the value is neither a number nor a text, and is no list of texts.

    """
    if isinstance(value, str):
        return [(f"{name}{separator}{value}", 1)]
    if value is None or isinstance(value, Number):
        return [(name, value)]
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        kind = type(value)
        raise TypeError(f"Unsupported value Type {kind} for {name}: {value}.\n{kind} objects are not supported.")
    texts = list(value)
    for text in texts:
        if not isinstance(text, str):
            kind = type(text)
            raise TypeError(f"Unsupported type {kind} in iterable value. Only iterables of string are supported.")
    return [(f"{name}{separator}{text}", 1) for text in texts]


def _rows(X: Any) -> Any:
    rows = [X] if isinstance(X, Mapping) else X
    if not len(rows):
        raise ValueError("Sample sequence X is empty.")
    return rows


def _dense(pairs: Pairs, X: Any, width: int) -> Any:
    rows = _rows(X)
    out = np.zeros((len(rows), width))
    for number, row in enumerate(rows):
        for column, value in zip(*pairs(row), strict=True):
            out[number, column] += value
    return out


def _sparse(pairs: Pairs, X: Any, width: int) -> SparseRows:
    """Return the rows, each with its values in the order of the columns."""
    every_column: list[int] = []
    every_value: list[float] = []
    starts = [0]
    for row in _rows(X):
        found, numbers = pairs(row)
        order = sorted(range(len(found)), key=found.__getitem__)
        every_column += [found[at] for at in order]
        every_value += [numbers[at] for at in order]
        starts.append(len(every_column))
    columns, values = array_of(every_column, np.intp), array_of(every_value, np.float64)
    return SparseRows(values, columns, array_of(starts, np.int64), width)


FAMILIES: Mapping[str, Family] = {
    "sklearn.feature_extraction._dict_vectorizer.DictVectorizer": Family(
        dict_vectorizer, keys("dtype separator sparse sort feature_names_ vocabulary_")
    )
}
