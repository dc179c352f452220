"""The client's own form, for a model that does not say what it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from server.errors import InputError
from server.inputs.json_rows import rows_to_input
from server.inputs.named_columns import columns_to_input, table_to_input
from server.schema import InputForm, Schema

AS_SENT = Schema(form=InputForm.AS_SENT)
NAN = float("nan")


def read(data: Any) -> Any:
    return rows_to_input(data, AS_SENT, "data", no_strings=False)


def test_objects_columns_and_tables_become_a_dataframe_in_the_requests_order() -> None:
    expected = pd.DataFrame({"b": [1, 2], "a": ["x", None]})
    objects = read([{"b": 1, "a": "x"}, {"a": None, "b": 2}])
    columns = columns_to_input(["b", "a"], [[1, 2], ["x", None]], AS_SENT, "inputs")
    table = table_to_input(["b", "a"], [[1, "x"], [2, None]], AS_SENT, "data", "columns")
    arrays = columns_to_input(["b", "a"], [np.array([1, 2]), np.array(["x", None], object)], AS_SENT, "inputs")
    for found in (objects, columns, table, arrays):
        pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("data", "dtype", "expected"),
    [
        ([[1, 2.5], [True, None]], "float64", [[1.0, 2.5], [1.0, NAN]]),
        ([["x", 1], [None, 2**60]], "object", [["x", 1], [NAN, 2**60]]),
        (["x", "y"], "object", ["x", "y"]),
    ],
)
def test_lists_of_numbers_become_a_matrix_and_others_an_object_array(data: Any, dtype: str, expected: Any) -> None:
    found = read(data)
    assert found.dtype == dtype
    pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(np.array(expected, found.dtype)))


def test_lists_of_different_lengths_stay_lists() -> None:
    found = read([["a", "b"], ["c"], []])
    assert (found.dtype, found.tolist()) == (object, [["a", "b"], ["c"], []])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([1, 2], "data[0] is a number; expected a list of values; wrap a single row: [[…]]"),
        ([[1], {"a": 1}], "data[1] is an object; data[0] is a list"),
        ([{}], "data[0] is empty"),
        ([[]], "data[0] is empty"),
        ([[1, 2], [1]], "data[1] has 1 values, data[0] has 2"),
        ([["a"], ["b", []]], "data[1][1] is a list; a value is needed"),
        ([["a", []]], "data[0][1] is a list; a value is needed"),
        ([[[1]]], "data[0][0] is a list; a value is needed"),
        ([{"a": 1, "b": 2}, {"a": 1}], "data[1] lacks 'b', unlike data[0]: each row needs the same names"),
        ([{"a": 1}, {"a": 1, "z": 2}], "data[1] has 'z', unlike data[0]"),
        ([{"a": {}}], "data[0]['a'] is an object; a value is needed"),
        ([[2**53 + 1]], "data[0][0] is 9007199254740993, an integer that a 64-bit float cannot hold"),
    ],
)
def test_rows_that_are_not_alike_are_refused_by_place(data: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(data)
    assert words in str(caught.value)


def test_columns_with_a_name_twice_are_refused() -> None:
    for refused in (
        lambda: columns_to_input(["a", "a"], [[1], [2]], AS_SENT, "inputs"),
        lambda: table_to_input(["a", "a"], [[1, 2]], AS_SENT, "data", "inputs"),
    ):
        with pytest.raises(InputError, match="inputs repeats 'a'"):
            refused()
