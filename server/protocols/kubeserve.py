"""KubeServe's own protocol: `{"data": [[…]]}` → `{"predictions": […]}`, probabilities, or `{"transformed": […]}`."""

from __future__ import annotations

from typing import Any

from server.errors import InputError
from server.inputs.json_document import has_no_string_values, read_document
from server.inputs.json_rows import rows_to_input
from server.inputs.sliced_rows import read_sliced_rows
from server.inputs.value_count import MAX_VALUES
from server.inputs.wording import quoted_names
from server.protocols.json_answer import encode_json, encode_predictions, json_ready
from server.schema import Schema
from server.short_steps import Released

__all__ = ["encode_predictions", "encode_probabilities", "encode_transformed", "read_data"]

EXAMPLE = '{"data": [[1.0, 2.0]]}'


def read_data(body: bytes, schema: Schema, max_values: int = MAX_VALUES) -> Any:
    """Return the body's `data` as the model takes it: for nearly every model float64 of shape (rows, features).

    Raises:
        InputError: names the problem and its place, such as `data[0][2]`.
        TooLargeError: there are more than `max_values` values.

    """
    X = read_sliced_rows(body, schema, lambda document: document.get("data"), max_values)
    if X is not None:
        return X
    with Released(read_document(body, EXAMPLE, max_values)) as document:
        if "data" not in document:
            raise InputError(f"'data' is missing: expected {EXAMPLE}, found {quoted_names(document)}")
        return rows_to_input(document["data"], schema, "data", no_strings=has_no_string_values(body, document))


def encode_probabilities(answer: Any, schema: Schema) -> bytes:
    """Return one row of probabilities for each row of data, in the order of `classes`."""
    return encode_json({"probabilities": json_ready(answer), "classes": schema.classes})


def encode_transformed(answer: Any) -> bytes:
    """Return one transformed row for each row of data."""
    return encode_json({"transformed": json_ready(answer)})
