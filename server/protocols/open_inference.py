"""The Open Inference Protocol (V2) over REST, with the binary tensor extension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.json_rows import check_width, kind_of, texts
from server.inputs.matrix import checked
from server.inputs.named_columns import from_columns
from server.protocols import tensors
from server.protocols.json_payload import document, json_bytes
from server.protocols.tensors import Tail, Tensor
from server.schema import METHODS, Schema, Takes

HEADER = "Inference-Header-Content-Length"
"""Of a request or answer with binary data: how many bytes of it are JSON."""
SHOWN = 12
"""Names of outputs in an error's sentence."""
EXTENSION = "binary_tensor_data"
EXAMPLE = '{"inputs": [{"name": "input", "shape": [1, 2], "datatype": "FP64", "data": [1.0, 2.0]}]}'


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output, named by the model's method that gives it."""

    method: str
    binary: bool
    index: int | None = None
    """Which of the method's tensors, where it gives several; None: all."""


@dataclass(frozen=True, slots=True)
class Inference:
    """What a request asks."""

    X: Any
    wanted: tuple[Wanted, ...]
    id: str | None


def header_length(value: str | None) -> int | None:
    """How many bytes of the body are JSON, by the request's HEADER; None where all are."""
    if value is None:
        return None
    if value.isascii() and value.isdigit() and len(value) < 16:  # noqa: PLR2004 - whatever it says, it is an int
        return int(value)
    raise InputError(f"{HEADER} is '{value[:20]}'; expected a number of bytes")


def read(body: bytes | memoryview, header: int | None, schema: Schema) -> Inference:
    """A request's body, of which `header` bytes are JSON.

    Raises:
        InputError: names the problem and its place.

    """
    head, tail = _split(memoryview(body), header)
    asked = document(head, EXAMPLE)
    inputs, request = asked.get("inputs"), tensors.parameters(asked, "the body")
    if not isinstance(inputs, list) or not inputs:
        raise InputError(f"'inputs' is missing or empty: expected {EXAMPLE}")
    found = [tensors.decode(item, f"inputs[{index}]", tail) for index, item in enumerate(inputs)]
    tail.finish()
    by_column = request.get("content_type") == "pd" or len(found) > 1
    X = _columns(found, schema) if by_column else _whole(found[0], schema)
    return Inference(X, _wanted(asked, bool(request.get("binary_data_output")), schema), _id(asked))


def _split(body: memoryview, header: int | None) -> tuple[bytes, Tail]:
    end = len(body) if header is None else header
    if end > len(body):
        raise InputError(f"{HEADER} is {end}; the body has {len(body)} bytes")
    return bytes(body[:end]), Tail(body[end:])


def _id(document: dict[str, Any]) -> str | None:
    found = document.get("id")
    if found is None or isinstance(found, str):
        return found
    raise InputError(f"id is {kind_of(found)}; a string is needed")


def _columns(found: list[Tensor], schema: Schema) -> Any:
    """One tensor for each of the model's columns."""
    for tensor in found:
        if tensor.values.ndim != 1 and tensor.values.shape[1:] != (1,):
            raise InputError(f"input '{tensor.name}' has shape {list(tensor.values.shape)}; a column is [rows]")
    names, columns = [tensor.name for tensor in found], [tensor.values.reshape(-1) for tensor in found]
    return from_columns(names, columns, schema, "inputs")


def _whole(tensor: Tensor, schema: Schema) -> Any:
    """One tensor of all rows and features."""
    if schema.takes is Takes.TEXTS:
        return texts(tensor.values.tolist(), "inputs[0].data")
    values = _table(tensor.values, schema)
    if schema.takes is not Takes.NUMBERS:
        return from_columns(schema.columns, list(values.T), schema, "inputs[0].data")
    if tensor.datatype == tensors.BYTES:
        raise InputError("inputs[0].datatype is BYTES; the model takes numbers")
    # The one copy that is made, unless these are aligned FP64: model and BLAS would each make one of their own.
    return checked(np.require(values, np.float64, ["C_CONTIGUOUS", "ALIGNED"]), schema, "inputs[0].data")


def _table(values: np.ndarray[Any, Any], schema: Schema) -> np.ndarray[Any, Any]:
    """Rows and features, as many as the model takes; of a model of one feature the rows may stand alone."""
    if values.ndim == 1 and schema.features == 1:
        return values.reshape(-1, 1)
    if values.ndim != 2:  # noqa: PLR2004 - rows and features
        expected = "rows, features" if schema.features is None else f"rows, {schema.features}"
        raise InputError(f"inputs[0].shape is {list(values.shape)}; expected [{expected}]")
    check_width(values.shape[1], schema, "inputs[0]")
    return values


def _wanted(document: dict[str, Any], binary: bool, schema: Schema) -> tuple[Wanted, ...]:
    """The outputs that are asked for, or `predict`; `binary` holds where an output does not say."""
    outputs = document.get("outputs")
    if outputs is None or outputs == []:
        return (Wanted("predict", binary),)
    if not isinstance(outputs, list) or not all(isinstance(item, dict) for item in outputs):
        raise InputError('outputs must be a list such as [{"name": "predict"}]')
    names = [item.get("name") for item in outputs]
    # Looked for only where a name is no method's own: to know them is to look at all the example's answers.
    parts = {} if all(name in METHODS for name in names) else _parts(schema)
    _check_names(names, [*METHODS, *parts])
    return tuple(_output(item, binary, parts, schema) for item in outputs)


def _output(item: dict[str, Any], binary: bool, parts: dict[str, tuple[str, int]], schema: Schema) -> Wanted:
    method, index = parts.get(item["name"], (item["name"], None))
    as_bytes = bool(tensors.parameters(item, "outputs").get("binary_data", binary))
    return Wanted(schema.require(method), as_bytes, index)


def _parts(schema: Schema) -> dict[str, tuple[str, int]]:
    """The tensors of methods that give several, as the metadata names them: whose they are, and which."""
    return {
        name: (method, index)
        for method, answer in schema.answers.items()
        for index, (name, _) in enumerate(arrays(method, answer))
        if name != method
    }


def _check_names(names: list[Any], known: list[str]) -> None:
    for index, name in enumerate(names):
        if not isinstance(name, str) or name not in known or name in names[:index]:
            once = f"each of {', '.join(known[:SHOWN])} may stand once"
            raise InputError(f"outputs[{index}].name is {str(name)[:50]!r}; {once}")


def write(asked: Inference, answers: list[Any], model: str, version: str) -> tuple[bytes, int | None]:
    """The answer's body, and the value of HEADER if it has binary data."""
    named = [
        tensors.encode(name, values, binary=wanted.binary)
        for wanted, answer in zip(asked.wanted, answers, strict=True)
        for name, values in _chosen(wanted, answer)
    ]
    head = json_bytes(
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
    """An answer's tensors: one, or one for each of the outputs of a model that has several."""
    if isinstance(answer, list | tuple):
        return [(f"{method}_{index}", np.asarray(each)) for index, each in enumerate(answer)]
    if hasattr(answer, "toarray"):  # a sparse matrix
        answer = answer.toarray()
    return [(method, np.asarray(answer))]
