"""Rows from JSON in all their forms → model input, or an error that names the problem and its place. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.dataframe import to_dataframe
from server.inputs.feature_names import check_width, objects_in_order
from server.inputs.matrix import as_matrix_or_none, checked_matrix
from server.inputs.wording import kind_of
from server.schema import InputForm, Kind, Schema

HINT = "such as [[1.0, 2.0]]"
LARGEST = float(np.finfo(np.float64).max)


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
    if schema.form is InputForm.TEXTS:
        return texts_to_input(data, place)
    if isinstance(data[0], dict):
        return ordered_rows_to_input(objects_in_order(data, schema, place), schema, place)
    _check_form(data, schema, place)
    return ordered_rows_to_input(data, schema, place)


def ordered_rows_to_input(rows: list[list[Any]], schema: Schema, place: str) -> Any:
    """Return rows as the model takes them. Each must have one value for each feature, in the model's order."""
    X = as_matrix_or_none(rows, schema, no_strings=False) if schema.form is InputForm.MATRIX else None
    if X is not None:
        return X
    kinds = schema.kinds or (Kind.NUMBER,) * len(rows[0])
    for index, row in enumerate(rows):
        for column, value in enumerate(row):
            problem = _problem_of(value, kinds[column], schema)
            if problem:
                raise InputError(f"{place}[{index}][{column}] {problem}")
    if schema.form is InputForm.DATAFRAME:
        return to_dataframe(list(zip(*rows, strict=True)), schema)
    if schema.form is InputForm.OBJECTS:
        return np.array(rows, dtype=object)
    return checked_matrix(np.array(rows, dtype=np.float64), schema, place)


def texts_to_input(data: list[Any], place: str) -> np.ndarray[Any, Any]:
    """Return one string for each row; a row may also be a list of one string."""
    found = [row[0] if isinstance(row, list) and len(row) == 1 else row for row in data]
    for index, text in enumerate(found):
        if not isinstance(text, str):
            raise InputError(f"{place}[{index}] is {kind_of(text)}; this model takes a string for each row")
    return np.array(found, dtype=object)


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


def _problem_of(value: Any, kind: Kind, schema: Schema) -> str:
    """Return what is wrong with a value, or "" if it fits the feature's kind.

    Null fits a DataFrame, and a model that takes missing values.
    """
    if value is None:
        if schema.form is InputForm.MATRIX and not schema.allows_missing:
            return "is null; a number is needed and this model takes no missing values"
    elif isinstance(value, int | float):
        if kind is Kind.STRING:
            return f"is {kind_of(value)}; a string is needed"
        if abs(value) > LARGEST:
            return "is too large for a 64-bit number"
    elif not isinstance(value, str) or kind is Kind.NUMBER:
        return f"is {kind_of(value)}; a {kind if kind is not Kind.ANY else 'value'} is needed"
    return ""
