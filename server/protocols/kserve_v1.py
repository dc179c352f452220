"""KServe's V1 protocol: `{"instances": …}` or `{"inputs": …}` → `{"predictions": …}`."""

from __future__ import annotations

from typing import Any

from server.errors import InputError
from server.inputs.json_rows import Body
from server.inputs.named_columns import from_mapping
from server.protocols.json_payload import document, encode, rows
from server.schema import Schema

__all__ = ["encode", "model_of", "read"]

EXAMPLE = '{"instances": [[1.0, 2.0]]}'
VERB = ":predict"


def model_of(segment: str) -> str | None:
    """The model of the path's last segment, `{model}:predict`; None for any other verb."""
    return segment.removesuffix(VERB) if segment.endswith(VERB) else None


def read(body: bytes, schema: Schema) -> Any:
    """The model's input. `inputs` may also be an object of columns by name, as TensorFlow Serving has it."""
    found = document(body, EXAMPLE)
    given = [key for key in ("instances", "inputs") if key in found]
    if len(given) != 1:
        there = "both" if given else ", ".join(f"'{key}'" for key in found)[:200] or "nothing"
        raise InputError(f"expected either 'instances' or 'inputs', such as {EXAMPLE}; found {there}")
    data = found[given[0]]
    if given == ["inputs"] and isinstance(data, dict):
        return from_mapping(data, schema, "inputs", Body(body, found))
    return rows(data, schema, given[0], Body(body, found))
