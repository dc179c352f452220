"""The Open Inference Protocol (V2) over REST, with the binary tensor extension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.as_sent import ANY_NUMBERS
from server.inputs.feature_names import check_width, positions
from server.inputs.json_document import read_document
from server.inputs.json_rows import ordered_columns_to_input, rows_to_input
from server.inputs.matrix import array_to_matrix, checked_matrix
from server.inputs.named_columns import columns_to_input, has_own_names
from server.inputs.value_count import MAX_VALUES, check_number
from server.inputs.wording import cell_of_row, kind_of, listed, numbers, quoted
from server.protocols import tensors
from server.protocols.json_answer import dense, encode_json
from server.protocols.tensors import Tail, Tensor
from server.schema import METHODS, InputForm, Kind, Schema
from server.short_steps import Released, list_of

HEADER = "Inference-Header-Content-Length"
"""The header of a request or answer with binary data; its value is how many bytes of the body are JSON."""
EXTENSION = "binary_tensor_data"
EXAMPLE = '{"inputs": [{"name": "input", "shape": [1, 2], "datatype": "FP64", "data": [1.0, 2.0]}]}'


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that a request asks for: the model's method that gives it, and its form."""

    method: str
    binary: bool
    index: int | None = None
    """Which of the method's tensors, where it gives several. None means all."""


@dataclass(frozen=True, slots=True)
class Inference:
    """A request: the model's input, and the outputs that it asks for."""

    X: Any
    wanted: tuple[Wanted, ...]
    id: str | None


def header_length(value: str | None) -> int | None:
    """Return how many bytes of the body are JSON, by the request's HEADER; None where all are.

    Raises:
        InputError: the header is not a number of bytes.

    """
    if value is None:
        return None
    if value.isascii() and value.isdigit() and len(value) < 16:  # noqa: PLR2004 - more digits than any body's size has
        return int(value)
    raise InputError(f"{HEADER} is {quoted(value)}; expected a number of bytes")


def read_inference(
    body: bytes | memoryview, header: int | None, schema: Schema, max_values: int = MAX_VALUES
) -> Inference:
    """Return the request in a body of which `header` bytes are JSON.

    Raises:
        InputError: names the problem and its place.
        TooLargeError: there are more than `max_values` values in the JSON or in the tensors.

    """
    head, tail = _json_and_tail(memoryview(body), header)
    with Released(read_document(head, EXAMPLE, max_values)) as document:
        return _inference(document, tail, schema, max_values)


def _inference(document: dict[str, Any], tail: Tail, schema: Schema, max_values: int) -> Inference:
    inputs, parameters = document.get("inputs"), tensors.parameters(document, "the body")
    if not isinstance(inputs, list) or not inputs:
        raise InputError(f"'inputs' is missing or empty: expected {EXAMPLE}")
    check_number(tensors.declared_values(inputs), max_values)
    by_column = parameters.get("content_type") == "pd" or len(inputs) > 1 or schema.form is InputForm.DICTS
    if by_column:
        _check_columns(inputs, schema)
    found = [tensors.decode_tensor(item, f"inputs[{index}]", tail) for index, item in enumerate(inputs)]
    tail.finish()
    X = _columns_to_input(found, schema) if by_column else _table_to_input(found[0], schema)
    return Inference(X, _wanted(document, bool(parameters.get("binary_data_output")), schema), _id(document))


def _check_columns(inputs: list[Any], schema: Schema) -> None:
    """Raise InputError if the names are not the model's columns, before their tensors are decoded."""
    names: list[Any] = [item.get("name") for item in inputs if isinstance(item, dict)]
    if not has_own_names(schema) and all(isinstance(name, str) for name in names):
        positions(names, schema, "inputs")


def _json_and_tail(body: memoryview, header: int | None) -> tuple[bytes, Tail]:
    end = len(body) if header is None else header
    if end > len(body):
        raise InputError(f"{HEADER} is {end}; the body has {len(body)} bytes")
    return bytes(body[:end]), Tail(body[end:])


def _id(document: dict[str, Any]) -> str | None:
    found = document.get("id")
    if found is None or isinstance(found, str):
        return found
    raise InputError(f"id is {kind_of(found)}; a string is needed")


def _columns_to_input(found: list[Tensor], schema: Schema) -> Any:
    """Return the input from one tensor for each of the model's columns."""
    for tensor in found:
        if tensor.values.ndim != 1 and tensor.values.shape[1:] != (1,):
            raise InputError(f"input {quoted(tensor.name)} has shape {numbers(tensor.values.shape)}; expected [rows]")
    names, columns = [tensor.name for tensor in found], [tensor.values.reshape(-1) for tensor in found]
    kinds = [Kind.DATETIME if tensor.content_type == "datetime" else Kind.ANY for tensor in found]
    return columns_to_input(names, columns, schema, "inputs", kinds)


def _table_to_input(tensor: Tensor, schema: Schema) -> Any:
    """Return the input from one tensor of all rows and features."""
    place = "inputs[0].data"
    is_text = tensor.datatype == tensors.BYTES
    is_object = tensor.values.dtype == object  # strings, or a null among integers or booleans
    if schema.form in (InputForm.TEXTS, InputForm.TOKENS) or (schema.form is InputForm.AS_SENT and is_object):
        return rows_to_input(list_of(tensor.values), schema, place, no_strings=False)
    values = _table(tensor.values, schema)
    if schema.form is InputForm.AS_SENT:
        return checked_matrix(np.ascontiguousarray(values), ANY_NUMBERS, place)
    if schema.form is InputForm.MATRIX and is_text:
        raise InputError("inputs[0].datatype is BYTES; the model takes numbers")
    if schema.form is not InputForm.MATRIX or is_object:
        return ordered_columns_to_input(list(values.T), schema, cell_of_row(place))
    return array_to_matrix(values, schema, place)


def _table(values: np.ndarray[Any, Any], schema: Schema) -> np.ndarray[Any, Any]:
    """Return rows and features, as many as the model takes. A model of one feature also takes [rows]."""
    if values.ndim == 1 and schema.features == 1:
        return values.reshape(-1, 1)
    if values.ndim != 2:  # noqa: PLR2004 - rows and features
        expected = "rows, features" if schema.features is None else f"rows, {schema.features}"
        raise InputError(f"inputs[0].shape is {numbers(values.shape)}; expected [{expected}]")
    check_width(values.shape[1], schema, "inputs[0]")
    return values


def _wanted(document: dict[str, Any], binary: bool, schema: Schema) -> tuple[Wanted, ...]:
    """Return the outputs that are asked for, or the main one. `binary` is the form of an output that names none."""
    outputs = document.get("outputs")
    if outputs is None or outputs == []:
        return (Wanted(schema.main_method, binary),)
    if not isinstance(outputs, list) or not all(isinstance(item, dict) for item in outputs):
        raise InputError('outputs must be a list such as [{"name": "predict"}]')
    names = [item.get("name") for item in outputs]
    # Only needed where a name is not a method's. Finding them converts all of the example's answers.
    single_tensors = {} if all(name in METHODS for name in names) else _single_tensors(schema)
    _check_names(names, (*METHODS, *single_tensors))
    return tuple(_output(item, binary, single_tensors, schema) for item in outputs)


def _output(item: dict[str, Any], binary: bool, single_tensors: dict[str, tuple[str, int]], schema: Schema) -> Wanted:
    method, index = single_tensors.get(item["name"], (item["name"], None))
    as_bytes = bool(tensors.parameters(item, "outputs").get("binary_data", binary))
    return Wanted(schema.require(method), as_bytes, index)


def _single_tensors(schema: Schema) -> dict[str, tuple[str, int]]:
    """Return each tensor of the methods that give several: its name in the metadata → (method, index)."""
    return {
        name: (method, index)
        for method, answer in schema.example_answers.items()
        for index, (name, _) in enumerate(arrays(method, answer))
        if name != method
    }


def _check_names(names: list[Any], known: Sequence[str]) -> None:
    unused = set(known)
    for index, name in enumerate(names):
        if not isinstance(name, str) or name not in unused:
            raise InputError(f"outputs[{index}].name is {quoted(name)}; each of {listed(known)} may stand once")
        unused.remove(name)


def write_inference(asked: Inference, answers: list[Any], model: str, version: str) -> tuple[bytes, int | None]:
    """Return the answer's body, and the value of HEADER if it has binary data."""
    named = [
        tensors.encode_tensor(name, values, binary=wanted.binary)
        for wanted, answer in zip(asked.wanted, answers, strict=True)
        for name, values in _chosen(wanted, answer)
    ]
    head = encode_json(
        {
            "model_name": model,
            **({"model_version": version} if version else {}),
            **({"id": asked.id} if asked.id is not None else {}),
            "outputs": [described for described, _ in named],
        }
    )
    chunks = [data for _, data in named if data is not None]
    return (b"".join((head, *chunks)), len(head)) if chunks else (head, None)


def _chosen(wanted: Wanted, answer: Any) -> list[tuple[str, np.ndarray[Any, Any]]]:
    found = arrays(wanted.method, answer)
    return found if wanted.index is None else found[wanted.index : wanted.index + 1]


def arrays(method: str, answer: Any) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """Return an answer's tensors: one, or one for each output of a model that has several.

    Several outputs are a list of arrays. A list of plain values has one for each row; models of your own return that.
    """
    if isinstance(answer, list | tuple) and not all(map(_is_plain, answer)):
        return [(f"{method}_{index}", np.asarray(each)) for index, each in enumerate(answer)]
    if hasattr(answer, "toarray"):  # a sparse matrix
        answer = dense(answer)
    return [(method, np.asarray(answer))]


def _is_plain(value: Any) -> bool:
    return not isinstance(value, list | tuple) and getattr(value, "ndim", 0) == 0
