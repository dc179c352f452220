"""How a user names a model, and what is said of a name that is not there. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from watcher.core.naming import model_problem, namespace_problem
from watcher.core.types import ModelId
from watcher.errors import Rejected

SHOWN = 5
"""Names. A longer list than that nobody reads."""


def model_named(text: str, namespace: str) -> ModelId:
    """Return the model that `MODEL` or `NAMESPACE/MODEL` names.

    Raises:
        Rejected: `InvalidKey`, it cannot be the name of a model; or no namespace is known.

    """
    given, slash, name = text.rpartition("/")
    if not slash and not namespace:
        raise Rejected(
            "InvalidKey", f"'{text}' has no namespace: say NAMESPACE/{text}, or --namespace, or set a context"
        )
    found = ModelId(given if slash else namespace, name)
    if problem := namespace_problem(found.namespace) or model_problem(found.name):
        raise Rejected("InvalidKey", problem)
    return found


def unknown_model(wanted: str, known: Iterable[str]) -> str:
    """Return the sentence for a model that is not there, with the nearest names that are."""
    return unknown("model", wanted, known)


def unknown(kind: str, wanted: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that is not there, with the nearest one, or with the first few."""
    names = sorted(set(known))
    nearest = difflib.get_close_matches(wanted, names, n=1)
    if nearest:
        return f"no {kind} '{wanted}'; did you mean '{nearest[0]}'?"
    if not names:
        return f"no {kind} '{wanted}': there is none"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"no {kind} '{wanted}': there are {', '.join(names[:SHOWN])}{more}"
