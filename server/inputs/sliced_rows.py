"""Long bodies of number rows, parsed in slices straight into a matrix. Pure.

Parsed as a whole, such a body exists three times: as bytes, as Python lists and floats, and as a matrix. It takes about
ten times its size, and each of the two steps holds the interpreter until it ends: no other thread runs, and no health
check is answered. In slices only one slice's objects exist at a time, and no step takes longer than some milliseconds.
A body that is not plain rows of numbers is read by `read_document`, which also says what is wrong with it. That uses
`sliced_document`, which cuts any long list, but keeps all of its objects.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.json_document import read_json
from server.inputs.matrix import Matrix, as_matrix_or_none
from server.inputs.sliced_document import MARK, MIN_SLICED, SLICE, parse_around
from server.inputs.value_count import check_json_values
from server.schema import InputForm, Schema

ROWS_BEGIN = re.compile(rb"\[[ \t\r\n]*+(?=\[)")
BETWEEN_ROWS = re.compile(rb"[ \t\r\n]*+,[ \t\r\n]*+(?=\[)")

FindRows = Callable[[dict[str, Any]], Any]


def read_sliced_rows(body: bytes, schema: Schema, find_rows: FindRows, max_values: int) -> Matrix | None:
    """Return the matrix of a long body of number rows; None if the body must be read as a whole.

    `find_rows` returns what the protocol takes as the rows of a document. It may raise InputError.

    Raises:
        TooLargeError: there are more than `max_values` values.

    """
    if len(body) < MIN_SLICED or schema.form is not InputForm.MATRIX:
        return None
    check_json_values(body, max_values)
    found = ROWS_BEGIN.search(body)
    if found is None:
        return None
    quote = body.find(b'"', found.start())
    end = body.rfind(b"]", found.end(), quote if quote >= 0 else len(body))
    try:
        if end < 0 or not _are_the_rows(body[: found.start()], body[end + 1 :], find_rows):
            return None
        slices = [_matrix(body[piece], schema) for piece in _slices(body, found.end(), end)]
        # A slice with a null is of floats, and NumPy would round the integers of the others.
        return np.concatenate(slices) if len({X.dtype for X in slices}) == 1 else None
    except (InputError, ValueError):  # ValueError: rows of different lengths
        return None


def _are_the_rows(before: bytes, after: bytes, find_rows: FindRows) -> bool:
    """Return whether what stands between these bytes is a value of the document, and the one with the rows."""
    document = parse_around(before, after, read_json)
    return isinstance(document, dict) and find_rows(document) == MARK


def _slices(body: bytes, start: int, end: int) -> Iterator[slice]:
    """Yield parts of a list's text, each with whole rows if it holds nothing but rows."""
    while (cut := body.find(b"]", start + SLICE, end)) >= 0 and (between := BETWEEN_ROWS.match(body, cut + 1, end)):
        yield slice(start, cut + 1)
        start = between.end()
    yield slice(start, end)


def _matrix(rows: bytes, schema: Schema) -> Matrix:
    """Return rows of JSON as a matrix. Raise InputError if they are anything but plain numbers of the right width.

    If the text in brackets is JSON, then it is a list of values, however the cuts were made.
    """
    X = as_matrix_or_none(read_json(b"[%b]" % rows), schema, no_strings=True)
    if X is None:
        raise InputError("the rows need a closer look")
    return X
