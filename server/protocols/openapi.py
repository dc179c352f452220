"""The OpenAPI document of one model: its features, its classes, and an example that it has answered. Pure."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import orjson

from server.protocols import metadata, open_inference, tensors
from server.protocols.json_answer import encode_json, json_ready
from server.schema import InputForm, Kind, Schema

Json = dict[str, Any]

VERSION = "3.1.0"
JSON_TYPES: dict[Kind, Any] = {
    Kind.NUMBER: "number",
    Kind.INTEGER: "integer",
    Kind.BOOLEAN: "boolean",
    Kind.STRING: "string",
    Kind.DATETIME: "string",
    Kind.ANY: ["number", "string", "boolean"],
}
VALUE_SCHEMAS: dict[InputForm, Json] = {
    InputForm.TEXTS: {"type": "string"},
    InputForm.DICTS: {"type": "object"},
    InputForm.TOKENS: {"type": "array", "items": {"type": "string"}},
}
"""The JSON schema of a row that is one value."""


def document(schema: Schema, model: str, version: str, library: str, explained: Json | None = None) -> Json:
    """Return the document as a dict, for `encode_json`. `explained` is the answer of /explain to the example."""
    return {
        "openapi": VERSION,
        "info": {
            "title": model,
            "version": version or "unversioned",
            "description": f"Predictions of one model ({library}), in the protocols of several servers.",
        },
        "paths": {
            **_kubeserve(schema),
            **(_explain(schema, explained) if explained else {}),
            **_kserve_v1(schema, model),
            **_open_inference(schema, model, version),
            **_mlflow(schema),
            **_operations(),
        },
        "components": {"schemas": {"Row": _row(schema), "Error": ERROR}},
    }


ERROR: Json = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
REF: Json = {"$ref": "#/components/schemas/Row"}
RETRY_AFTER: Json = {"Retry-After": {"description": "Seconds, where overloaded", "schema": {"type": "integer"}}}
PROBA: Json = {
    "name": "proba",
    "in": "query",
    "description": "`true` or `1`: answer as `/predict_proba` does",
    "schema": {"type": "string"},
}


def _row(schema: Schema) -> Json:
    """Return the schema of a row: a list in the model's order, or an object by name."""
    if schema.form in VALUE_SCHEMAS:
        return VALUE_SCHEMAS[schema.form]
    if schema.form is InputForm.AS_SENT:
        return {}
    kinds = schema.kinds or (Kind.NUMBER,) * (schema.features or 0)
    types = [_nullable(JSON_TYPES[kind], schema) for kind in kinds]
    any_type = {"type": _nullable("number", schema)}
    items = any_type if len({str(each) for each in types}) < 2 else {}  # noqa: PLR2004 - all columns alike
    bounds = {"minItems": len(types), "maxItems": len(types)} if types else {}
    prefix = {} if items else {"prefixItems": [{"type": each} for each in types]}
    listed = {"type": "array", "items": items or True, **bounds, **prefix}
    if not schema.names:
        return listed
    properties = {name: {"type": each} for name, each in zip(schema.names, types, strict=True)}
    named = {
        "type": "object",
        "required": [name for name in schema.names if name not in schema.unused],
        "properties": properties,
        "additionalProperties": schema.ignores_extra_columns,
    }
    return {"oneOf": [listed, named]}


def _nullable(found: Any, schema: Schema) -> Any:
    if not schema.allows_missing and schema.form is InputForm.MATRIX:
        return found
    return [*([found] if isinstance(found, str) else found), "null"]


def _kubeserve(schema: Schema) -> Json:
    row = _example_row(schema)
    example = {"data": [dict(zip(schema.names, row, strict=True)) if schema.names else row]}
    body = _object(data={"type": "array", "items": REF, "minItems": 1})
    predictions, paths = _predictions(schema), {}
    if "predict_proba" in schema.methods:
        answer = _object(probabilities={"type": "array"}, classes={"type": "array"})
        shown = {"classes": list(schema.classes), "probabilities": _example_answer(schema, "predict_proba")}
        paths["/predict_proba"] = _post("Probabilities of the classes", body, example, answer, shown)
        predictions = {"oneOf": [predictions, answer]}
    if "predict" in schema.methods:
        paths["/predict"] = _post("Predict", body, example, predictions, _answer(schema, "predict"))
        if "predict_proba" in schema.methods:
            paths["/predict"]["post"]["parameters"] = [PROBA]
    if "transform" in schema.methods:
        shown = {"transformed": _example_answer(schema, "transform")}
        paths["/transform"] = _post("Transform", body, example, _object(transformed={"type": "array"}), shown)
    return paths


def _explain(schema: Schema, shown: Json) -> Json:
    row = _example_row(schema)
    example = {"data": [dict(zip(schema.names, row, strict=True)) if schema.names else row]}
    body = _object(data={"type": "array", "items": REF, "minItems": 1})
    answer = _object(**dict.fromkeys(shown, True))
    return {"/explain": _post("Predict, and say what moved the answer", body, example, answer, shown)}


def _kserve_v1(schema: Schema, model: str) -> Json:
    body = _object(instances={"type": "array", "items": REF, "minItems": 1})
    example = {"instances": [_example_row(schema)]}
    answers = (_predictions(schema), _answer(schema, "predict"))
    predict = _post("Predict (KServe V1)", body, example, *answers)
    return {
        **({f"/v1/models/{model}:predict": predict} if "predict" in schema.methods else {}),
        f"/v1/models/{model}": _get_ready("Whether the model is ready (KServe V1)"),
        "/v1/models": _get("The models of this server (KServe V1)"),
    }


def _open_inference(schema: Schema, model: str, version: str) -> Json:
    example = {"inputs": _example_tensors(schema), "outputs": [{"name": schema.main_method}]}
    tensor = {"type": "object", "required": ["name", "shape", "datatype"]}
    body = _object(inputs={"type": "array", "items": tensor, "minItems": 1})
    answer = _object(model_name={"type": "string"}, outputs={"type": "array", "items": tensor})
    shown = _inference_answer(schema, model, version)
    return {
        f"/v2/models/{model}/infer": _post("Infer (Open Inference Protocol)", body, example, answer, shown),
        f"/v2/models/{model}": _get_ready("Inputs and outputs of the model (Open Inference Protocol)"),
        f"/v2/models/{model}/ready": _get_ready("Whether the model is ready (Open Inference Protocol)"),
        "/v2": _get("Name and version of this server (Open Inference Protocol)"),
        "/v2/health/live": _get("Whether the server runs (Open Inference Protocol)"),
        "/v2/health/ready": _get_ready("Whether the server is ready (Open Inference Protocol)"),
    }


def _mlflow(schema: Schema) -> Json:
    forms = [
        _object(dataframe_split={"type": "object", "required": ["data"]}),
        _object(dataframe_records={"type": "array"}),
        _object(instances={"type": ["array", "object"]}),
        _object(inputs={"type": ["array", "object"]}),
    ]
    row = _example_row(schema)
    split = {"columns": list(schema.names), "data": [row]} if schema.names else {"data": [row]}
    example = {"dataframe_records": [row]} if schema.form is InputForm.DICTS else {"dataframe_split": split}
    answers = (_predictions(schema), _answer(schema, "predict"))
    operation = _post("Predict (MLflow)", {"oneOf": forms}, example, *answers)
    if schema.form is not InputForm.TOKENS:  # a CSV has columns
        text = {"schema": {"type": "string"}, "example": _example_csv(schema)}
        operation["post"]["requestBody"]["content"]["text/csv"] = text
    operation["post"]["responses"]["415"] = _failure(
        "Neither JSON nor CSV, or compressed by something else than gzip or deflate"
    )
    return {
        **({"/invocations": operation} if "predict" in schema.methods else {}),
        "/ping": _get_ready("Whether the model is ready (MLflow)"),
        "/version": _get("The server's version (MLflow)"),
    }


def _operations() -> Json:
    return {
        "/health": _get_ready("Whether the model is ready, and if not, why"),
        "/metrics": _get("Prometheus metrics"),
    }


def _example_row(schema: Schema) -> Any:
    """Return the example row; two numbers where the model does not say what it takes."""
    return schema.example_as_sent if schema.example_row else [0.0, 0.0]


def _example_tensors(schema: Schema) -> list[Json]:
    row, described = _example_row(schema), metadata.inputs(schema)
    if schema.form is InputForm.TEXTS:
        return [{**described[0], "shape": [1], "data": [row]}]
    if schema.form is InputForm.DICTS:
        datatypes = [tensors.BYTES if isinstance(value, str) else "FP64" for value in row.values()]
        return [
            {"name": name, "datatype": datatype, "shape": [1], "data": [value]}
            for datatype, (name, value) in zip(datatypes, row.items(), strict=True)
        ]
    if schema.form in (InputForm.MATRIX, InputForm.AS_SENT, InputForm.TOKENS):
        return [{**described[0], "shape": [1, len(row)], "data": row}]
    return [{**tensor, "shape": [1], "data": [value]} for tensor, value in zip(described, row, strict=True)]


def _example_csv(schema: Schema) -> str:
    """Return a line of names and the example row. A model without names takes any names."""
    row = _example_row(schema)
    if schema.form is InputForm.DICTS:
        names, values = list(row), list(row.values())
    else:
        values = [row] if schema.form is InputForm.TEXTS else row
        names = list(schema.names) or [f"x{i}" for i in range(len(values))]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, values])
    return text.getvalue()


def _inference_answer(schema: Schema, model: str, version: str) -> Json:
    """Return the answer to the example, written as any answer is."""
    request = open_inference.Inference(None, (open_inference.Wanted(schema.main_method, binary=False),), None)
    result = schema.example_answers.get(schema.main_method, np.empty(0))
    answer, _ = open_inference.write_inference(request, [result], model, version)
    return orjson.loads(answer)  # type: ignore[no-any-return]


def _predictions(schema: Schema) -> Json:
    flat = bool(schema.classes) and not isinstance(schema.classes[0], tuple)
    return _object(predictions={"type": "array", "items": {"enum": list(schema.classes)} if flat else True})


def _answer(schema: Schema, method: str) -> Json:
    return {"predictions": _example_answer(schema, method)}


def _example_answer(schema: Schema, method: str) -> Any:
    """Return the answer to the example as a client gets it."""
    return orjson.loads(encode_json(json_ready(schema.example_answers.get(method, np.empty(0)))))


def _object(**properties: Any) -> Json:
    return {"type": "object", "required": list(properties), "properties": properties}


def _get(summary: str) -> Json:
    return {"get": {"summary": summary, "responses": {"200": {"description": "OK"}}}}


def _get_ready(summary: str) -> Json:
    operation = _get(summary)
    operation["get"]["responses"]["503"] = _failure("Not ready")
    return operation


def _post(summary: str, body: Json, example: Json, answer: Json, shown: Json) -> Json:
    responses = {
        "200": {"description": "OK", "content": _content(answer, shown)},
        "400": _failure("The error names the problem and its place"),
        "413": _failure("The body is larger than --max-body-size, or has more values than --max-values"),
        "415": _failure("The body is compressed by something else than gzip or deflate"),
        "500": _failure("The model failed on this input"),
        "503": {**_failure("Not ready, or overloaded"), "headers": RETRY_AFTER},
    }
    request = {"required": True, "content": _content(body, example)}
    return {"post": {"summary": summary, "requestBody": request, "responses": responses}}


def _content(schema: Json, example: Json) -> Json:
    return {"application/json": {"schema": schema, "example": example}}


def _failure(description: str) -> Json:
    error = {"schema": {"$ref": "#/components/schemas/Error"}}
    return {"description": description, "content": {"application/json": error}}
