"""Rows from JSON in all their forms → model input, or an error that names the problem and its place. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.as_sent import rows_as_sent
from server.inputs.columns import as_list, check_values, columns_of, to_array, to_objects
from server.inputs.dataframe import to_dataframe
from server.inputs.dates import to_datetimes
from server.inputs.feature_names import check_width, objects_in_order
from server.inputs.matrix import as_matrix_or_none, columns_to_matrix
from server.inputs.row_values import dicts_to_input, texts_to_input, tokens_to_input
from server.inputs.typed_columns import to_named_table
from server.inputs.wording import Cell, cell_of_object, cell_of_row, in_column, kind_of
from server.schema import InputForm, Kind, Schema
from server.short_steps import Released, columns_of_rows

HINT = "such as [[1.0, 2.0]]"
BY_ROW = {InputForm.TEXTS: texts_to_input, InputForm.DICTS: dicts_to_input, InputForm.TOKENS: tokens_to_input}
"""The forms whose rows are one value each, without columns."""


def rows_to_input(data: Any, schema: Schema, place: str, *, no_strings: bool) -> Any:
    """Return rows of JSON as the model takes them; `place` is what error texts call `data`.

    A well-formed matrix of numbers takes one pass by NumPy. Everything else is looked at value by value. `no_strings`
    is True where no string can be in `data` (see `as_matrix_or_none`).

    Raises:
        InputError: names the problem and its place, such as `data[0][2]`.

    """
    X = as_matrix_or_none(data, schema, no_strings=no_strings) if schema.form is InputForm.MATRIX else None
    return _any_rows(data, schema, place) if X is None else X


def _any_rows(data: Any, schema: Schema, place: str) -> Any:
    if not isinstance(data, list):
        raise InputError(f"{place} is {kind_of(data)}; expected a list of rows, {HINT}")
    if not data:
        raise InputError(f"{place} is empty; give at least one row")
    if schema.form in BY_ROW:
        return BY_ROW[schema.form](data, place)
    if schema.form is InputForm.AS_SENT:
        return rows_as_sent(data, schema, place)
    if isinstance(data[0], dict):
        cell = cell_of_object(place, schema.names)
        with Released(objects_in_order(data, schema, place)) as rows:
            return ordered_rows_to_input(rows, schema, cell)
    _check_form(data, schema, place)
    return ordered_rows_to_input(data, schema, cell_of_row(place))


def ordered_rows_to_input(rows: list[list[Any]], schema: Schema, cell: Cell) -> Any:
    """Return rows as the model takes them. Each must have one value for each feature, in the model's order."""
    X = as_matrix_or_none(rows, schema, no_strings=False) if schema.form is InputForm.MATRIX else None
    return ordered_columns_to_input(columns_of_rows(rows, len(rows[0])), schema, cell) if X is None else X


def ordered_columns_to_input(columns: list[Any], schema: Schema, cell: Cell) -> Any:
    """Return columns of equal length, in the model's order, as the model takes them.

    Raises:
        InputError: names the first value that does not suit, by `cell`.
        ModelError: the model takes a DataFrame, and pandas is not installed.

    """
    if schema.form is InputForm.DATAFRAME:
        return (to_named_table if schema.named_table else to_dataframe)(columns, schema, cell)
    kinds = columns_of(schema, len(columns))
    if schema.form is InputForm.MATRIX:
        places = [in_column(cell, index) for index in range(len(columns))]
        return columns_to_matrix([to_array(*each) for each in zip(columns, kinds, places, strict=True)], schema, cell)
    X = np.empty((len(columns[0]), len(columns)), dtype=object)
    for index, (values, column) in enumerate(zip(columns, kinds, strict=True)):
        plain = as_list(values)
        if column.kind is Kind.DATETIME:
            X[:, index] = list(to_datetimes(plain, in_column(cell, index), zoned=False)[0])
            continue
        check_values(plain, column.kind, in_column(cell, index))
        X[:, index] = to_objects(plain, column.null)
    return X


def _check_form(data: list[Any], schema: Schema, place: str) -> None:
    for index, row in enumerate(data):
        if not isinstance(row, list):
            hint = "; wrap a single row: [[…]]" if index == 0 else ""
            raise InputError(f"{place}[{index}] is {kind_of(row)}; expected a list of {_values(schema)}{hint}")
        if not row:
            raise InputError(f"{place}[{index}] is empty")
        if len(row) != len(data[0]):
            raise InputError(f"{place}[{index}] has {len(row)} values, {place}[0] has {len(data[0])}")
    check_width(len(data[0]), schema, f"{place}[0]")


def _values(schema: Schema) -> str:
    return "numbers" if schema.form is InputForm.MATRIX else "values"
