"""CSV → model input, read line by line. Pure.

A model of numbers gets its matrix in blocks of lines, so that only one block's strings and floats exist at a time.
Everything else becomes columns of fields.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.csv_fields import columns_of_header, to_number, typed_fields
from server.inputs.feature_names import check_width, positions
from server.inputs.matrix import Matrix, as_matrix_or_none
from server.inputs.named_columns import columns_to_input, has_own_names
from server.inputs.value_count import MAX_VALUES, check_csv_values
from server.inputs.wording import quoted_names
from server.schema import InputForm, Schema

BLOCK = 8192
"""Values that are converted at a time, in whole lines. They take about 2 ms."""

PAUSE = 0.0001
"""Seconds of sleep between two blocks, in which the event loop gets the interpreter. Without it `/health` could wait
until the CSV was read: half a second for a million numbers. A CSV of one block is read without a pause."""

PLACE = "the CSV"
SAY_WHICH = "send Content-Type: text/csv; header=present if it names the columns, header=absent if it is a row"

Line = list[str]
Numbered = tuple[int, Line]
"""A line with its number."""


def read_csv(body: bytes, schema: Schema, max_values: int = MAX_VALUES, *, has_header: bool | None = None) -> Any:
    """Return the input from a CSV. An empty field is a missing value.

    `has_header` is what the client says of the first line. Where it does not say, a line of numbers that are no names
    of the model is a row, and any other line names the columns.

    Raises:
        InputError: names the problem and its place, or the first line may be either.
        TooLargeError: there are more than `max_values` values.

    """
    check_csv_values(body, max_values)
    try:
        X = _read_matrix(body, schema, has_header) if schema.form is InputForm.MATRIX else None
        return _read_fields(body, schema, has_header) if X is None else X
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the body is not CSV in UTF-8: {error}") from error


def _read_matrix(body: bytes, schema: Schema, has_header: bool | None) -> Matrix | None:
    """Return the matrix of a CSV of numbers; None if a line needs a closer look, which `_read_fields` takes."""
    names, lines = _begin(body, schema, has_header)
    order = [index for index in positions(names, schema, PLACE) if index is not None]
    if len(order) != len(schema.names or names):
        return None  # a column that the model drops is absent
    has_underscores = b"_" in body  # in `1_000`, which is no number, or only in the names
    pieces: list[Matrix] = []
    while block := list(islice(lines, max(1, BLOCK // len(names)))):
        if pieces:
            time.sleep(PAUSE)
        if any(len(fields) != len(names) for _, fields in block):
            return None
        if has_underscores and any("_" in field for _, fields in block for field in fields):
            return None
        try:
            rows = [[float(fields[index]) if fields[index] else None for index in order] for _, fields in block]
        except ValueError:
            return None
        X = as_matrix_or_none(rows, schema, no_strings=True)
        if X is None:
            return None
        pieces.append(X)
    # A block with an empty field is of floats, and NumPy would round the integers of the others.
    return np.concatenate(pieces) if len({X.dtype for X in pieces}) == 1 else None


def _read_fields(body: bytes, schema: Schema, has_header: bool | None) -> Any:
    names, lines = _begin(body, schema, has_header)
    if not has_own_names(schema):
        positions(names, schema, PLACE)  # before millions of fields of other columns are read
    columns: list[Any] = [[] for _ in names]
    while block := list(islice(lines, max(1, BLOCK // len(names)))):
        rows = [_checked(line, len(names)) for line in block]
        for column, fields in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(fields)
    if not columns[0]:
        raise InputError(f"{PLACE} needs a line of column names and at least one row")
    if schema.form is not InputForm.TEXTS:
        kinds = columns_of_header(names, schema)
        columns = [typed_fields(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return columns_to_input(names, columns, schema, PLACE)


def _checked(line: Numbered, width: int) -> Line:
    number, fields = line
    if len(fields) != width:
        raise InputError(f"line {number} has {len(fields)} fields; the first line has {width}")
    return fields


def _begin(body: bytes, schema: Schema, has_header: bool | None) -> tuple[Line, Iterator[Numbered]]:
    """Return the names of the columns, and the lines with rows."""
    lines = _lines(body)
    first = next(lines, (1, []))
    if not first[1]:
        raise InputError(f"{PLACE} needs a line of column names and at least one row")
    if _names_columns(first[1], schema) if has_header is None else has_header:
        return first[1], lines
    check_width(len(first[1]), schema, f"line {first[0]}")
    return list(schema.columns) or [f"x{index}" for index in range(len(first[1]))], chain([first], lines)


def _lines(body: bytes) -> Iterator[Numbered]:
    """Yield each line that is not empty. The text is decoded piece by piece."""
    text = io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline="")
    reader = csv.reader(text, strict=True)
    return ((reader.line_num, fields) for fields in reader if fields)


def _names_columns(first: Line, schema: Schema) -> bool:
    """Return whether the first line names the columns. Raise InputError if it may as well be a row of numbers."""
    if schema.form is InputForm.TEXTS or not _are_numbers(first) or set(first) <= set(schema.names):
        return True
    # pandas writes 0,1,2,… over the columns of a DataFrame that has no names. A model of objects has columns of
    # strings: for it a line of numbers is rather integer names of columns, as `to_csv` writes them, than a row.
    may_be_names = first == [str(index) for index in range(len(first))] or schema.form is InputForm.OBJECTS
    if schema.features is None or may_be_names:
        raise InputError(f"the first line of {PLACE} is numbers, {quoted_names(first)}: {SAY_WHICH}")
    return False


def _are_numbers(fields: Sequence[str]) -> bool:
    try:
        return bool([to_number(field) for field in fields if field])
    except ValueError:
        return False
