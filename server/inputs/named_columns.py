"""Columns with names, and rows under a line of names → model input, in the model's own order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.errors import InputError
from server.inputs.as_sent import columns_as_sent
from server.inputs.columns import as_list
from server.inputs.feature_names import positions, refuse_repeats
from server.inputs.json_rows import ordered_columns_to_input, rows_to_input
from server.inputs.row_values import dicts_to_input, texts_to_input
from server.inputs.wording import Cell, cell_of_column, kind_of, quoted
from server.schema import InputForm, Kind, Schema
from server.short_steps import columns_of_rows


def mapping_to_input(data: dict[str, Any], schema: Schema, place: str) -> Any:
    """Return an object of lists by feature name as the model takes it. Raise InputError as `columns_to_input` does."""
    for name, values in data.items():
        if not isinstance(values, list):
            raise InputError(f"{place}[{quoted(name)}] is {kind_of(values)}; expected a list, one value a row")
    return columns_to_input(list(data), list(data.values()), schema, place)


def columns_to_input(
    names: Sequence[str], columns: Sequence[Any], schema: Schema, place: str, kinds: Sequence[Kind] = ()
) -> Any:
    """Return lists or one-dimensional arrays, one for each name, as the model takes them.

    `kinds` is what the request says of its columns. It counts where the model does not say.

    Raises:
        InputError: a name is missing, unknown or repeated, lengths differ, or a value does not suit.

    """
    if schema.form is InputForm.TOKENS:
        raise InputError(f"{place} has columns; this model takes a list of strings for each row")
    if schema.form is InputForm.TEXTS and len(columns) != 1:
        raise InputError(f"{place} has {len(columns)} columns; this model takes one of texts")
    order = None if has_own_names(schema) else positions(names, schema, place)
    rows = _check_lengths(columns, place)
    if schema.form is InputForm.TEXTS:
        return texts_to_input(list(columns[0]), place)
    if schema.form is InputForm.DICTS:
        refuse_repeats(names, place)
        return dicts_to_input(_as_dicts(names, columns), place)
    if order is None:
        return columns_as_sent(names, columns, schema, place, cell_of_column(place, names), kinds=kinds)
    ordered = [[None] * rows if index is None else columns[index] for index in order]
    return ordered_columns_to_input(ordered, schema, cell_of_column(place, schema.names or names))


def has_own_names(schema: Schema) -> bool:
    """Return whether the names of a request are not compared with the model's."""
    return schema.form in (InputForm.TEXTS, InputForm.DICTS, InputForm.AS_SENT)


def _check_lengths(columns: Sequence[Any], place: str) -> int:
    shortest, longest = min(map(len, columns), default=0), max(map(len, columns), default=0)
    if shortest != longest:
        raise InputError(f"{place} has columns of {shortest} and {longest} values")
    if longest == 0:
        raise InputError(f"{place} has no rows")
    return longest


def _as_dicts(names: Sequence[str], columns: Sequence[Any]) -> list[Any]:
    return [dict(zip(names, row, strict=True)) for row in zip(*map(as_list, columns), strict=True)]


def table_to_input(names: list[str], data: list[Any], schema: Schema, place: str, names_place: str) -> Any:
    """Return rows under a line of names as the model takes them.

    Raises:
        InputError: names the problem and its place, in the rows or in the names.

    """
    if schema.form in (InputForm.TEXTS, InputForm.TOKENS):
        return rows_to_input(data, schema, place, no_strings=False)
    order: list[int | None] = list(range(len(names)))
    if has_own_names(schema):
        refuse_repeats(names, names_place)
    else:
        found = positions(names, schema, names_place)
        if found == order:  # the common case: the matrix path looks at the rows itself
            return rows_to_input(data, schema, place, no_strings=False)
        order = found
    for index, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(names):
            raise InputError(f"{place}[{index}] must be a list of {len(names)} values, one for each column")
    if not data:
        raise InputError(f"{place} is empty; give at least one row")
    if schema.form is InputForm.DICTS:
        return dicts_to_input([dict(zip(names, row, strict=True)) for row in data], place)
    columns = columns_of_rows(data, len(names))
    cell = _cell_of_table(place, order)
    if schema.form is InputForm.AS_SENT:
        return columns_as_sent(names, columns, schema, names_place, cell)
    ordered = [(None,) * len(data) if index is None else columns[index] for index in order]
    return ordered_columns_to_input(ordered, schema, cell)


def _cell_of_table(place: str, order: list[int | None]) -> Cell:
    """Return the names of values by the request's own columns."""
    return lambda row, column: f"{place}[{row}][{order[column]}]"
