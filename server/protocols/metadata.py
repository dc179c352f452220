"""The Open Inference Protocol's metadata: the server, and the inputs and outputs of its model. Pure."""

from __future__ import annotations

from typing import Any

from server.inputs.columns import columns_of
from server.protocols import open_inference, tensors
from server.schema import METHODS, InputForm, Kind, Schema

COLUMNAR = (InputForm.DATAFRAME, InputForm.OBJECTS)
"""The forms that have a tensor for each column."""

MATRIX_DATATYPES = {"float64": "FP64", "float32": "FP32", "int64": "INT64"}
DATATYPES = {Kind.STRING: tensors.BYTES, Kind.DATETIME: tensors.BYTES, Kind.INTEGER: "INT64", Kind.BOOLEAN: "BOOL"}
ALWAYS_SHOWN = ("feature_names", "classes", "input_form", "input_evidence")


def server_metadata(version: str) -> dict[str, Any]:
    return {"name": "kubeserve", "version": version, "extensions": [open_inference.EXTENSION]}


def model_metadata(schema: Schema, model: str, version: str, library: str, loaded: str = "code") -> dict[str, Any]:
    """Return the model's inputs and outputs as its schema has them. `loaded` is `data` or `code`."""
    return {
        "name": model,
        "versions": [version] if version else [],
        "platform": f"{library.partition(' ')[0] or 'python'}_joblib",
        "inputs": inputs(schema),
        "outputs": [tensor for name in METHODS if name in schema.methods for tensor in _outputs(name, schema)],
        "parameters": {**_parameters(schema), "loaded": loaded},
    }


def _parameters(schema: Schema) -> dict[str, Any]:
    """Return what the protocol has no field for. What is not known is left out."""
    categories = dict(zip(schema.columns, schema.categories, strict=False))
    found = {
        "feature_names": schema.names,
        "classes": schema.classes,
        "input_form": schema.form.value,
        "input_evidence": schema.evidence.value,
        "dtypes": {name: dtype for name, dtype in zip(schema.columns, schema.dtypes, strict=False) if dtype},
        "categories": {name: values for name, values in categories.items() if values},
        "unused_features": sorted(schema.unused),
    }
    return {name: value for name, value in found.items() if value or name in ALWAYS_SHOWN}


def inputs(schema: Schema) -> list[dict[str, Any]]:
    """Return one tensor for a matrix or for single values, and one for each column otherwise."""
    if schema.form is InputForm.MATRIX:
        return [{"name": "input", "datatype": MATRIX_DATATYPES[schema.dtype], "shape": [-1, schema.features or -1]}]
    if schema.form in COLUMNAR:
        return [
            {"name": name, "datatype": datatype_of(column.kind, column.dtype), "shape": [-1]}
            for name, column in zip(schema.columns, columns_of(schema, len(schema.columns)), strict=True)
        ]
    if schema.form is InputForm.AS_SENT:
        has_text = any(isinstance(value, str) for value in schema.example_row)
        datatype = tensors.BYTES if has_text else "FP64"
        return [{"name": "input", "datatype": datatype, "shape": [-1, schema.features or -1]}]
    shape = [-1, -1] if schema.form is InputForm.TOKENS else [-1]
    return [{"name": "input", "datatype": tensors.BYTES, "shape": shape}]


def datatype_of(kind: Kind, dtype: str) -> str:
    """Return the protocol's datatype for a column."""
    if kind is Kind.NUMBER:
        return "FP32" if dtype.lower() == "float32" else "FP64"
    return DATATYPES.get(kind, "FP64")


def _outputs(method: str, schema: Schema) -> list[dict[str, Any]]:
    """Return the tensors of the example's answer; without an answer, one of numbers."""
    if method not in schema.example_answers:
        return [{"name": method, "datatype": "FP64", "shape": [-1]}]
    return [
        {"name": name, "datatype": tensors.with_datatype(values)[1], "shape": [-1, *values.shape[1:]]}
        for name, values in open_inference.arrays(method, schema.example_answers[method])
    ]
