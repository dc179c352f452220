"""Feature names and their order: what a request gives → the model's own order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.errors import InputError
from server.inputs.wording import kind_of, listed, quoted_names
from server.schema import Schema

EXTRA_COLUMNS = "--extra-columns ignore leaves them out"


def check_width(width: int, schema: Schema, place: str) -> None:
    """Raise InputError if a row of this many values does not fit the model."""
    if schema.features is None or width == schema.features:
        return
    names = listed(schema.names)
    raise InputError(f"{place} has {width} values; the model takes {schema.features}" + (f": {names}" if names else ""))


def positions(names: Sequence[str], schema: Schema, place: str) -> list[int | None]:
    """Return where each of the model's features is among `names`; a model without names takes them in their order.

    A feature that the model drops may be absent: its position is then None. Names that the model does not know are
    refused, or left out where the schema ignores extra columns.

    Raises:
        InputError: names what is missing, unknown or repeated.

    """
    if not schema.names:
        check_width(len(names), schema, place)
        return list(range(len(names)))
    takes = f"the model takes {listed(schema.names)}"
    refuse_repeats(names, place, f"; {takes}")
    where = {name: index for index, name in enumerate(names)}
    known = set(schema.names)  # not the tuple: a request may have 100,000 names, and the model 10,000
    unknown = [] if schema.ignores_extra_columns else [name for name in where if name not in known]
    lacking = [name for name in schema.names if name not in where and name not in schema.unused]
    if unknown:
        hint = "" if lacking else f" ({EXTRA_COLUMNS})"
        raise InputError(f"{place} has unknown {quoted_names(unknown)}; {takes}{hint}")
    if lacking:
        raise InputError(f"{place} lacks {quoted_names(lacking)}; {takes}")
    return [where.get(name) for name in schema.names]


def refuse_repeats(names: Sequence[str], place: str, hint: str = "") -> None:
    """Raise InputError if a name is given twice."""
    last = {name: index for index, name in enumerate(names)}
    if len(last) < len(names):
        repeated = (name for index, name in enumerate(names) if last[name] != index)
        raise InputError(f"{place} repeats {quoted_names(repeated)}{hint}")


def objects_in_order(data: list[Any], schema: Schema, place: str) -> list[list[Any]]:
    """Return objects by feature name as lists in the model's order. An absent feature that the model drops is None.

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
        return [row.get(name) for name in schema.names]
    return ordered
