"""Steps over very many Python objects, taken a part at a time. Pure.

NumPy, a comprehension in C such as `set(map(type, values))`, and the release of a long list keep the interpreter until
they end: over a million values for 10 to 200 ms. No other thread runs meanwhile, and no health check is answered. Each
function here returns what the one long step would return, made of parts of about 1 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Generic, TypeVar

import numpy as np

Array = np.ndarray[Any, Any]
Item = TypeVar("Item")
Made = TypeVar("Made")

STEP = 16 * 1024
"""Values of one step. To make, convert or release as many objects takes about 1 ms."""


def in_steps(values: Any, width: int = 1) -> Iterable[Any]:
    """Return parts of a sequence or an array, each of about STEP values, where an item has `width` values."""
    most = max(1, STEP // max(1, width))
    if len(values) <= most:
        return (values,)
    return (values[start : start + most] for start in range(0, len(values), most))


def types_of(values: Sequence[Any]) -> set[type]:
    """Return the types of the values."""
    found: set[type] = set()
    for part in in_steps(values):
        found.update(map(type, part))
    return found


def mapped(call: Callable[[Any], Made], values: Sequence[Any]) -> list[Made]:
    """Return the list of what a function in C returns for each value."""
    found: list[Made] = []
    for part in in_steps(values):
        found += map(call, part)
    return found


def array_of(values: Sequence[Any], dtype: Any = None, width: int = 1) -> Array:
    """Return `np.array(values, dtype)` of values that are no arrays. Without a dtype it is the one that suits all.

    Raises what NumPy raises.
    """
    if len(values) * width <= STEP:
        return np.array(values, dtype)
    parts = [np.array(part, dtype) for part in in_steps(values, width)]
    return np.concatenate(parts)


def objects_of(values: Sequence[Any]) -> Array:
    """Return a flat array of these very objects: a list among them stays one."""
    found = np.empty(len(values), dtype=object)
    for into, part in zip(in_steps(found), in_steps(values), strict=True):
        into[:] = np.fromiter(part, object, len(part))  # the list itself would be read as a matrix if it holds lists
    return found


def list_of(values: Array) -> list[Any]:
    """Return `values.tolist()`."""
    if values.size <= STEP:
        return values.tolist()  # type: ignore[no-any-return]
    width = values.size // len(values)
    return list(chain.from_iterable(part.tolist() for part in in_steps(values, width)))


def columns_of_rows(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Return the columns of rows of this width."""
    columns: list[list[Any]] = [[] for _ in range(width)]
    for part in in_steps(rows, width):
        for column, values in zip(columns, zip(*part, strict=True), strict=True):
            column.extend(values)
    return columns


# ---- the release of what is long --------------------------------------------------------------------------------


class Released(Generic[Item]):
    """A context with a JSON value, whose long lists are emptied at the end: nothing may refer to them any more.

    A class, because each request enters it: a generator would take 2 µs more.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Item) -> None:
        self._value = value

    def __enter__(self) -> Item:
        """Return the value."""
        return self._value

    def __exit__(self, *_: object) -> None:
        """Empty its long lists."""
        _release(self._value)


def _release(value: Any) -> None:
    """Empty the long lists in objects, and in lists of objects. A list in a list may be a row, which is kept."""
    if isinstance(value, dict):
        for inner in value.values():
            _release(inner)
    elif isinstance(value, list) and len(value) > STEP:
        while value:
            del value[-STEP:]
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for inner in value:
            _release(inner)
