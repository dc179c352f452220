"""The client's own form, for a model that does not say what it takes. Pure, but for pandas.

Objects by name, and columns by name, become a DataFrame with the request's names in the request's order. Lists of
numbers become a matrix, all other lists an object array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import numpy as np

from server.errors import InputError
from server.inputs.columns import NAN, Column, check_values, to_array, to_objects
from server.inputs.dataframe import named_dataframe
from server.inputs.feature_names import refuse_repeats
from server.inputs.matrix import NUMBERS_AND_NULL, columns_to_matrix, types_in_rows
from server.inputs.typed_columns import named_table
from server.inputs.wording import Cell, cell_of_object, cell_of_row, in_column, kind_of, quoted_names
from server.schema import Kind, Schema
from server.short_steps import columns_of_rows

ANY_NUMBERS = Schema(allows_missing=True)
"""Only the model's own check refuses a missing value."""


def rows_as_sent(data: list[Any], schema: Schema, place: str) -> Any:
    """Return rows in the form that the first one has. Null is NaN.

    Raises:
        InputError: names the first row that has another form, or a value that is a list or an object.

    """
    first = data[0]
    if not isinstance(first, dict | list | str):
        raise InputError(f"{place}[0] is {kind_of(first)}; expected a list of values; wrap a single row: [[…]]")
    for index, row in enumerate(data):
        if type(row) is not type(first):
            raise InputError(f"{place}[{index}] is {kind_of(row)}; {place}[0] is {kind_of(first)}")
    if isinstance(first, dict):
        return _objects_as_sent(data, schema, place)
    return to_objects(data, NAN) if isinstance(first, str) else _lists_as_sent(data, place)


def _objects_as_sent(data: list[dict[str, Any]], schema: Schema, place: str) -> Any:
    names = list(data[0])
    if not names:
        raise InputError(f"{place}[0] is empty")
    for index, row in enumerate(data):
        if row.keys() != data[0].keys():
            lacking, more = [name for name in names if name not in row], [name for name in row if name not in data[0]]
            problem = f"lacks {quoted_names(lacking)}" if lacking else f"has {quoted_names(more)}"
            raise InputError(f"{place}[{index}] {problem}, unlike {place}[0]: each row needs the same names")
    columns = [[row[name] for row in data] for name in names]
    return _table(schema)(names, columns, [Column()] * len(names), cell_of_object(place, names))


def _lists_as_sent(data: list[list[Any]], place: str) -> Any:
    cell = cell_of_row(place)
    if not set(map(len, data)) - {0}:
        raise InputError(f"{place}[0] is empty")
    types = types_in_rows(data)
    if len(set(map(len, data))) > 1:  # lists of tokens, or numbers of which some are missing
        if types <= NUMBERS_AND_NULL:
            _refuse_ragged(data, place)
        for index, row in enumerate(data):
            check_values(row, Kind.ANY, partial(cell, index))
        return to_objects([[NAN if value is None else value for value in row] for row in data], NAN)
    columns = columns_of_rows(data, len(data[0]))
    if types <= NUMBERS_AND_NULL:
        number = Column(Kind.NUMBER)
        arrays = [to_array(column, number, in_column(cell, index)) for index, column in enumerate(columns)]
        return columns_to_matrix(arrays, ANY_NUMBERS, cell)
    X = np.empty((len(data), len(columns)), dtype=object)
    for index, column in enumerate(columns):
        check_values(column, Kind.ANY, in_column(cell, index))
        X[:, index] = to_objects(column, NAN)
    return X


def _refuse_ragged(data: list[list[Any]], place: str) -> NoReturn:
    """Raise InputError for the first of rows of different lengths that is unlike row 0."""
    index, row = next((index, row) for index, row in enumerate(data) if len(row) != len(data[0]))
    raise InputError(f"{place}[{index}] has {len(row)} values, {place}[0] has {len(data[0])}")


def columns_as_sent(
    names: Sequence[str], columns: Sequence[Any], schema: Schema, place: str, cell: Cell, *, kinds: Sequence[Kind] = ()
) -> Any:
    """Return columns by name as a DataFrame with these names in this order; `kinds` are the request's, if it has any.

    Raises:
        InputError: names what is repeated, or the first value that does not suit.

    """
    refuse_repeats(names, place)
    return _table(schema)(names, columns, [Column(kind) for kind in kinds or [Kind.ANY] * len(names)], cell)


def _table(schema: Schema) -> Callable[..., Any]:
    return named_table if schema.named_table else named_dataframe
