"""MLflow's scoring protocol: `POST /invocations`, as CSV or in one of four JSON forms → `{"predictions": …}`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from server.errors import InputError
from server.inputs.csv_text import read_csv
from server.inputs.feature_names import positions
from server.inputs.json_document import has_no_string_values, read_document
from server.inputs.json_rows import rows_to_input
from server.inputs.named_columns import mapping_to_input, table_to_input
from server.inputs.sliced_rows import read_sliced_rows
from server.inputs.value_count import MAX_VALUES
from server.inputs.wording import kind_of, quoted, quoted_names
from server.protocols.json_answer import encode_predictions
from server.schema import Schema
from server.short_steps import Released

__all__ = ["encode_predictions", "read_csv", "read_json", "reader_of"]

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
COLUMNS = "dataframe_split.columns"
HEADER = {"present": True, "absent": False}
"""The values of the parameter `header` in `Content-Type: text/csv; header=present`, and what each says."""
EXAMPLE = '{"dataframe_split": {"columns": ["a", "b"], "data": [[1.0, 2.0]]}}'


def read_json(body: bytes, schema: Schema, max_values: int = MAX_VALUES) -> Any:
    """Return the model's input. `params` is ignored, as MLflow does for models that declare none.

    Raises:
        InputError: names the problem and its place.
        TooLargeError: there are more than `max_values` values.

    """
    X = read_sliced_rows(body, schema, lambda document: _rows_in_order(document, schema), max_values)
    if X is not None:
        return X
    with Released(read_document(body, EXAMPLE, max_values)) as document:
        form, data = _given(document)
        if form == "dataframe_split":
            return _split_to_input(data, schema)
        if isinstance(data, dict) and form != "dataframe_records":
            return mapping_to_input(data, schema, form)
        return rows_to_input(data, schema, form, no_strings=has_no_string_values(body, document))


def _given(document: dict[str, Any]) -> tuple[str, Any]:
    """Return the form of the rows, and the rows. Raise InputError if there is not exactly one."""
    given = [form for form in FORMS if form in document]
    if len(given) != 1:
        there = quoted_names(given or document)
        raise InputError(f"expected one of {', '.join(FORMS)}, such as {EXAMPLE}; found {there}")
    return given[0], document[given[0]]


def _rows_in_order(document: dict[str, Any], schema: Schema) -> Any:
    """Return the document's rows if they are in the model's order; otherwise None."""
    form, data = _given(document)
    if form != "dataframe_split" or not isinstance(data, dict):
        return data
    columns = data.get("columns")
    if columns is None or positions(_names(columns), schema, COLUMNS) == list(range(len(columns))):
        return data.get("data")
    return None


def _names(columns: Any) -> list[str]:
    """Return the names of a split's columns. Raise InputError if they are no list of names."""
    if not isinstance(columns, list) or not all(isinstance(name, str | int) for name in columns):
        raise InputError(f"{COLUMNS} is {kind_of(columns)}; a list of names is needed")
    return [str(name) for name in columns]


def _split_to_input(split: Any, schema: Schema) -> Any:
    """Return the input from names, given once, and rows in their order; a prediction does not need `index`."""
    place = "dataframe_split"
    if not isinstance(split, dict) or not isinstance(split.get("data"), list):
        raise InputError(f"{place} must be an object with columns and data, such as {EXAMPLE}")
    data, columns = split["data"], split.get("columns")
    if data and isinstance(data[0], dict):
        raise InputError(f"{place}.data[0] is an object; expected a list of values")
    if columns is None:
        # The names of the columns are strings, so a count of the body's quotes says nothing about the values.
        return rows_to_input(data, schema, f"{place}.data", no_strings=False)
    return table_to_input(_names(columns), data, schema, f"{place}.data", COLUMNS)


def reader_of(content_type: str) -> Callable[..., Any] | None:
    """Return what reads a body of this Content-Type; None for a type that is not MLflow's.

    Raises:
        InputError: the parameter `header` of a CSV (RFC 4180) has another value than present or absent.

    """
    media_type, *parameters = (part.strip() for part in content_type.lower().split(";"))
    if media_type == "application/json":
        return read_json
    if media_type != "text/csv":
        return None
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        if name.strip() == "header":
            said = value.strip().strip('"')
            if said not in HEADER:
                raise InputError(f"header of text/csv is {quoted(said)}; it can be {' or '.join(HEADER)}")
            return functools.partial(read_csv, has_header=HEADER[said])
    return read_csv
