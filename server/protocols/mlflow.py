"""MLflow's scoring protocol: `POST /invocations`, as CSV or in one of four JSON forms → `{"predictions": …}`."""

from __future__ import annotations

import csv
import io
from typing import Any

from server.errors import InputError
from server.inputs.feature_names import positions
from server.inputs.json_document import has_no_string_values, read_document
from server.inputs.json_rows import rows_to_input
from server.inputs.named_columns import columns_to_input, mapping_to_input, table_to_input
from server.inputs.sliced_rows import read_sliced_rows
from server.inputs.value_count import MAX_VALUES, check_csv_values
from server.inputs.wording import kind_of, quoted_names
from server.protocols.json_answer import encode_predictions
from server.schema import InputForm, Kind, Schema

__all__ = ["encode_predictions", "read_csv", "read_json"]

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
COLUMNS = "dataframe_split.columns"
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
    document = read_document(body, EXAMPLE, max_values)
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


def read_csv(body: bytes, schema: Schema, max_values: int = MAX_VALUES) -> Any:
    """Return the input from a CSV whose first line names the columns. An empty field is a missing value.

    Raises:
        InputError: names the problem and its place.
        TooLargeError: there are more than `max_values` values.

    """
    check_csv_values(body, max_values)
    try:
        lines = (line for line in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True) if line)
        header = next(lines, [])
        if schema.form is not InputForm.TEXTS and header:
            positions(header, schema, "the CSV")  # before millions of fields of other columns are read
        data = list(lines)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the body is not CSV in UTF-8: {error}") from error
    if not data:
        raise InputError("the CSV needs a line of column names and at least one row")
    for number, line in enumerate(data, start=2):
        if len(line) != len(header):
            raise InputError(f"line {number} has {len(line)} fields; the first line has {len(header)}")
    columns = [list(column) for column in zip(*data, strict=True)]
    if schema.form is not InputForm.TEXTS:
        columns = [_typed_fields(column, kind) for column, kind in zip(columns, _kinds(header, schema), strict=True)]
    return columns_to_input(header, columns, schema, "the CSV")


def _kinds(header: list[str], schema: Schema) -> list[Kind]:
    """Return the kind of each of the CSV's columns, ANY for an unknown name: `columns_to_input` refuses it later."""
    if schema.form is InputForm.MATRIX:
        return [Kind.NUMBER] * len(header)
    kinds = schema.kinds or (Kind.ANY,) * len(header)
    if not schema.names:
        return [kinds[index] if index < len(kinds) else Kind.ANY for index in range(len(header))]
    known = dict(zip(schema.names, kinds, strict=False))
    return [known.get(name, Kind.ANY) for name in header]


def _typed_fields(column: list[str], kind: Kind) -> list[Any]:
    """Return numbers where the whole column is numbers, unless the model takes strings there.

    Where the model takes numbers, a field that is not one stays a string, and `columns_to_input` refuses it with its
    place.
    """
    if kind is Kind.STRING:
        return [field or None for field in column]
    try:
        return [_number(field) for field in column]
    except ValueError:
        return [_number_or_text(field) if kind is Kind.NUMBER else field or None for field in column]


def _number_or_text(field: str) -> float | str | None:
    try:
        return _number(field)
    except ValueError:
        return field


def _number(field: str) -> float | int | None:
    if not field:
        return None
    try:
        return int(field)
    except ValueError:
        return float(field)
