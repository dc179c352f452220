"""One column of JSON values → an array of the column's own type, or the words for the value that does not suit. Pure.

One `null` means the same alone and beside other rows. In numbers it is NaN. In strings it is what the model was fitted
with: NaN, as pandas reads it from a file, or None.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.matrix import NUMBERS_AND_NULL, TOO_LARGE, plain, plain_but_nan, refuse_rounded
from server.inputs.wording import Place, kind_of
from server.schema import InputForm, Kind, Schema
from server.short_steps import array_of, list_of, objects_of, types_of

NAN = float("nan")
LARGEST = float(np.finfo(np.float64).max)
RIGHT_TYPES = {
    Kind.STRING: frozenset({str, type(None)}),
    Kind.DATETIME: frozenset({str, type(None)}),
    Kind.BOOLEAN: frozenset({bool, type(None)}),
}
"""The types that need no look at each value. A number may be too large, whatever its type."""
NEEDED = {
    Kind.NUMBER: "a number",
    Kind.INTEGER: "a number",
    Kind.STRING: "a string",
    Kind.DATETIME: "a date in ISO 8601, such as 2024-01-31T12:00:00,",
    Kind.BOOLEAN: "true or false",
    Kind.ANY: "a value",
}
KIND_OF_DTYPE = {
    "int": Kind.INTEGER,
    "uint": Kind.INTEGER,
    "float": Kind.NUMBER,
    "bool": Kind.BOOLEAN,
    "datetime": Kind.DATETIME,
    "str": Kind.STRING,
}
"""The kind of a column by the start of its dtype, in small letters: `Int64`, `boolean` and `string` of pandas too."""


@dataclass(frozen=True, slots=True)
class Column:
    """What the model has in one column."""

    kind: Kind = Kind.ANY
    dtype: str = ""
    categories: tuple[Any, ...] = ()
    null: Any = NAN
    """What null becomes in a column of strings."""


def columns_of(schema: Schema, count: int) -> list[Column]:
    """Return the model's columns, `count` of them where the schema does not say how many."""
    numbers = schema.features is not None or schema.form is InputForm.MATRIX
    plain_kind = Kind.NUMBER if numbers else Kind.ANY
    kinds = schema.kinds or (plain_kind,) * count
    dtypes = schema.dtypes or ("",) * count
    categories = schema.categories or ((),) * count
    nulls = [None if name in schema.null_is_none else NAN for name in schema.columns] or [NAN] * count
    return [
        Column(_more_exact(kind, dtype), dtype, found, null)
        for kind, dtype, found, null in zip(kinds, dtypes, categories, nulls, strict=True)
    ]


def _more_exact(kind: Kind, dtype: str) -> Kind:
    """Return the more exact of what kind and dtype say: a column of numbers may be one of integers."""
    return kind_of_dtype(dtype) or kind if kind in (Kind.ANY, Kind.NUMBER) else kind


def kind_of_dtype(dtype: str) -> Kind | None:
    """Return the kind of a column of this dtype; None where the dtype does not say."""
    return next((kind for start, kind in KIND_OF_DTYPE.items() if dtype.lower().startswith(start)), None)


def to_array(values: Sequence[Any], column: Column, place: Place) -> np.ndarray[Any, Any]:
    """Return the values as float64, int64, uint64, bool or object. Dates are not read here.

    Raises:
        InputError: names the first value that does not suit.

    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub" and column.kind in (Kind.NUMBER, Kind.ANY):
        return _wide(values, place)
    values = as_list(values)
    types = types_of(values)
    kind = column.kind if column.kind is not Kind.ANY else _kind_of_types(types)
    if kind in (Kind.NUMBER, Kind.INTEGER):
        return to_numbers(values, place, types, whole=kind is Kind.INTEGER)
    check_values(values, kind, place, types)
    if kind is Kind.BOOLEAN:
        return to_booleans(values)
    return to_objects(values, column.null)


def as_list(values: Sequence[Any]) -> Sequence[Any]:
    """Return an array's values as Python's own; anything else as it is."""
    return list_of(values) if isinstance(values, np.ndarray) else values


def _wide(values: np.ndarray[Any, Any], place: Place) -> np.ndarray[Any, Any]:
    """Return an array of numbers as float64, int64, uint64 or bool: pandas and scikit-learn expect native types."""
    for row in np.flatnonzero(np.isinf(values)) if values.dtype.kind == "f" else ():
        raise InputError(f"{place(int(row))} is {TOO_LARGE}")
    kinds = {"f": np.float64, "i": np.int64, "u": np.uint64 if values.dtype.itemsize == 8 else np.int64}  # noqa: PLR2004 - bytes
    return values.astype(kinds.get(values.dtype.kind, np.bool_), copy=False)


def _kind_of_types(types: set[type]) -> Kind:
    """Return what a column of these values holds, as pandas infers it."""
    if types <= {bool, type(None)} and bool in types:
        return Kind.BOOLEAN
    return Kind.NUMBER if types <= NUMBERS_AND_NULL else Kind.ANY


def check_values(values: Sequence[Any], kind: Kind, place: Place, types: set[type] | None = None) -> None:
    """Raise InputError for the first value that is not of this kind. Null is of every kind."""
    if (types_of(values) if types is None else types) <= RIGHT_TYPES.get(kind, frozenset()):
        return
    for row, value in enumerate(values):
        problem = _problem_of(value, kind)
        if problem:
            raise InputError(f"{place(row)} {problem}")


def _problem_of(value: Any, kind: Kind) -> str:
    """Return what is wrong with a value, or "" if it fits the kind."""
    is_number = isinstance(value, int | float)
    if is_number and kind in (Kind.NUMBER, Kind.INTEGER, Kind.ANY):
        return f"is {TOO_LARGE}" if abs(value) > LARGEST else ""
    fits = {
        Kind.STRING: isinstance(value, str),
        Kind.DATETIME: isinstance(value, str),
        Kind.BOOLEAN: is_number and value in (0, 1),
        Kind.ANY: isinstance(value, str),
    }
    return "" if value is None or fits.get(kind) else f"is {kind_of(value)}; {NEEDED[kind]} is needed"


def to_numbers(values: Sequence[Any], place: Place, types: set[type], *, whole: bool = False) -> np.ndarray[Any, Any]:
    """Return integers as int64 or uint64, and anything else as float64 with NaN for null.

    With `whole`, floats without a fraction are integers too: JavaScript does not tell them apart.
    """
    if not types <= NUMBERS_AND_NULL:
        check_values(values, Kind.NUMBER, place, types)
    found = _integers(values) if types <= {int, bool} else None
    if found is not None:
        return found
    try:
        found = array_of(values, np.float64)
    except OverflowError:  # an integer beyond any float
        check_values(values, Kind.NUMBER, place)
        raise
    if not plain_but_nan(found):
        check_values(values, Kind.NUMBER, place)
        refuse_rounded(values, place)
    if whole and plain(found) and bool((found == np.trunc(found)).all()):
        return found.astype(np.int64)
    return found


def _integers(values: Sequence[Any]) -> np.ndarray[Any, Any] | None:
    """Return integers as int64, or as uint64 where one needs it. None: no type has all of them."""
    for dtype in (np.int64, np.uint64):
        with contextlib.suppress(OverflowError):
            return array_of(values, dtype)
    return None


def to_booleans(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Return bool, or with a null an object array of True, False and NaN, as pandas reads it from a file."""
    if type(None) not in types_of(values):
        return array_of(values, np.bool_)
    return to_objects([value if value is None else bool(value) for value in values], NAN)


def to_objects(values: Sequence[Any], null: Any) -> np.ndarray[Any, Any]:
    """Return the values as they are, with `null` for each null."""
    has_null = type(None) in types_of(values)
    return objects_of([null if value is None else value for value in values] if has_null else values)
