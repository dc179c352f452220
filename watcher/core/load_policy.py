"""The operator's demand that models are loaded as data, which the values.yaml of a user cannot loosen. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from watcher.errors import Rejected

ALL = "*"
"""In place of the names of namespaces: every namespace."""

DATA = "data"


def demand(data_only: frozenset[str], namespace: str) -> dict[str, Any]:
    """Return the chart values that the operator demands in a namespace: none, or `server.load: data`."""
    return {"server": {"load": DATA}} if data_only & {ALL, namespace} else {}


def check_not_loosened(demanded: Mapping[str, Any], chosen: Mapping[str, Any], setter: Callable[[str], str]) -> None:
    """Raise Rejected if the chosen values load a model in another way than the operator's demand.

    They demand data, or which names a model may have (`server.codeAllow`). `setter` returns which file sets a path.
    """
    if _server(demanded, "codeAllow") != _server(chosen, "codeAllow"):
        advice = "the operator of this KubeServe decides what models may name: remove it"
        raise Rejected("LoadLoosened", f"{setter('server.codeAllow')}: server.codeAllow is changed; {advice}")
    load = _server(chosen, "load")
    if _server(demanded, "load") == DATA != load:
        advice = f"the operator of this KubeServe loads models as data only: remove server.load, or set it to {DATA}"
        raise Rejected("LoadLoosened", f"{setter('server.load')}: server.load is {load or 'not set'}; {advice}")


def _server(values: Mapping[str, Any], name: str) -> str:
    return str((values.get("server") or {}).get(name) or "")
