"""What a pickle describes, without making it: a record in place of each object, a name in place of each class.

A live object has a record too (`as_record`), so that an estimator's arithmetic is written once, whichever way the file
was loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.errors import ModelError


class Unreadable(ModelError):  # noqa: N818 - the opposite of a file that can be read
    """The file is damaged or no model file at all: loading it as code would fail too."""


class Unknown(Exception):  # noqa: N818 - not a fault: the file may be loaded as code instead
    """The model is not known as data; the message says which part of it, in words."""


@dataclass(frozen=True, slots=True)
class Name:
    """The full name of a class or a function. It is never looked up."""

    text: str
    """Such as `sklearn.pipeline.Pipeline`."""


@dataclass(slots=True, eq=False)
class Record:
    """An object that a pickle describes: which callable would make it, and what it would be given."""

    name: str
    """The full name of the callable."""
    args: tuple[Any, ...] = ()
    """Its arguments."""
    state: Any = None
    """What the object would be given after that; for an estimator the dict of its attributes."""
    items: list[Any] | None = None
    """What would be appended to it, if it is a kind of list."""
    pairs: dict[Any, Any] | None = None
    """What would be set in it, if it is a kind of dict."""
    live: bool = False
    """Whether it was made from a live object, by `as_record`."""


def name_of(value: Any) -> str:
    """Return the full name of the exact type that the object has, or would have."""
    if type(value) is Record:
        return value.name
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


def as_record(value: Any) -> Record:
    """Return the record of a live object; a record is returned as it is.

    This calls the object's own `__reduce_ex__`, so it is only for objects whose type is known by name.
    """
    if type(value) is Record:
        return value
    made = value.__reduce_ex__(2)
    kind, args, state, items, pairs = (*made, None, None, None)[:5]
    if kind.__module__ == "copyreg":  # `__newobj__` and `_reconstructor`, which make an object of their first argument
        kind, args = args[0], args[1:] if kind.__name__ == "__newobj__" else ()
    return Record(
        f"{kind.__module__}.{kind.__qualname__}",
        args,
        state,
        None if items is None else list(items),
        None if pairs is None else dict(pairs),
        live=True,
    )
