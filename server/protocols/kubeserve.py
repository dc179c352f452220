"""KubeServe's own: `{"data": [[…]]}` → `{"predictions": […]}`."""

from __future__ import annotations

from typing import Any

from server.protocols.json_payload import encode, json_bytes, parse, plain
from server.schema import Schema

__all__ = ["encode", "parse", "probabilities"]


def probabilities(answer: Any, schema: Schema) -> bytes:
    """One row of probabilities for each row of data, in the order of `classes`."""
    return json_bytes({"probabilities": plain(answer), "classes": schema.classes})
