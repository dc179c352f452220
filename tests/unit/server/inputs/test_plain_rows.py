"""A plain reader gives what the regular path gives, and leaves everything unusual to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from server.errors import InputError
from server.inputs.json_rows import rows_to_input
from server.inputs.named_table import NamedTable
from server.inputs.plain_rows import MAX_SIGNATURES, plain_reader
from server.schema import InputForm, Kind, Schema

TABLE = Schema(
    names=("age", "city", "height"),
    form=InputForm.DATAFRAME,
    kinds=(Kind.NUMBER, Kind.STRING, Kind.NUMBER),
    named_table=True,
    allows_missing=True,
)
MATRIX = Schema(names=("a", "b"))
TEXTS = Schema(form=InputForm.TEXTS)


def assert_equal(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, NamedTable):
        assert one.names == other.names
        for left, right in zip(one.columns, other.columns, strict=True):
            np.testing.assert_array_equal(left.astype(right.dtype), right, strict=True)
    else:
        np.testing.assert_array_equal(one, other, strict=True)


@pytest.mark.parametrize(
    ("schema", "rows"),
    [
        (TABLE, [{"age": 1.5, "city": "Rome", "height": 2.5}]),
        (TABLE, [{"height": 2.5, "city": "", "age": -1}]),
        (TABLE, [{"age": 1, "city": "Rome", "height": 2}, {"age": 0.5, "city": "Oslo", "height": 5e-324}]),
        (MATRIX, [{"a": 1, "b": 2.5}]),
        (MATRIX, [{"b": 1.0, "a": 2}, {"a": -0.0, "b": 3}]),
        (TEXTS, ["one text"]),
        (TEXTS, ["one", "", "two words"]),
    ],
)
def test_plain_reader_of_usual_rows_gives_what_the_regular_path_gives(schema: Schema, rows: Any) -> None:
    reader = plain_reader(schema)
    assert reader is not None
    found = reader(rows)
    assert found is not None
    assert_equal(found, rows_to_input(rows, schema, "data", no_strings=False))


def test_plain_reader_of_integers_gives_the_floats_that_estimators_make_of_them() -> None:
    reader = plain_reader(TABLE)
    assert reader is not None
    table = reader([{"age": 7, "city": "Rome", "height": 2}])
    assert [column.dtype for column in table.columns] == [np.float64, object, np.float64]


@pytest.mark.parametrize(
    "row",
    [
        {"age": None, "city": "Rome", "height": 2.5},
        {"age": True, "city": "Rome", "height": 2.5},
        {"age": "1", "city": "Rome", "height": 2.5},
        {"age": 2**53, "city": "Rome", "height": 2.5},
        {"age": 10**400, "city": "Rome", "height": 2.5},
        {"age": 1.5, "city": None, "height": 2.5},
        {"age": 1.5, "city": 5, "height": 2.5},
        {"age": 1.5, "city": ["Rome"], "height": 2.5},
        {"age": 1.5, "city": "Rome"},
        {"age": 1.5, "city": "Rome", "height": 2.5, "more": 1},
        {"age": 1.5, "city": "Rome", "weight": 2.5},
        [1.5, "Rome", 2.5],
        "Rome",
        None,
    ],
)
def test_plain_reader_leaves_an_unusual_row_to_the_regular_path(row: Any) -> None:
    reader = plain_reader(TABLE)
    assert reader is not None
    assert reader([row]) is None
    assert reader([{"age": 1.5, "city": "Rome", "height": 2.5}, row]) is None


@pytest.mark.parametrize("rows", [[1], [["text"]], [None], ["text", 1]])
def test_plain_reader_of_texts_leaves_other_rows_to_the_regular_path(rows: Any) -> None:
    reader = plain_reader(TEXTS)
    assert reader is not None
    assert reader(rows) is None


@pytest.mark.parametrize(
    "schema",
    [
        replace(TABLE, named_table=False),
        replace(TABLE, kinds=(Kind.NUMBER, Kind.ANY, Kind.NUMBER)),
        replace(TABLE, kinds=(Kind.BOOLEAN, Kind.STRING, Kind.NUMBER)),
        replace(TABLE, dtypes=("float32", "", "")),
        replace(TABLE, dtypes=("", "category", "")),
        replace(TABLE, unused=frozenset({"city"})),
        replace(TABLE, names=("age", "age", "height")),
        Schema(features=2),
        replace(MATRIX, dtype="float32"),
        Schema(form=InputForm.DICTS),
    ],
)
def test_plain_reader_is_none_where_every_row_needs_a_closer_look(schema: Schema) -> None:
    assert plain_reader(schema) is None


def test_plain_reader_remembers_a_bounded_number_of_types() -> None:
    names = tuple(f"x{index}" for index in range(10))
    reader = plain_reader(Schema(names=names))
    assert reader is not None
    for number in range(2 * MAX_SIGNATURES):
        row = {name: 1 if number >> index & 1 else 1.0 for index, name in enumerate(names)}
        assert reader([row]).tolist() == [[1.0] * 10]
    assert len(reader.__self__._usual) == MAX_SIGNATURES  # type: ignore[attr-defined]


def test_plain_reader_and_the_regular_path_agree_that_a_row_is_refused() -> None:
    with pytest.raises(InputError, match="city"):
        rows_to_input([{"age": 1.5, "city": ["Rome"], "height": 2.5}], TABLE, "data", no_strings=False)
