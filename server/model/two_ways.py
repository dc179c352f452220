"""A model loaded as data, compared with the same file loaded as code: the schema, and every answer to random rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from server.errors import first_line
from server.model.load_policy import LoadPolicy
from server.model.loader import LoadedModel, load
from server.model.probe_rows import random_rows, sent_rows_to_input
from server.model.value_kinds import NUMERIC_KINDS
from server.schema import InputForm, Kind, Schema

ROWS = 256
OWN_FIELDS = ("named_table", "example_answers")
"""The fields of a schema that differ by the way: the type of a table, and arrays, which are compared as answers."""


def differences(data: LoadedModel, path: Path, example: Path | None = None) -> list[str]:
    """Return in words what differs if the file is loaded as code, which runs it; nothing if all is equal.

    Raises:
        ModelError: it cannot be loaded as code.

    """
    code = load(path, example=example, policy=LoadPolicy.CODE)
    found = [field.name for field in fields(Schema) if field.name not in OWN_FIELDS]
    found = [name for name in found if getattr(data.schema, name) != getattr(code.schema, name)]
    return [*(f"the schema's {name}" for name in found), *_different_answers(data, code)]


def _different_answers(data: LoadedModel, code: LoadedModel) -> Iterator[str]:
    rows = rows_of(data.schema)
    for name in sorted(data.methods.keys() & code.methods.keys()):
        for count in (1, len(rows)) if rows else ():
            if not same(_answer(data, name, rows[:count]), _answer(code, name, rows[:count])):
                yield f"{name} of {count} random row{'' if count == 1 else 's'}"


def rows_of(schema: Schema) -> list[Any]:
    """Return random rows as a client would send them: the example's, with other numbers in columns of numbers."""
    if not schema.example_row:
        return []
    if not schema.columns or schema.form is InputForm.AS_SENT:
        return [schema.example_as_sent]
    kinds = schema.kinds or (Kind.NUMBER,) * len(schema.columns)
    plain = [dtype not in ("category", "int64") for dtype in schema.dtypes or (schema.dtype,) * len(kinds)]
    rows = []
    for numbers in random_rows(len(kinds), ROWS).tolist():
        row = list(schema.example_row)
        for index, kind in enumerate(kinds):
            if kind in NUMERIC_KINDS:
                row[index] = numbers[index] if kind is Kind.NUMBER and plain[index] else row[index]
        rows.append(row)
    return rows


def _answer(model: LoadedModel, name: str, rows: list[Any]) -> Any:
    """Return the answer, or what refuses the rows."""
    try:
        X = sent_rows_to_input(rows, replace(model.schema, allows_missing=True), "data")
        return model.methods[name].call(X)
    except Exception as error:  # noqa: BLE001 - the model's own code may raise anything
        return type(error).__name__, first_line(error)


def same(one: Any, other: Any) -> bool:
    """Return whether two answers are equal to the last bit; NaN equals NaN."""
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    one, other = (each.toarray() if hasattr(each, "toarray") else each for each in (one, other))
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return bool(one == other)
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype.kind != "f":
        return bool((one == other).all())
    nan = np.isnan(one)
    return bool((nan == np.isnan(other)).all()) and one[~nan].tobytes() == other[~nan].tobytes()
