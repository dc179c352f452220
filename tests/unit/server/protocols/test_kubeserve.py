"""KubeServe's own protocol: each row of a table is one form of a body, or one fault in it."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from server.errors import InputError
from server.protocols import kubeserve
from server.protocols.kubeserve import read_data
from server.schema import Schema

FOUR = Schema(4, ("a", "b", "c", "d"))
MANY = Schema(9, tuple("abcdefghi"))
MISSING = Schema(2, (), allows_missing=True)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"data": [[1, 2]]}', [[1.0, 2.0]]),
        (b'{"data": [[1.5, -2], [0, 1e3]], "more": 1}', [[1.5, -2.0], [0.0, 1000.0]]),
        (b'\xef\xbb\xbf{"data": [[1, 2]]}', [[1.0, 2.0]]),
        (b'\xef\xbb\xbf{"data": [[true, false]]}', [[1.0, 0.0]]),
        (b'{"data": [[true, 2.5]]}', [[1.0, 2.5]]),
        (b'{"data": [[9223372036854775808, -1]]}', [[9223372036854775808.0, -1.0]]),
        (b'{"data": [[9223372036854775808], [-1]]}', [[9223372036854775808.0], [-1.0]]),
    ],
)
def test_read_data_of_numbers_returns_a_float_matrix(body: bytes, expected: list[list[float]]) -> None:
    matrix = read_data(body, Schema())
    assert matrix.dtype == np.float64
    assert matrix.tolist() == expected


@pytest.mark.parametrize(
    ("body", "schema", "words"),
    [
        (b"", FOUR, ["not JSON"]),
        (b"\xef\xbb\xbf", FOUR, ["not JSON"]),
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
        (b'{"data": [[9007199254740993,2,3,4]]}', FOUR, ["data[0][0] is 9007199254740993, an integer that a 64-bit"]),
        (b'{"data": [[1,2,3,4], [1,2,3,-9007199254740993]]}', FOUR, ["data[1][3] is -9007199254740993, an integer"]),
        (b'{"data": [[null,9007199254740993], [1.5,2]]}', MISSING, ["data[0][1] is 9007199254740993, an integer"]),
        (b'{"data": [[18446744073709551615, 2, 3, 4]]}', FOUR, ["data[0][0] is 18446744073709551615, an integer"]),
        (b'{"data": [[1,"x"]]}', MISSING, ["data[0][1] is a string"]),
    ],
)
def test_read_data_of_a_faulty_body_names_the_problem_and_its_place(
    body: bytes, schema: Schema, words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read_data(body, schema)
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize("body", [b'{"data": [[null, 2], [3, 4]]}', b'{"data": [[NaN, 2], [3, 4]]}'])
def test_read_data_null_for_a_model_that_takes_missing_values_is_nan(body: bytes) -> None:
    matrix = read_data(body, MISSING)
    np.testing.assert_array_equal(matrix, [[np.nan, 2], [3, 4]])


def test_encode_transformed_returns_a_row_for_each_row() -> None:
    sparse = CountVectorizer().fit(["a cat", "the dog"]).transform(["the cat", "dog dog"])
    assert orjson.loads(kubeserve.encode_transformed(sparse)) == {"transformed": [[1, 0, 1], [0, 2, 0]]}


def test_encode_probabilities_returns_them_with_their_classes() -> None:
    body = kubeserve.encode_probabilities(np.array([[0.25, 0.75]]), Schema(2, classes=("no", "yes")))
    assert orjson.loads(body) == {"probabilities": [[0.25, 0.75]], "classes": ["no", "yes"]}
