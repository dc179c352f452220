"""Columns with names → model input, in the model's own order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.dataframe import dataframe
from server.inputs.json_rows import Body, assembled, kind_of, order, refuse_repeated, texts
from server.inputs.matrix import checked
from server.schema import Kind, Schema, Takes


def from_mapping(data: dict[str, Any], schema: Schema, place: str, body: Body) -> Any:
    """An object of lists by feature name."""
    if body.may_repeat(1, list(data)):
        refuse_repeated(body.raw)
    for name, values in data.items():
        if not isinstance(values, list):
            raise InputError(f"{place}['{name}'] is {kind_of(values)}; expected a list, one value a row")
    return from_columns(list(data), list(data.values()), schema, place)


def from_columns(names: Sequence[str], columns: Sequence[Any], schema: Schema, place: str) -> Any:
    """Lists or one-dimensional arrays, one for each name.

    Raises:
        InputError: a name is missing, unknown or doubled, lengths differ, or a value does not suit.

    """
    if schema.takes is Takes.TEXTS:
        if len(columns) != 1:
            raise InputError(f"{place} has {len(columns)} columns; this model takes one of texts")
        return texts(list(columns[0]), place)
    chosen = [columns[index] for index in order(names, schema, place)]
    lengths = sorted({len(column) for column in chosen})
    if len(lengths) != 1:
        raise InputError(f"{place} has columns of {' and '.join(map(str, lengths))} values")
    if lengths == [0]:
        raise InputError(f"{place} has no rows")
    if all(isinstance(column, np.ndarray) and column.dtype.kind in "fiub" for column in chosen):
        return _numeric(chosen, schema, place)
    return _mixed(chosen, schema, place)


def _numeric(columns: list[np.ndarray[Any, Any]], schema: Schema, place: str) -> Any:
    """Arrays of numbers, without a look at each value."""
    if schema.takes is Takes.NUMBERS:
        X = np.empty((len(columns[0]), len(columns)))
        for index, column in enumerate(columns):
            X[:, index] = column
        return checked(X, schema, place)
    if schema.takes is Takes.FRAME and Kind.STRING not in schema.kinds:
        return dataframe(columns, schema)
    return _mixed(columns, schema, place)


def _mixed(columns: Sequence[Any], schema: Schema, place: str) -> Any:
    values = [column.tolist() if isinstance(column, np.ndarray) else column for column in columns]
    return assembled([list(row) for row in zip(*values, strict=True)], schema, place)
