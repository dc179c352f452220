"""Bodies to matrices and predictions to JSON: each row of a table is one promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from server.errors import InputError
from server.protocols.json_payload import encode, parse
from server.schema import Schema

FOUR = Schema(4, ("a", "b", "c", "d"))
MANY = Schema(9, tuple("abcdefghi"))
MISSING = Schema(2, (), allows_missing=True)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"data": [[1, 2]]}', [[1.0, 2.0]]),
        (b'{"data": [[1.5, -2], [0, 1e3]], "more": 1}', [[1.5, -2.0], [0.0, 1000.0]]),
        (b'{"data": [[true, false]]}', [[1.0, 0.0]]),
        (b'{"data": [[true, 2.5]]}', [[1.0, 2.5]]),
        (b'{"data": [[18446744073709551615, -1]]}', [[18446744073709551615.0, -1.0]]),
    ],
)
def test_numbers_become_a_float_matrix(body: bytes, expected: list[list[float]]) -> None:
    matrix = parse(body, Schema())
    assert matrix.dtype == np.float64
    assert matrix.tolist() == expected


@pytest.mark.parametrize(
    ("body", "schema", "words"),
    [
        (b"", FOUR, ["not JSON"]),
        (b'{"data": [[1,]]}', FOUR, ["not JSON", "column"]),
        (b'{"data": [[1,2,NaN,4]]}', FOUR, ["data[0][2] is null", "takes no missing values"]),
        (b'{"data": [[1,2,-Infinity,4]]}', FOUR, ["the body has the value -Infinity; a finite number"]),
        (b'{"data": [[1,NaN,]]}', FOUR, ["not JSON"]),
        (b'{"data": [[1e999]]}', FOUR, ["not JSON", "infinity"]),
        (b"[[1, 2]]", FOUR, ["body is a list"]),
        (b'{"instances": []}', FOUR, ["'data'", "'instances'"]),
        (b'{"data": {"a": 1}}', FOUR, ["data is an object"]),
        (b'{"data": []}', FOUR, ["data is empty"]),
        (b'{"data": [[]]}', FOUR, ["data[0] is empty"]),
        (b'{"data": [1, 2]}', FOUR, ["data[0]", "wrap"]),
        (b'{"data": [[1, 2], 3]}', FOUR, ["data[1] is a number"]),
        (b'{"data": [[1,2,3,4], [1,2,3]]}', FOUR, ["data[1] has 3 values, data[0] has 4"]),
        (b'{"data": [[1,2,3]]}', FOUR, ["data[0] has 3 values; the model takes 4: a, b, c, d"]),
        (b'{"data": [[1,2,3]]}', MANY, ["takes 9: a, b", "…"]),
        (b'{"data": [["1.5",2,3,4]]}', FOUR, ["data[0][0] is a string; a number is needed"]),
        (b'{"data": [[1,2,3,4], [1,2,"x",4]]}', FOUR, ["data[1][2] is a string"]),
        (b'{"data": [[1,2,3,[4]]]}', FOUR, ["data[0][3] is a list"]),
        (b'{"data": [[[1],[2],[3],[4]]]}', FOUR, ["data[0][0] is a list"]),
        (b'{"data": [[1,2,3,{}]]}', FOUR, ["data[0][3] is an object"]),
        (b'{"data": [[1,null,3,4]]}', FOUR, ["data[0][1] is null"]),
        (b'{"data": [[1,"x"]]}', MISSING, ["data[0][1] is a string"]),
    ],
)
def test_an_error_names_the_problem_and_its_place(body: bytes, schema: Schema, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse(body, schema)
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize("body", [b'{"data": [[null, 2], [3, 4]]}', b'{"data": [[NaN, 2], [3, 4]]}'])
def test_null_is_nan_where_the_model_takes_missing_values(body: bytes) -> None:
    matrix = parse(body, MISSING)
    np.testing.assert_array_equal(matrix, [[np.nan, 2], [3, 4]])


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [
        (np.array([1, 2]), b"[1,2]"),
        (np.array([0.5, np.nan, np.inf, -np.inf]), b"[0.5,null,null,null]"),
        (np.array([True, False]), b"[true,false]"),
        (np.array(["cat", "dög"]), '["cat","dög"]'.encode()),
        (np.array([1, "a", None, np.int64(3), np.float64("nan")], dtype=object), b'[1,"a",null,3,null]'),
        (np.array([[1.0, 2.0], [3.0, 4.0]]).T, b"[[1.0,3.0],[2.0,4.0]]"),
        ([np.array([1]), np.array(["b"])], b'[[1],["b"]]'),
        (sparse.csr_matrix([[0, 1]]), b"[[0,1]]"),
        (np.array([0.1], dtype=np.float32), b"[0.1]"),
    ],
)
def test_predictions_become_json(predictions: Any, expected: bytes) -> None:
    assert encode(predictions) == b'{"predictions":' + expected + b"}"
