"""MLflow's `MLmodel` → the signature of the model's inputs.

MLmodel is YAML that MLflow writes. The signature's inputs are JSON in one of its scalars, so this reads that scalar and
needs no YAML parser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from server.errors import ModelError
from server.model.evidence import Signature, SignatureColumn
from server.schema import Kind

INPUTS = re.compile(
    r"^signature:[^\n]*\n(?:[ \t]+[^\n]*\n)*?[ \t]+inputs:[ \t]*(?P<scalar>'(?:[^']|'')*')", re.MULTILINE
)
"""The scalar under `signature: inputs:`. PyYAML writes JSON in single quotes, because it begins with a bracket."""

FOLD = re.compile(r"[ \t]*\n[ \t]*")

TYPES: Mapping[str, tuple[Kind, str]] = {
    "boolean": (Kind.BOOLEAN, "bool"),
    "integer": (Kind.INTEGER, "int32"),
    "long": (Kind.INTEGER, "int64"),
    "float": (Kind.NUMBER, "float32"),
    "double": (Kind.NUMBER, "float64"),
    "string": (Kind.STRING, ""),
    "datetime": (Kind.DATETIME, "datetime64[ns]"),
}
"""MLflow's types of a column. Its others, such as `binary` and arrays, say nothing that can be used here."""


def read_signature(content: bytes) -> Signature | None:
    """Return the signature in an MLmodel file, or None where it has none.

    Raises:
        ModelError: the signature is of a form that MLflow does not write.

    """
    found = INPUTS.search(content.decode("utf-8", "replace") + "\n")
    if found is None:
        return None
    try:
        inputs = orjson.loads(_unfolded(found["scalar"]))
    except orjson.JSONDecodeError as error:
        raise ModelError(f"the signature's inputs are not JSON: {error}") from error
    if not isinstance(inputs, list) or not inputs or not all(isinstance(item, dict) for item in inputs):
        raise ModelError("the signature's inputs are not a list of columns")
    return _tensor(inputs) if inputs[0].get("type") == "tensor" else Signature(tuple(map(_column, inputs)))


def _unfolded(scalar: str) -> str:
    """Return a scalar of YAML in single quotes as its text: a line break is a space, and two quotes are one."""
    return FOLD.sub(" ", scalar[1:-1]).replace("''", "'")


def _column(item: Mapping[str, Any]) -> SignatureColumn:
    kind, dtype = TYPES.get(str(item.get("type")), (Kind.ANY, ""))
    required = not (item.get("required") is False or item.get("optional") is True)
    return SignatureColumn(str(item.get("name") or ""), kind, dtype, required)


def _tensor(inputs: list[Any]) -> Signature | None:
    """Return a signature of one tensor; several named tensors are no input of scikit-learn."""
    specification = inputs[0].get("tensor-spec")
    if len(inputs) != 1 or not isinstance(specification, dict):
        return None
    shape = specification.get("shape")
    if not isinstance(shape, list) or len(shape) != 2 or not isinstance(shape[1], int):  # noqa: PLR2004 - rows, features
        return None
    return Signature((), str(specification.get("dtype")), shape[1] if shape[1] > 0 else None)
