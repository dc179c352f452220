"""pandas, for the models that need it. It is imported here alone, and only for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from server.errors import InputError, ModelError
from server.inputs.columns import Column, as_list, check_values, columns_of, to_array, to_objects
from server.inputs.dates import to_datetimes
from server.inputs.matrix import refuse_rounded
from server.inputs.wording import MAX_NAMES, Cell, Place, cell_of_row, in_column, shown
from server.schema import Kind, Schema

CATEGORY = "category"


def to_dataframe(columns: Sequence[Any], schema: Schema, cell: Cell | None = None) -> Any:
    """Return a DataFrame of the model's own columns, in its order, with the types that they had when it was fitted.

    Where the schema does not name a column's type, it is the one that pandas infers as from a CSV.

    Raises:
        InputError: names the first value that does not suit, by `cell`.
        ModelError: pandas is not installed.

    """
    names = schema.names or range(len(columns))
    return named_dataframe(names, columns, columns_of(schema, len(columns)), cell or cell_of_row("the row"))


def named_dataframe(names: Sequence[Any], columns: Sequence[Any], kinds: Sequence[Column], cell: Cell) -> Any:
    """Return a DataFrame of these columns. Raise as `to_dataframe` does."""
    pd = _pandas()
    series = {
        index: _series(pd, values, kind, in_column(cell, index))
        for index, (values, kind) in enumerate(zip(columns, kinds, strict=True))
    }
    frame = pd.DataFrame(series)
    frame.columns = pd.Index(names)
    return frame


def _pandas() -> Any:
    try:
        import pandas as pd  # noqa: PLC0415 - slow to import, and only these models need it
    except ModuleNotFoundError as error:
        raise ModelError("the model picks its columns by name: put pandas into requirements.txt next to it") from error
    return pd


def _series(pd: Any, values: Sequence[Any], column: Column, place: Place) -> Any:
    if column.dtype == CATEGORY and column.categories:
        return _categorical(pd, values, column.categories, place)
    if column.kind is Kind.DATETIME:
        return _times(pd, values, column.dtype, place)
    if column.dtype == "object" and column.kind is Kind.ANY:
        # 1 and null stay 1 and NaN: a column of floats would make 1.0 of the 1.
        plain_values = as_list(values)
        check_values(plain_values, Kind.ANY, place)
        return pd.Series(to_objects(plain_values, column.null), dtype=object)
    found = to_array(values, column, place)
    if column.dtype:
        return _in_dtype(pd, found, column, place)
    if found.dtype != object:
        return found
    is_text = column.kind is Kind.STRING or _holds_only_text(found)
    return pd.Series(found, dtype=_string_dtype(pd) if is_text and column.null is not None else object)


def _holds_only_text(found: np.ndarray[Any, Any]) -> bool:
    """Return whether strings are the only values that are not missing."""
    is_text = [isinstance(value, str) for value in found]
    return any(is_text) and all(text or value != value for text, value in zip(is_text, found, strict=True))  # noqa: PLR0124 - NaN alone differs from itself


@cache
def _string_dtype(pd: Any) -> Any:
    """Return the type that this version of pandas gives a column of strings."""
    return pd.Series(["text"]).dtype


def _in_dtype(pd: Any, found: np.ndarray[Any, Any], column: Column, place: Place) -> Any:
    """Return the column in the type that it was fitted in. Integers with a null are floats, as pandas reads them."""
    try:
        dtype = pd.api.types.pandas_dtype(column.dtype)
    except TypeError:
        return pd.Series(found)
    kind = dtype.kind if isinstance(dtype, np.dtype) else ""  # of a type of pandas' own: null has a place in it
    if kind in ("i", "u"):
        if found.dtype.kind not in "iu":
            return pd.Series(found)
        _check_range(found, dtype, place)
    if kind == "b" and found.dtype != bool:
        return pd.Series(found)
    if found.dtype.kind in "iu" and column.kind is Kind.NUMBER:
        refuse_rounded(found.tolist(), place)
    try:
        with np.errstate(over="ignore"):  # becomes an infinity, which is refused below
            series = pd.Series(found).astype(dtype)
    except (TypeError, ValueError) as error:
        raise InputError(f"{place(0)}: its column does not fit the type {column.dtype} of the model") from error
    for row in np.flatnonzero(np.isinf(series)) if kind == "f" else ():
        raise InputError(f"{place(int(row))} is too large for the model's {dtype}")
    return series


def _check_range(found: np.ndarray[Any, Any], dtype: Any, place: Place) -> None:
    limits = np.iinfo(dtype)
    for row, value in enumerate(found.tolist()):
        if not limits.min <= value <= limits.max:
            raise InputError(f"{place(row)} is {shown(value)}, which does not fit the model's {dtype}")


def _times(pd: Any, values: Sequence[Any], dtype: str, place: Place) -> Any:
    found, zoned = to_datetimes(as_list(values), place, zoned="," in dtype if dtype.startswith("datetime64") else None)
    series = pd.Series(found)
    if zoned:
        series = series.dt.tz_localize("UTC")
    return series.astype(dtype) if dtype.startswith("datetime64") else series


def _categorical(pd: Any, values: Sequence[Any], categories: tuple[Any, ...], place: Place) -> Any:
    """Return the values as the model's categories. Null is missing; another value is refused."""
    codes = _codes(categories)
    found = []
    for row, value in enumerate(as_list(values)):
        if value is None or value != value:  # noqa: PLR0124 - NaN alone differs from itself
            found.append(-1)
            continue
        code = None if isinstance(value, list | dict) else codes.get((isinstance(value, bool), value))
        if code is None:
            raise InputError(f"{place(row)} is {shown(value)}; {_allowed(categories)}")
        found.append(code)
    return pd.Series(pd.Categorical.from_codes(found, categories=pd.Index(categories)))


def _codes(categories: tuple[Any, ...]) -> Mapping[tuple[bool, Any], int]:
    """Return the number of each category. JSON's true is not its 1.

    Not cached by the categories: Python's (False, True) equals (0, 1), so two columns would share one entry.
    """
    return {(isinstance(value, bool), value): code for code, value in enumerate(categories)}


def _allowed(categories: tuple[Any, ...]) -> str:
    first = ", ".join(shown(value) for value in categories[:MAX_NAMES])
    return f"the model's categories are {first}{', …' if len(categories) > MAX_NAMES else ''}, or null"
