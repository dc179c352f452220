"""The Open Inference Protocol's metadata: the server, and the inputs and outputs of its model. Pure."""

from __future__ import annotations

from typing import Any

from server.protocols import open_inference, tensors
from server.schema import METHODS, InputForm, Kind, Schema


def server_metadata(version: str) -> dict[str, Any]:
    return {"name": "kubeserve", "version": version, "extensions": [open_inference.EXTENSION]}


def model_metadata(schema: Schema, model: str, version: str, library: str) -> dict[str, Any]:
    """Return the model's inputs and outputs as its schema has them."""
    return {
        "name": model,
        "versions": [version] if version else [],
        "platform": f"{library.partition(' ')[0] or 'python'}_joblib",
        "inputs": _inputs(schema),
        "outputs": [tensor for name in METHODS if name in schema.methods for tensor in _outputs(name, schema)],
        "parameters": {"feature_names": schema.names, "classes": schema.classes},
    }


def _inputs(schema: Schema) -> list[dict[str, Any]]:
    if schema.form is InputForm.MATRIX:
        return [{"name": "input", "datatype": "FP64", "shape": [-1, schema.features or -1]}]
    if schema.form is InputForm.TEXTS:
        return [{"name": "input", "datatype": tensors.BYTES, "shape": [-1]}]
    return [
        {"name": name, "datatype": tensors.BYTES if kind is Kind.STRING else "FP64", "shape": [-1]}
        for name, kind in zip(schema.columns, schema.kinds, strict=True)
    ]


def _outputs(method: str, schema: Schema) -> list[dict[str, Any]]:
    """Return the tensors of the example's answer; without an answer, one of numbers."""
    if method not in schema.example_answers:
        return [{"name": method, "datatype": "FP64", "shape": [-1]}]
    return [
        {"name": name, "datatype": tensors.with_datatype(values)[1], "shape": [-1, *values.shape[1:]]}
        for name, values in open_inference.arrays(method, schema.example_answers[method])
    ]
