"""pandas, for the models that need it. It is imported here alone, and only for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np

from server.errors import ModelError
from server.inputs.columns import Column, as_list, columns_of, to_array
from server.inputs.dates import to_datetimes
from server.inputs.matrix import refuse_rounded
from server.inputs.typed_columns import CATEGORY, category_codes, in_dtype, is_mixed, to_mixed, unfit
from server.inputs.wording import Cell, Place, cell_of_row, in_column
from server.schema import Kind, Schema
from server.short_steps import array_of, list_of


def to_dataframe(columns: Sequence[Any], schema: Schema, cell: Cell | None = None) -> Any:
    """Return a DataFrame of the model's own columns, in its order, with the types that they had when it was fitted.

    Where the schema does not name a column's type, it is the one that pandas infers as from a CSV.

    Raises:
        InputError: names the first value that does not suit, by `cell`.
        ModelError: pandas is not installed.

    """
    names = _index(schema.names) if schema.names else range(len(columns))
    return named_dataframe(names, columns, columns_of(schema, len(columns)), cell or cell_of_row("the row"))


@lru_cache(maxsize=1)
def _index(names: tuple[Any, ...]) -> Any:
    """Return the index of a model's own names. Each frame has a view of it, with its table for finding names."""
    return _pandas().Index(names)


def named_dataframe(names: Sequence[Any], columns: Sequence[Any], kinds: Sequence[Column], cell: Cell) -> Any:
    """Return a DataFrame of these columns. Raise as `to_dataframe` does."""
    pd = _pandas()
    found = {
        index: _column(pd, values, kind, in_column(cell, index))
        for index, (values, kind) in enumerate(zip(columns, kinds, strict=True))
    }
    # Told the rows, pandas does not look for an index that suits all columns.
    frame = pd.DataFrame(found, index=pd.RangeIndex(len(columns[0])))
    frame.columns = pd.Index(names)
    return frame


def _pandas() -> Any:
    try:
        import pandas as pd  # noqa: PLC0415 - slow to import, and only these models need it
    except ModuleNotFoundError as error:
        raise ModelError("the model picks its columns by name: put pandas into requirements.txt next to it") from error
    return pd


def _column(pd: Any, values: Sequence[Any], column: Column, place: Place) -> Any:
    """Return an array where pandas keeps its type. A Series costs 20 µs, and as much again in the DataFrame."""
    if column.dtype == CATEGORY and column.categories:
        return _categorical(pd, values, column.categories, place)
    if column.kind is Kind.DATETIME:
        return _times(pd, values, column.dtype, place)
    if is_mixed(column):
        return pd.Series(to_mixed(values, column, place), dtype=object)
    found = to_array(values, column, place)
    if column.dtype:
        return _in_dtype(pd, found, column, place)
    if found.dtype != object:
        return found
    is_text = column.kind is Kind.STRING or _holds_only_text(found)
    return _strings(pd)(found) if is_text and column.null is not None else pd.Series(found, dtype=object)


def _holds_only_text(found: np.ndarray[Any, Any]) -> bool:
    """Return whether strings are the only values that are not missing."""
    is_text = [isinstance(value, str) for value in found]
    return any(is_text) and all(text or value != value for text, value in zip(is_text, found, strict=True))  # noqa: PLR0124 - NaN alone differs from itself


@cache
def _strings(pd: Any) -> Callable[[Any], Any]:
    """Return what makes a column of strings, of the type that this version of pandas gives them."""
    dtype = pd.Series(["text"]).dtype
    return partial(pd.Series if isinstance(dtype, np.dtype) else pd.array, dtype=dtype)


def _in_dtype(pd: Any, found: np.ndarray[Any, Any], column: Column, place: Place) -> Any:
    """Return the column in the type that it was fitted in."""
    try:
        dtype = pd.api.types.pandas_dtype(column.dtype)
    except TypeError:
        return pd.Series(found)
    if isinstance(dtype, np.dtype):
        found = in_dtype(found, dtype, column, place)
        return found if found.dtype != object else pd.Series(found, dtype=object if dtype.kind == "O" else None)
    # A type of pandas' own: null has a place in it.
    if found.dtype.kind in "iu" and column.kind is Kind.NUMBER:
        refuse_rounded(list_of(found), place)
    try:
        return pd.Series(found).astype(dtype).array
    except (TypeError, ValueError) as error:
        raise unfit(column, place) from error


def _times(pd: Any, values: Sequence[Any], dtype: str, place: Place) -> Any:
    found, zoned = to_datetimes(as_list(values), place, zoned="," in dtype if dtype.startswith("datetime64") else None)
    series = pd.Series(found)
    if zoned:
        series = series.dt.tz_localize("UTC")
    return series.astype(dtype) if dtype.startswith("datetime64") else series


def _categorical(pd: Any, values: Sequence[Any], categories: tuple[Any, ...], place: Place) -> Any:
    """Return the values as the model's categories. Null is missing; another value is refused."""
    codes = category_codes(values, categories, place)
    return pd.Categorical.from_codes(array_of(codes, np.intp), categories=pd.Index(categories))
