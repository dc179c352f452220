"""How a user names a model, and what is said of a name that is not there. Pure."""

from __future__ import annotations

from watcher.core.naming import model_problem, namespace_problem
from watcher.core.nearest import unknown, unknown_model
from watcher.core.types import ModelId
from watcher.errors import Rejected

__all__ = ["model_named", "unknown", "unknown_model"]


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
