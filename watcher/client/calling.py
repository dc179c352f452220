"""The command that calls a model: its feature names and an example row, as the model itself documents them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from watcher.client.reach import Reach
from watcher.core.naming import object_name
from watcher.core.text import json_text, one_line
from watcher.core.types import ModelId
from watcher.errors import WatcherError

PREFERRED = ("/predict", "/transform")
SECONDS = 10.0
"""Seconds for the model's description of itself."""
LOCAL_PORT = 8080
MOST = 2000
"""Characters of a body. The example of a model with thousands of features fills no terminal."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that the model has documented."""

    path: str
    body: Any


def example_call(document: Mapping[str, Any]) -> Call | None:
    """Return the request that the model's OpenAPI document shows as an example; None if it shows none."""
    posts = {path: item["post"] for path, item in document.get("paths", {}).items() if "post" in item}
    for path in [*PREFERRED, *posts]:
        try:
            return Call(path, posts[path]["requestBody"]["content"]["application/json"]["example"])
        except (KeyError, TypeError):
            continue
    return None


def documented_call(reach: Reach) -> Call | None:
    """Return the request that a model documents; None if it cannot be asked, which is no failure of the model."""
    try:
        return example_call(json.loads(reach.request("GET", "/openapi.json", SECONDS).body))
    except (WatcherError, ValueError, AttributeError):
        return None


def curl(url: str, call: Call) -> str:
    """Return the command that sends the request, safe to paste; without a body that would fill the terminal."""
    body = json_text(call.body)
    data = shlex.quote(body) if len(body) <= MOST else "@rows.json"
    target = shlex.quote(one_line(f"{url.rstrip('/')}{call.path}"))  # the model's own document names the path
    return f"curl {target} -H 'Content-Type: application/json' -d {data}"


def port_forward(model: ModelId, port: int = LOCAL_PORT) -> list[str]:
    """Return the command that makes a model of a cluster reachable at a port of this machine."""
    return ["kubectl", "port-forward", f"service/{object_name(model)}", f"{port}:80", "-n", model.namespace]
