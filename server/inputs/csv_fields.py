"""The fields of a CSV, which are text → the values that a JSON request would have. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.inputs.columns import Column, columns_of
from server.schema import InputForm, Kind, Schema

BOOLEANS = {"true": True, "false": False}
"""In small letters: Python and R write `True` and `TRUE`."""


def columns_of_header(header: Sequence[str], schema: Schema) -> list[Column]:
    """Return what the model has in each of the CSV's columns. An unknown name may hold anything."""
    if schema.form in (InputForm.DICTS, InputForm.AS_SENT):
        return [Column()] * len(header)
    known = columns_of(schema, schema.features or len(header))
    if not schema.names:
        return [known[index] if index < len(known) else Column() for index in range(len(header))]
    by_name = dict(zip(schema.names, known, strict=True))
    return [by_name.get(name, Column()) for name in header]


def typed_fields(fields: Sequence[str], column: Column) -> list[Any]:
    """Return the values of one column. An empty field is None.

    A field that is none of the model's kind stays text, and is refused later with its place. Where the kind is not
    known, the whole column must be numbers or booleans; otherwise it is text, as pandas reads it.
    """
    if column.kind in (Kind.STRING, Kind.DATETIME) or _has_text_categories(column):
        return [field or None for field in fields]
    if column.kind is not Kind.ANY:
        return [_number_boolean_or_text(field) for field in fields]
    if {field.lower() for field in fields if field} <= BOOLEANS.keys():
        return [BOOLEANS.get(field.lower()) for field in fields]
    try:
        return [to_number(field) for field in fields]
    except ValueError:
        return [field or None for field in fields]


def _has_text_categories(column: Column) -> bool:
    return any(isinstance(category, str) for category in column.categories)


def _number_boolean_or_text(field: str) -> float | str | None:
    try:
        return to_number(field)
    except ValueError:
        return BOOLEANS.get(field.lower(), field)


def to_number(field: str) -> float | int | None:
    """Return the number that the text stands for, None for no text. Raise ValueError for any other text.

    `1_000` is other text: to Python it is a number, to pandas and to people it may be a name.
    """
    if not field:
        return None
    if "_" in field:
        raise ValueError(field)
    try:
        return int(field)
    except ValueError:
        return float(field)
