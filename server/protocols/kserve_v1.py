"""KServe's V1 protocol: `{"instances": …}` or `{"inputs": …}` → `{"predictions": …}`."""

from __future__ import annotations

from typing import Any

from server.errors import InputError
from server.inputs.json_document import has_no_string_values, read_document
from server.inputs.json_rows import rows_to_input
from server.inputs.named_columns import mapping_to_input
from server.inputs.sliced_rows import read_sliced_rows
from server.inputs.value_count import MAX_VALUES
from server.inputs.wording import quoted_names
from server.protocols.json_answer import encode_predictions
from server.schema import Schema
from server.short_steps import Released

__all__ = ["encode_predictions", "model_of", "read_instances"]

EXAMPLE = '{"instances": [[1.0, 2.0]]}'
VERB = ":predict"


def model_of(segment: str) -> str | None:
    """Return the model that the path's last segment, `{model}:predict`, names; None for any other verb."""
    return segment.removesuffix(VERB) if segment.endswith(VERB) else None


def read_instances(body: bytes, schema: Schema, max_values: int = MAX_VALUES) -> Any:
    """Return the model's input. `inputs` may also be an object of columns by name, as TensorFlow Serving has it.

    Raises:
        InputError: names the problem and its place.
        TooLargeError: there are more than `max_values` values.

    """
    X = read_sliced_rows(body, schema, lambda document: _given(document)[1], max_values)
    if X is not None:
        return X
    with Released(read_document(body, EXAMPLE, max_values)) as document:
        place, data = _given(document)
        if place == "inputs" and isinstance(data, dict):
            return mapping_to_input(data, schema, place)
        return rows_to_input(data, schema, place, no_strings=has_no_string_values(body, document))


def _given(document: dict[str, Any]) -> tuple[str, Any]:
    """Return the key that the rows stand under, and the rows. Raise InputError if there is not exactly one."""
    given = [key for key in ("instances", "inputs") if key in document]
    if len(given) != 1:
        found = "both" if given else quoted_names(document)
        raise InputError(f"expected either 'instances' or 'inputs', such as {EXAMPLE}; found {found}")
    return given[0], document[given[0]]
