"""Rows and columns in all their forms → model input; and, where that fails, what is wrong and where. Pure.

Nothing here is on the short way of a well-formed matrix of numbers, so it may look at each value by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.dataframe import dataframe
from server.inputs.matrix import checked, quick
from server.schema import Kind, Schema, Takes

NAMES_SHOWN = 6
HINT = "such as [[1.0, 2.0]]"
LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes beside what they say: some questions are cheap to ask of bytes only."""

    raw: bytes
    document: dict[str, Any]

    def has_no_strings(self) -> bool:
        """Whether the keys of the document itself are the only strings in it."""
        return self.raw.count(b'"') == 2 * len(self.document)

    def may_repeat(self, rows: int, names: Sequence[str]) -> bool:
        """Whether a name may stand twice in one object, which no dict can show.

        Without repetition there is one colon for each name; where a colon more could hide (in a value, or behind an
        escape) the answer is yes, and the bytes must be parsed again by something that sees repetitions.
        """
        keys = sum(1 + key.count(":") for key in self.document)
        expected = keys + rows * sum(1 + name.count(":") for name in names)
        return self.raw.count(b":") != expected or b"\\" in self.raw


def slow(data: Any, schema: Schema, place: str, body: Body) -> Any:
    """Rows as the model takes them.

    Raises:
        InputError: names the problem and its place, such as `data[0][2]`.

    """
    if not isinstance(data, list):
        raise InputError(f"{place} is {kind_of(data)}; expected a list of rows, {HINT}")
    if not data:
        raise InputError(f"{place} is empty; give at least one row")
    if schema.takes is Takes.TEXTS:
        return texts(data, place)
    if isinstance(data[0], dict):
        return assembled(_by_name(data, schema, place, body), schema, place)
    _check_form(data, schema, place)
    return assembled(data, schema, place)


def assembled(rows: list[list[Any]], schema: Schema, place: str) -> Any:
    """Rows of equal and right length, in the model's order, as the model takes them."""
    X = quick(rows, schema, plain=False) if schema.takes is Takes.NUMBERS else None
    if X is not None:
        return X
    kinds = schema.kinds or (Kind.NUMBER,) * len(rows[0])
    for index, row in enumerate(rows):
        for column, value in enumerate(row):
            _check_value(value, kinds[column], f"{place}[{index}][{column}]", schema)
    if schema.takes is Takes.FRAME:
        return dataframe(list(zip(*rows, strict=True)), schema)
    if schema.takes is Takes.OBJECTS:
        return np.array(rows, dtype=object)
    return checked(np.array(rows, dtype=np.float64), schema, place)


def texts(data: list[Any], place: str) -> np.ndarray[Any, Any]:
    """One string a row; a row may also be a list of one string."""
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
    return "numbers" if schema.takes is Takes.NUMBERS else "values"


def check_width(width: int, schema: Schema, place: str) -> None:
    if schema.features is None or width == schema.features:
        return
    names = shown(schema.names)
    raise InputError(f"{place} has {width} values; the model takes {schema.features}" + (f": {names}" if names else ""))


def shown(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")


def _check_value(value: Any, kind: Kind, place: str, schema: Schema) -> None:
    """Nothing else than numbers, strings and null passes; null where a DataFrame or the model can take it."""
    if value is None:
        if schema.takes is Takes.NUMBERS and not schema.allows_missing:
            raise InputError(f"{place} is null; a number is needed and this model takes no missing values")
    elif isinstance(value, int | float):
        if kind is Kind.STRING:
            raise InputError(f"{place} is {kind_of(value)}; a string is needed")
        if abs(value) > LARGEST:
            raise InputError(f"{place} is too large for a 64-bit number")
    elif not isinstance(value, str) or kind is Kind.NUMBER:
        raise InputError(f"{place} is {kind_of(value)}; a {kind if kind is not Kind.ANY else 'value'} is needed")


def _by_name(data: list[Any], schema: Schema, place: str, body: Body) -> list[list[Any]]:
    """Objects by feature name → lists in the model's order."""
    if not schema.names:
        raise InputError(f"{place}[0] is an object, but the model knows no names: give lists of values")
    if len(set(schema.names)) < len(schema.names):
        raise InputError(f"{place}[0] is an object, but some of the model's names repeat: give lists of values")
    ordered = [_in_order(row, schema, f"{place}[{index}]") for index, row in enumerate(data)]
    if body.may_repeat(len(data), schema.names):
        refuse_repeated(body.raw)
    return ordered


def _in_order(row: Any, schema: Schema, place: str) -> list[Any]:
    if not isinstance(row, dict):
        raise InputError(f"{place} is {kind_of(row)}; expected an object by feature name, as before it")
    try:
        ordered = [row[name] for name in schema.names]
    except KeyError:
        ordered = []
    if len(ordered) != len(row) or not ordered:
        order(list(row), schema, place)
    return ordered


def order(names: Sequence[Any], schema: Schema, place: str) -> list[int]:
    """Where each of the model's features is among `names`; a model without names takes them as they come.

    Raises:
        InputError: names what is missing, unknown or doubled.

    """
    if not schema.names:
        check_width(len(names), schema, place)
        return list(range(len(names)))
    where = {name: index for index, name in enumerate(names)}
    doubled = [name for index, name in enumerate(names) if where[name] != index]
    unknown = [str(name) for name in where if name not in schema.names]
    missing = [name for name in schema.names if name not in where]
    for problem, found in (("repeats", doubled), ("has unknown", unknown), ("lacks", missing)):
        if found:
            raise InputError(f"{place} {problem} {shown(_quoted(found))}; the model takes {shown(schema.names)}")
    return [where[name] for name in schema.names]


def _quoted(names: Iterable[str]) -> list[str]:
    return [f"'{name}'"[:100] for name in names]


def refuse_repeated(raw: bytes) -> None:
    """Parse once more, by the parser that shows an object's every name."""
    try:
        json.loads(raw, object_pairs_hook=_without_repetition)
    except RecursionError as error:
        raise InputError("the body is nested too deeply") from error


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise InputError(f"the name '{doubled}' stands twice in one object")
    return found


def kind_of(value: Any) -> str:
    names = {type(None): "null", bool: "a boolean", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")
