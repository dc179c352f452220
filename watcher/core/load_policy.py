"""The operator's demand that models are loaded as data, which the values.yaml of a user cannot loosen. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watcher.errors import Rejected

ALL = "*"
"""In place of the names of namespaces: every namespace."""

DATA = "data"


def demand(data_only: frozenset[str], namespace: str) -> dict[str, Any]:
    """Return the chart values that the operator demands in a namespace: none, or `server.load: data`."""
    return {"server": {"load": DATA}} if data_only & {ALL, namespace} else {}


def check_not_loosened(demanded: Mapping[str, Any], chosen: Mapping[str, Any], source: str) -> None:
    """Raise Rejected if the operator's values demand data, and the chosen ones, which `source` sets, do not."""
    if _load_of(demanded) == DATA and _load_of(chosen) != DATA:
        raise Rejected(
            "LoadLoosened",
            f"{source}: server.load is {_load_of(chosen) or 'not set'}; the operator of this KubeServe loads models as "
            f"data only: remove server.load, or set it to {DATA}",
        )


def _load_of(values: Mapping[str, Any]) -> str:
    return str((values.get("server") or {}).get("load") or "")
