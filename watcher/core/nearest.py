"""What is said of a name that is not there: the nearest one that is. Pure."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 5
"""Names. A longer list than that nobody reads."""

COMPARED = 200
"""Characters of a name that are compared and shown. No name of ours is longer."""


def unknown_model(wanted: str, known: Iterable[str]) -> str:
    """Return the sentence for a model that is not there, with the nearest names that are.

    Its name is compared without the namespace, which would make all models of one namespace look alike: first with
    those of its namespace, then with the others.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - --help is quick without it

    names, wanted = sorted(set(known)), wanted[:COMPARED]
    namespace, _, name = wanted.rpartition("/")
    neighbours = [each for each in names if each.rpartition("/")[0] == namespace]
    for group in (neighbours, names):
        nearest = get_close_matches(name, {_bare(each) for each in group}, n=1)
        called = [each for each in group if _bare(each) in nearest]
        if found := get_close_matches(wanted, called, n=1, cutoff=0):
            return _nearest("model", wanted, found[0])
    return _first_few("model", wanted, neighbours or names)


def unknown(kind: str, wanted: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that is not there, with the nearest one, or with the first few."""
    from difflib import get_close_matches  # noqa: PLC0415 - as above

    names, wanted = sorted(set(known)), wanted[:COMPARED]
    nearest = get_close_matches(wanted, names, n=1)
    return _nearest(kind, wanted, nearest[0]) if nearest else _first_few(kind, wanted, names)


def _bare(model: str) -> str:
    return model.rpartition("/")[2]


def _nearest(kind: str, wanted: str, found: str) -> str:
    return f"no {kind} '{wanted}'; did you mean '{found}'?"


def _first_few(kind: str, wanted: str, names: list[str]) -> str:
    if not names:
        return f"no {kind} '{wanted}': there is none"
    if len(names) == 1:
        return f"no {kind} '{wanted}': there is only {names[0]}"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"no {kind} '{wanted}': there are {', '.join(names[:SHOWN])}{more}"
