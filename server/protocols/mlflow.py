"""MLflow's scoring protocol: `POST /invocations` in its five forms → `{"predictions": …}`."""

from __future__ import annotations

import csv
import io
from typing import Any

from server.errors import InputError
from server.inputs.json_rows import Body, kind_of, order
from server.inputs.named_columns import from_columns, from_mapping
from server.protocols.json_payload import document, encode, rows
from server.schema import Kind, Schema, Takes

__all__ = ["encode", "read", "read_csv"]

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
EXAMPLE = '{"dataframe_split": {"columns": ["a", "b"], "data": [[1.0, 2.0]]}}'


def read(body: bytes, schema: Schema) -> Any:
    """The model's input from a JSON body; `params` is ignored, as MLflow does for models that declare none.

    Raises:
        InputError: names the problem and its place.

    """
    found = document(body, EXAMPLE)
    given = [form for form in FORMS if form in found]
    if len(given) != 1:
        there = ", ".join(f"'{key}'" for key in given or found)[:200] or "nothing"
        raise InputError(f"expected one of {', '.join(FORMS)}, such as {EXAMPLE}; found {there}")
    form, data = given[0], found[given[0]]
    if form == "dataframe_split":
        return _split(data, schema)
    if isinstance(data, dict) and form != "dataframe_records":
        return from_mapping(data, schema, form, Body(body, found))
    return rows(data, schema, form, Body(body, found))


def _split(split: Any, schema: Schema) -> Any:
    """Names once, and rows in their order; `index` does not matter to a prediction."""
    place = "dataframe_split"
    if not isinstance(split, dict) or not isinstance(split.get("data"), list):
        raise InputError(f"{place} must be an object with columns and data, such as {EXAMPLE}")
    data, columns = split["data"], split.get("columns")
    if columns is None or schema.takes is Takes.TEXTS:
        return _in_model_order(data, schema)
    if not isinstance(columns, list) or not all(isinstance(name, str | int) for name in columns):
        raise InputError(f"{place}.columns is {kind_of(columns)}; a list of names is needed")
    chosen = order([str(name) for name in columns], schema, f"{place}.columns")
    if chosen == list(range(len(columns))):
        return _in_model_order(data, schema)
    for index, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(columns):
            raise InputError(f"{place}.data[{index}] must be a list of {len(columns)} values, one for each column")
    return _in_model_order([[row[column] for column in chosen] for row in data], schema)


def _in_model_order(data: list[Any], schema: Schema) -> Any:
    if data and isinstance(data[0], dict):
        raise InputError("dataframe_split.data[0] is an object; expected a list of values")
    # Its names are strings too, so nothing can be said of the bytes: no keys are claimed.
    return rows(data, schema, "dataframe_split.data", Body(b'"', {}))


def read_csv(body: bytes, schema: Schema) -> Any:
    """A CSV whose first line names the columns. An empty field is a missing value."""
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the body is not CSV in UTF-8: {error}") from error
    lines = [line for line in lines if line]
    if len(lines) < 2:  # noqa: PLR2004 - names and a row
        raise InputError("the CSV needs a line of column names and at least one row")
    header, data = lines[0], lines[1:]
    for number, line in enumerate(data, start=2):
        if len(line) != len(header):
            raise InputError(f"line {number} has {len(line)} fields; the first line has {len(header)}")
    columns = [list(column) for column in zip(*data, strict=True)]
    if schema.takes is not Takes.TEXTS:
        columns = [_typed(column, kind) for column, kind in zip(columns, _kinds(header, schema), strict=True)]
    return from_columns(header, columns, schema, "the CSV")


def _kinds(header: list[str], schema: Schema) -> list[Kind]:
    """What the model has in each of the CSV's columns; `from_columns` judges the names."""
    if schema.takes is Takes.NUMBERS:
        return [Kind.NUMBER] * len(header)
    kinds = schema.kinds or (Kind.ANY,) * len(header)
    if not schema.names:
        return [kinds[index] if index < len(kinds) else Kind.ANY for index in range(len(header))]
    known = dict(zip(schema.names, kinds, strict=False))
    return [known.get(name, Kind.ANY) for name in header]


def _typed(column: list[str], kind: Kind) -> list[Any]:
    """Numbers where all that is there are numbers, unless the model is known to take strings.

    Where it is known to take numbers, what is none stays a string in its place, which is then named.
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
