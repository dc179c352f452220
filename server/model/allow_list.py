"""Which classes and functions a model that is loaded as code may name: `--code-allow` (docs/adr/0035). Pure.

It is a tripwire, no boundary: what is on the list may do more than its name says. Only `--load data` is a boundary.
"""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from dataclasses import dataclass

from server.errors import ModelError
from server.model.known_names import known_names

KNOWN = "known"
"""The word for all of `known_names`."""

OLD_PROTOCOLS = 3
"""Pickles before this protocol may have the names of Python 2, which are those of Python 3 for whoever loads them."""

MAX_SHOWN = 150
"""Characters of a name from the file that are shown."""


class NotAllowedError(ModelError):
    """The file names a class or a function that is not on the operator's list."""

    def __init__(self, file: str, name: str) -> None:
        setting = "its operator allows it by server.codeAllow (--code-allow)"
        super().__init__(f"{file} names {name[:MAX_SHOWN]}, which models may not name here: {setting}")


@dataclass(frozen=True, slots=True)
class AllowList:
    """The full names that a file may have, such as `sklearn.pipeline.Pipeline`."""

    names: frozenset[str]

    def require(self, name: str, file: str) -> None:
        """Raise NotAllowedError unless the name is on the list."""
        if name not in self.names:
            raise NotAllowedError(file, name)


def allow_list(text: str) -> AllowList | None:
    """Return the list of `--code-allow`, names with commas between them; None for an empty one, which allows all."""
    items = {item.strip() for item in text.split(",")} - {""}
    known = known_names() if KNOWN in items else frozenset[str]()
    return AllowList(known.union(items)) if items else None


def full_name(module: str, name: str, protocol: int) -> str:
    """Return the full name under which a pickle of this protocol looks up a class, as Python's own unpickler does."""
    if protocol < OLD_PROTOCOLS:
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
    return f"{module}.{name}"
