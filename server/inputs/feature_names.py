"""Feature names and their order: what a request gives → the model's own order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.errors import InputError
from server.inputs.wording import kind_of, listed, quoted_names
from server.schema import Schema


def check_width(width: int, schema: Schema, place: str) -> None:
    """Raise InputError if a row of this many values does not fit the model."""
    if schema.features is None or width == schema.features:
        return
    names = listed(schema.names)
    raise InputError(f"{place} has {width} values; the model takes {schema.features}" + (f": {names}" if names else ""))


def positions(names: Sequence[str], schema: Schema, place: str) -> list[int]:
    """Return where each of the model's features is among `names`; a model without names takes them in their order.

    Raises:
        InputError: names what is missing, unknown or repeated.

    """
    if not schema.names:
        check_width(len(names), schema, place)
        return list(range(len(names)))
    where = {name: index for index, name in enumerate(names)}
    known = set(schema.names)  # not the tuple: a request may have 100,000 names, and the model 10,000
    problems = {
        "repeats": [name for index, name in enumerate(names) if where[name] != index],
        "has unknown": [name for name in where if name not in known],
        "lacks": [name for name in schema.names if name not in where],
    }
    for problem, found in problems.items():
        if found:
            raise InputError(f"{place} {problem} {quoted_names(found)}; the model takes {listed(schema.names)}")
    return [where[name] for name in schema.names]


def objects_in_order(data: list[Any], schema: Schema, place: str) -> list[list[Any]]:
    """Return objects by feature name as lists in the model's order.

    Raises:
        InputError: the model has no names, or names the row that does not fit and why.

    """
    if not schema.names:
        raise InputError(f"{place}[0] is an object, but the model has no feature names: give lists of values")
    if len(set(schema.names)) < len(schema.names):
        raise InputError(f"{place}[0] is an object, but some of the model's names repeat: give lists of values")
    return [_in_order(row, schema, f"{place}[{index}]") for index, row in enumerate(data)]


def _in_order(row: Any, schema: Schema, place: str) -> list[Any]:
    if not isinstance(row, dict):
        raise InputError(f"{place} is {kind_of(row)}; expected an object by feature name, like the rows before it")
    try:
        ordered = [row[name] for name in schema.names]
    except KeyError:
        ordered = []
    if len(ordered) != len(row) or not ordered:
        positions(list(row), schema, place)
    return ordered
