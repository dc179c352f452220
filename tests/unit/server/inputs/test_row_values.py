"""Rows that are one value each: texts, dicts and lists of tokens."""

from __future__ import annotations

import math
from typing import Any

import pytest

from server.errors import InputError
from server.inputs.json_rows import rows_to_input
from server.inputs.named_columns import columns_to_input, table_to_input
from server.schema import InputForm, Schema

TEXTS, DICTS, TOKENS = (Schema(form=form) for form in (InputForm.TEXTS, InputForm.DICTS, InputForm.TOKENS))


def read(data: Any, schema: Schema) -> Any:
    return rows_to_input(data, schema, "data", no_strings=False)


def test_dicts_stay_dicts_with_nan_for_null() -> None:
    rows = [{"city": "Rome", "temp": 1.5, "wet": True}, {"other": 2**60}]
    assert read(rows, DICTS) == rows
    assert math.isnan(read([{"temp": None}], DICTS)[0]["temp"])


def test_dicts_from_columns_and_tables_are_made_of_their_names() -> None:
    expected = [{"city": "Rome", "temp": 1}, {"city": "Oslo", "temp": 2}]
    assert columns_to_input(["city", "temp"], [["Rome", "Oslo"], [1, 2]], DICTS, "inputs") == expected
    assert table_to_input(["city", "temp"], [["Rome", 1], ["Oslo", 2]], DICTS, "data", "columns") == expected


def test_tokens_stay_lists_of_strings_of_any_length() -> None:
    assert read([["a", "b"], [], ["c"]], TOKENS) == [["a", "b"], [], ["c"]]


def test_texts_may_stand_in_a_list_or_an_object_of_one() -> None:
    assert read(["a", ["b"], {"text": "c"}], TEXTS).tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("data", "schema", "words"),
    [
        ([[1, 2]], DICTS, 'data[0] is a list; this model takes an object for each row, such as {"city": "Rome"}'),
        ([{"a": 1}, {"b": [1]}], DICTS, "data[1]['b'] is a list; a number, a string or a boolean is needed"),
        ([{"a": {"b": 1}}], DICTS, "data[0]['a'] is an object"),
        (["a b"], TOKENS, "data[0] is a string; this model takes a list of strings for each row"),
        ([["a"], ["b", 1]], TOKENS, "data[1][1] is a number; this model takes lists of strings"),
        ([{"a": "x", "b": "y"}], TEXTS, "data[0] is an object; this model takes a string for each row"),
        ([None], TEXTS, "data[0] is null"),
    ],
)
def test_rows_that_do_not_suit_are_refused_by_place(data: Any, schema: Schema, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(data, schema)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("names", "columns", "schema", "words"),
    [
        (["a", "a"], [[1], [2]], DICTS, "inputs repeats 'a'"),
        (["a"], [["x"]], TOKENS, "inputs has columns; this model takes a list of strings for each row"),
        (["a", "b"], [["x"], ["y"]], TEXTS, "inputs has 2 columns; this model takes one of texts"),
        (["a", "b"], [[1], []], DICTS, "inputs has columns of 0 and 1 values"),
    ],
)
def test_columns_that_do_not_suit_are_refused(names: list[str], columns: Any, schema: Schema, words: str) -> None:
    with pytest.raises(InputError) as caught:
        columns_to_input(names, columns, schema, "inputs")
    assert words in str(caught.value)
