"""What is said of a name that is not there: the nearest one that is. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SHOWN = 5
"""Names. A longer list than that nobody reads."""

COMPARED = 200
"""Characters of a name that are compared and shown. No name of ours is longer."""


def unknown_model(wanted: str, known: Iterable[str]) -> str:
    """Return the sentence for a model that is not there, with the nearest names that are."""
    return unknown("model", wanted, known)


def unknown(kind: str, wanted: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that is not there, with the nearest one, or with the first few."""
    names, wanted = sorted(set(known)), wanted[:COMPARED]
    nearest = difflib.get_close_matches(wanted, names, n=1)
    if nearest:
        return f"no {kind} '{wanted}'; did you mean '{nearest[0]}'?"
    if not names:
        return f"no {kind} '{wanted}': there is none"
    if len(names) == 1:
        return f"no {kind} '{wanted}': there is only {names[0]}"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"no {kind} '{wanted}': there are {', '.join(names[:SHOWN])}{more}"
