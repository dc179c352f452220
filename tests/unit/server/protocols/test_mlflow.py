"""MLflow's scoring protocol: each row of a table is one form of a request, or one fault in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from server.errors import InputError
from server.protocols.mlflow import read_csv, read_json, reader_of
from server.schema import Schema
from tests.unit.server import example_models
from tests.unit.server.example_models import schema_of

NUMBERS = schema_of(example_models.numbers)
NAMED = schema_of(example_models.named)
PEOPLE = schema_of(example_models.people)
TEXTS = schema_of(example_models.texts)
MISSING = Schema(2, ("a", "b"), allows_missing=True)

Read = Callable[[bytes, Schema], Any]


@pytest.mark.parametrize(
    ("read", "body", "schema", "expected"),
    [
        (read_json, b'{"instances": [[1, 2]], "params": {"x": 1}}', NUMBERS, [[1, 2]]),
        (read_json, b'{"inputs": [[1, 2]]}', NUMBERS, [[1, 2]]),
        (read_json, b'{"inputs": {"b": [2], "a": [1]}}', NAMED, [[1, 2]]),
        (read_json, b'{"dataframe_records": [{"b": 2, "a": 1}]}', NAMED, [[1, 2]]),
        (read_json, b'{"dataframe_split": {"data": [[1, 2]]}}', NAMED, [[1, 2]]),
        (
            read_json,
            b'{"dataframe_split": {"columns": [0, 1], "index": [7], "data": [[1, 2]]}}',
            NUMBERS,
            [[1, 2]],
        ),
        (
            read_json,
            b'{"dataframe_split": {"columns": ["b", "a"], "data": [[2, 1], [4, 3]]}}',
            NAMED,
            [[1, 2], [3, 4]],
        ),
        (read_json, b'{"dataframe_split": {"columns": ["a", "b"], "data": [[NaN, 2]]}}', MISSING, [[np.nan, 2]]),
        (read_csv, b"b,a\r\n2,1\r\n4.5,3\r\n", NAMED, [[1, 2], [3, 4.5]]),
        (read_csv, "\ufeffa,b\n1,2\n\n".encode(), NUMBERS, [[1, 2]]),
        (read_csv, "\ufeffa,b\n1,2\n".encode(), NAMED, [[1, 2]]),
        (read_csv, b"a,b\n,2", MISSING, [[np.nan, 2]]),
    ],
)
def test_read_of_each_form_returns_the_models_input(
    read: Read, body: bytes, schema: Schema, expected: list[list[float]]
) -> None:
    X = read(body, schema)
    assert X.dtype == np.float64
    np.testing.assert_array_equal(X, expected)


@pytest.mark.parametrize(
    ("read", "body", "schema", "words"),
    [
        (read_json, b"{}", NUMBERS, "expected one of dataframe_split, dataframe_records, instances, inputs"),
        (read_json, b'{"inputs": 1, "instances": 2}', NUMBERS, "found 'instances', 'inputs'"),
        (read_json, b'{"dataframe_records": {"a": [1]}}', NAMED, "dataframe_records is an object"),
        (read_json, b'{"dataframe_split": [[1, 2]]}', NAMED, "dataframe_split must be an object"),
        (read_json, b'{"dataframe_split": {"columns": "ab", "data": []}}', NAMED, "columns is a string"),
        (read_json, b'{"dataframe_split": {"columns": ["a"], "data": [[1]]}}', NAMED, "columns lacks 'b'"),
        (
            read_json,
            b'{"dataframe_split": {"columns": ["a", "a", "b"], "data": []}}',
            NAMED,
            "columns repeats 'a'",
        ),
        (
            read_json,
            b'{"dataframe_split": {"columns": ["b", "a"], "data": [[1]]}}',
            NAMED,
            "data[0] must be a list of 2",
        ),
        (read_json, b'{"dataframe_split": {"data": [{"a": 1}]}}', NAMED, "dataframe_split.data[0] is an object"),
        (read_json, b'{"dataframe_split": {"data": [[Infinity, 2]]}}', NAMED, "the body has the value Infinity"),
        (read_json, b'{"inputs": [[NaN, Infinity]]}', NAMED, "the body has the value Infinity"),
        (read_json, b'{"inputs": [[NaN, 1e999]]}', MISSING, "inputs[0][1] is too large for a 64-bit number"),
        (read_json, b"[NaN, 99999999999999999999]", NAMED, "the body is a list"),
        (read_json, b'["\\ud800", NaN]', NAMED, "half of a surrogate pair"),
        (read_json, b'{"\\uD83D\\ude00": NaN, "\\uDE00": 1}', NAMED, "half of a surrogate pair"),
        (read_json, b'{"\\uD83D\\ude00": NaN}', NAMED, "found '\U0001f600'"),
        (read_json, b'{"\xed\xa0\x80": NaN}', NAMED, "the body is not JSON"),
        (read_json, b'{"inputs": [[NaN, 1]]}', NAMED, "inputs[0][0] is null"),
        (
            read_json,
            b'{"inputs": {"a": ["good"], "b": ["bad"]}}',
            TEXTS,
            "inputs has 2 columns; this model takes one",
        ),
        (read_csv, b"", NAMED, "needs a line of column names and at least one row"),
        (read_csv, b"a,b\n1", NAMED, "line 2 has 1 fields; the first line has 2"),
        (read_csv, b"a,b\n1,x", NAMED, "the CSV['b'][0] is a string; a number is needed"),
        (read_csv, b"a,b\n5.1,1\n1,1\nx,1", NAMED, "the CSV['a'][2] is a string; a number is needed"),
        (read_csv, b"a,b\n1,inf", NAMED, "the CSV['b'][0] is too large"),
        (read_csv, b"a,z\n1,2", NAMED, "the CSV has unknown 'z'"),
        (read_csv, b"\xff\xfe", NAMED, "the body is not CSV in UTF-8"),
        (read_csv, b'a,b\n"1,2', NAMED, "the body is not CSV in UTF-8"),
    ],
)
def test_read_of_a_faulty_body_names_the_problem(read: Read, body: bytes, schema: Schema, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(body, schema)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (read_json, b'{"dataframe_records": [{"age": 20, "city": "Rome"}, {"age": null, "city": "Oslo"}]}'),
        (read_json, b'{"dataframe_split": {"columns": ["age", "city"], "data": [[20, "Rome"], [NaN, "Oslo"]]}}'),
        (read_csv, b"age,city\n20,Rome\n,Oslo\n"),
    ],
)
def test_read_of_each_form_for_a_model_of_columns_is_answered(read: Read, body: bytes) -> None:
    assert example_models.people.predict(read(body, PEOPLE)).tolist() == [0, 1]


def test_read_of_texts_by_csv_and_split_is_answered() -> None:
    for X in (
        read_csv(b"review\ngood\nbad\n", TEXTS),
        read_json(b'{"dataframe_split": {"columns": ["review"], "data": [["good"], ["bad"]]}}', TEXTS),
    ):
        assert example_models.texts.predict(X).tolist() == ["pos", "neg"]


def test_read_csv_of_an_empty_field_of_strings_is_a_missing_value() -> None:
    frame = read_csv(b"age,city\n30,\n30,Rome\n", schema_of(example_models.gaps))
    assert frame["city"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("content_type", "has_header"),
    [
        ("text/csv", None),
        ("Text/CSV; charset=utf-8", None),
        ("text/csv; header=present", True),
        ('text/csv;charset=utf-8; Header = "absent"', False),
    ],
)
def test_reader_of_csv_follows_the_parameter_header(content_type: str, has_header: bool | None) -> None:
    reader = reader_of(content_type)
    assert reader is not None
    assert getattr(reader, "keywords", {}).get("has_header") is has_header


def test_reader_of_other_types_is_json_or_none() -> None:
    assert reader_of("application/json; charset=utf-8") is read_json
    assert reader_of("text/plain") is reader_of("") is None
    with pytest.raises(InputError, match="header of text/csv is 'maybe'; it can be present or absent"):
        reader_of("text/csv; header=maybe")
