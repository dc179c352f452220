"""Columns with names → model input, in the model's own order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.dataframe import to_dataframe
from server.inputs.feature_names import positions
from server.inputs.json_rows import ordered_rows_to_input, texts_to_input
from server.inputs.matrix import checked_matrix
from server.inputs.wording import kind_of, quoted
from server.schema import InputForm, Kind, Schema


def mapping_to_input(data: dict[str, Any], schema: Schema, place: str) -> Any:
    """Return an object of lists by feature name as the model takes it. Raise InputError as `columns_to_input` does."""
    for name, values in data.items():
        if not isinstance(values, list):
            raise InputError(f"{place}[{quoted(name)}] is {kind_of(values)}; expected a list, one value a row")
    return columns_to_input(list(data), list(data.values()), schema, place)


def columns_to_input(names: Sequence[str], columns: Sequence[Any], schema: Schema, place: str) -> Any:
    """Return lists or one-dimensional arrays, one for each name, as the model takes them.

    Raises:
        InputError: a name is missing, unknown or repeated, lengths differ, or a value does not suit.

    """
    if schema.form is InputForm.TEXTS:
        if len(columns) != 1:
            raise InputError(f"{place} has {len(columns)} columns; this model takes one of texts")
        return texts_to_input(list(columns[0]), place)
    ordered = [columns[index] for index in positions(names, schema, place)]
    shortest, longest = min(map(len, ordered), default=0), max(map(len, ordered), default=0)
    if shortest != longest:
        raise InputError(f"{place} has columns of {shortest} and {longest} values")
    if longest == 0:
        raise InputError(f"{place} has no rows")
    if all(isinstance(column, np.ndarray) and column.dtype.kind in "fiub" for column in ordered):
        return _numeric_to_input(ordered, schema, place)
    return _mixed_to_input(ordered, schema, place)


def _numeric_to_input(columns: list[np.ndarray[Any, Any]], schema: Schema, place: str) -> Any:
    """Return arrays of numbers as the model takes them, without a look at each value."""
    if schema.form is InputForm.MATRIX:
        X = np.empty((len(columns[0]), len(columns)))
        for index, column in enumerate(columns):
            X[:, index] = column
        return checked_matrix(X, schema, place)
    if schema.form is InputForm.DATAFRAME and Kind.STRING not in schema.kinds:
        return to_dataframe(columns, schema)
    return _mixed_to_input(columns, schema, place)


def _mixed_to_input(columns: Sequence[Any], schema: Schema, place: str) -> Any:
    values = [column.tolist() if isinstance(column, np.ndarray) else column for column in columns]
    return ordered_rows_to_input([list(row) for row in zip(*values, strict=True)], schema, place)
