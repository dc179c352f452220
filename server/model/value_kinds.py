"""The kinds of values: what an example's values have in common, and a value of each kind for an invented row. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from server.schema import Kind

NUMERIC_KINDS = (Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN)

INVENTED: Mapping[Kind, Any] = {
    Kind.STRING: "text",
    Kind.INTEGER: 0,
    Kind.BOOLEAN: False,
    Kind.DATETIME: "2026-01-01T00:00:00",
}
"""A value of each kind for an invented row; of all others 0.0."""


def kind_of_values(values: Sequence[Any]) -> Kind:
    """Return the kind that all values but the missing ones have; ANY where they differ."""
    present = [value for value in values if value is not None]
    if not present:
        return Kind.ANY
    if all(isinstance(value, bool) for value in present):
        return Kind.BOOLEAN
    if all(isinstance(value, str) for value in present):
        return Kind.STRING
    if all(isinstance(value, int) and not isinstance(value, bool) for value in present):
        return Kind.INTEGER
    return Kind.NUMBER if all(isinstance(value, int | float) for value in present) else Kind.ANY


def invented_value(kind: Kind) -> Any:
    """Return a value of this kind for an invented row."""
    return INVENTED.get(kind, 0.0)
