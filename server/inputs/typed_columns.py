"""Columns in the types that the model was fitted on: a NamedTable, without pandas.

Each column is what scikit-learn reads from the same column of a DataFrame (`server.inputs.dataframe`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.columns import NAN, Column, as_list, check_values, columns_of, to_array, to_objects
from server.inputs.dates import to_datetimes
from server.inputs.matrix import refuse_rounded
from server.inputs.named_table import NamedTable
from server.inputs.wording import MAX_NAMES, Cell, Place, cell_of_row, in_column, shown
from server.schema import Kind, Schema
from server.short_steps import array_of, list_of

CATEGORY = "category"

Array = np.ndarray[Any, Any]


def to_named_table(columns: Sequence[Any], schema: Schema, cell: Cell | None = None) -> NamedTable:
    """Return a table of the model's own columns, in its order, with the types that they had when it was fitted.

    Raises:
        InputError: names the first value that does not suit, by `cell`.

    """
    names = schema.columns or tuple(map(str, range(len(columns))))
    return named_table(names, columns, columns_of(schema, len(columns)), cell or cell_of_row("the row"))


def named_table(names: Sequence[Any], columns: Sequence[Any], kinds: Sequence[Column], cell: Cell) -> NamedTable:
    """Return a table of these columns. Raise as `to_named_table` does."""
    found = [
        _array(values, kind, in_column(cell, index))
        for index, (values, kind) in enumerate(zip(columns, kinds, strict=True))
    ]
    return NamedTable(tuple(names), found)


def _array(values: Sequence[Any], column: Column, place: Place) -> Array:
    if column.dtype == CATEGORY and column.categories:
        return _category_values(values, column.categories, place)
    if column.kind is Kind.DATETIME:
        return to_datetimes(as_list(values), place, zoned="," in column.dtype or None)[0]
    if is_mixed(column):
        return to_mixed(values, column, place)
    found = to_array(values, column, place)
    try:
        return in_dtype(found, np.dtype(column.dtype), column, place) if column.dtype else found
    except TypeError:  # a type of pandas' own, which scikit-learn reads as its values
        return found


def _category_values(values: Sequence[Any], categories: tuple[Any, ...], place: Place) -> Array:
    """Return the values of a category column, with NaN for a missing one."""
    codes = category_codes(values, categories, place)
    known = np.asarray([*categories, NAN], dtype=object)[array_of(codes, np.intp)]  # the code of a missing value is -1
    numbers = all(type(category) in (int, float) for category in categories)
    return array_of(list_of(known)) if numbers else known


# ---- what DataFrames and tables have in common --------------------------------------------------------------------


def is_mixed(column: Column) -> bool:
    """Return whether the column was fitted as objects of several types: 1 and null stay 1 and NaN there."""
    return column.dtype == "object" and column.kind is Kind.ANY


def to_mixed(values: Sequence[Any], column: Column, place: Place) -> Array:
    """Return the values as they are: a column of floats would make 1.0 of a 1."""
    plain_values = as_list(values)
    check_values(plain_values, Kind.ANY, place)
    return to_objects(plain_values, column.null)


def in_dtype(found: Array, dtype: np.dtype[Any], column: Column, place: Place) -> Array:
    """Return the column in the type that it was fitted in. Integers with a null are floats, as pandas reads them."""
    if dtype.kind in "iu":
        if found.dtype.kind not in "iu":
            return found
        _check_range(found, dtype, place)
    if dtype.kind == "b" and found.dtype != bool:
        return found
    if found.dtype.kind in "iu" and column.kind is Kind.NUMBER:
        refuse_rounded(list_of(found), place)
    try:
        with np.errstate(over="ignore"):  # becomes an infinity, which is refused below
            converted = found.astype(dtype)
    except (TypeError, ValueError) as error:
        raise unfit(column, place) from error
    for row in np.flatnonzero(np.isinf(converted)) if dtype.kind == "f" else ():
        raise InputError(f"{place(int(row))} is too large for the model's {dtype}")
    return converted


def unfit(column: Column, place: Place) -> InputError:
    """Return the error for a column that cannot be converted."""
    return InputError(f"{place(0)}: its column does not fit the type {column.dtype} of the model")


def _check_range(found: Array, dtype: Any, place: Place) -> None:
    limits = np.iinfo(dtype)
    for row, value in enumerate(list_of(found)):
        if not limits.min <= value <= limits.max:
            raise InputError(f"{place(row)} is {shown(value)}, which does not fit the model's {dtype}")


def category_codes(values: Sequence[Any], categories: tuple[Any, ...], place: Place) -> list[int]:
    """Return the position of each value among the model's categories; -1 for null. Another value is refused."""
    positions = _positions(categories)
    found = []
    for row, value in enumerate(as_list(values)):
        if value is None or value != value:  # noqa: PLR0124 - NaN alone differs from itself
            found.append(-1)
            continue
        code = None if isinstance(value, list | dict) else positions.get((isinstance(value, bool), value))
        if code is None:
            raise InputError(f"{place(row)} is {shown(value)}; {_allowed(categories)}")
        found.append(code)
    return found


def _positions(categories: tuple[Any, ...]) -> Mapping[tuple[bool, Any], int]:
    """Return the number of each category. JSON's true is not its 1.

    Not cached by the categories: Python's (False, True) equals (0, 1), so two columns would share one entry.
    """
    return {(isinstance(value, bool), value): code for code, value in enumerate(categories)}


def _allowed(categories: tuple[Any, ...]) -> str:
    first = ", ".join(shown(value) for value in categories[:MAX_NAMES])
    return f"the model's categories are {first}{', …' if len(categories) > MAX_NAMES else ''}, or null"
