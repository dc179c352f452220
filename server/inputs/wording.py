"""Words for error texts. Each is short and on one line, whatever a client has sent. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

MAX_NAMES = 6
MAX_CHARACTERS = 100
"""Of a client's string that is repeated in an error text."""

KINDS = {type(None): "null", bool: "a boolean", str: "a string", list: "a list", dict: "an object"}

Place = Callable[[int], str]
"""What error texts call the value of a row in one column."""

Cell = Callable[[int, int], str]
"""What error texts call the value of a row and a column, by their numbers in the model's input."""


def cell_of_row(place: str) -> Cell:
    """Return the names of values in rows that are lists: `data[0][2]`."""
    return lambda row, column: f"{place}[{row}][{column}]"


def cell_of_object(place: str, names: Sequence[str]) -> Cell:
    """Return the names of values in rows that are objects: `data[0]['age']`."""
    return lambda row, column: f"{place}[{row}][{quoted(names[column])}]"


def cell_of_column(place: str, names: Sequence[str]) -> Cell:
    """Return the names of values in columns by name: `inputs['age'][0]`."""
    return lambda row, column: f"{place}[{quoted(names[column])}][{row}]"


def in_column(cell: Cell, column: int) -> Place:
    """Return the names of the values in one column."""
    return lambda row: cell(row, column)


def kind_of(value: Any) -> str:
    """Return what JSON calls this value: "a string", "a list" and so on."""
    return KINDS.get(type(value), "a number")


def quoted(text: Any) -> str:
    """Return the start of a string in quotes, with line breaks escaped; of anything else return its kind."""
    if not isinstance(text, str):
        return kind_of(text)
    return repr(text[:MAX_CHARACTERS]) + ("…" if len(text) > MAX_CHARACTERS else "")


def quoted_names(names: Iterable[str]) -> str:
    """Return the first names of a request in quotes, or "nothing" where there are none."""
    first = [quoted(name) for name in islice(names, MAX_NAMES + 1)]
    return _joined(first) or "nothing"


def listed(names: Sequence[str]) -> str:
    """Return the first names of a model, which need no quotes."""
    return _joined(names[: MAX_NAMES + 1])


def shown(value: Any) -> str:
    """Return a short form of any JSON value: the start of a string in quotes, a number, or the kind of all others."""
    return str(value)[:20] if type(value) in (int, float) else quoted(value)


def _joined(names: Sequence[str]) -> str:
    return ", ".join(names[:MAX_NAMES]) + (", …" if len(names) > MAX_NAMES else "")


def numbers(values: Iterable[Any]) -> str:
    """Return a short list of numbers, such as a shape, with the kind of whatever is not a number."""
    return f"[{', '.join(str(value)[:20] if isinstance(value, int | float) else kind_of(value) for value in values)}]"
