"""KServe V1, MLflow, and the seed's probabilities: what each form of a request means, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest

from server.errors import InputError
from server.model.introspection import schema_of
from server.protocols import kserve_v1, kubeserve, mlflow
from server.schema import Schema
from tests.unit.server import example_models

NUMBERS = schema_of(example_models.numbers)
NAMED = schema_of(example_models.named)
PEOPLE = schema_of(example_models.people)
TEXTS = schema_of(example_models.texts)
MISSING = Schema(2, ("a", "b"), allows_missing=True)

Read = Callable[[bytes, Schema], Any]


@pytest.mark.parametrize(
    ("read", "body", "schema", "expected"),
    [
        (kserve_v1.read, b'{"instances": [[1, 2]]}', NUMBERS, [[1, 2]]),
        (kserve_v1.read, b'{"inputs": [[1, 2]], "id": "x"}', NUMBERS, [[1, 2]]),
        (kserve_v1.read, b'{"instances": [{"b": 2, "a": 1}]}', NAMED, [[1, 2]]),
        (kserve_v1.read, b'{"inputs": {"b": [2, 4], "a": [1, 3]}}', NAMED, [[1, 2], [3, 4]]),
        (mlflow.read, b'{"instances": [[1, 2]], "params": {"x": 1}}', NUMBERS, [[1, 2]]),
        (mlflow.read, b'{"inputs": [[1, 2]]}', NUMBERS, [[1, 2]]),
        (mlflow.read, b'{"inputs": {"b": [2], "a": [1]}}', NAMED, [[1, 2]]),
        (mlflow.read, b'{"dataframe_records": [{"b": 2, "a": 1}]}', NAMED, [[1, 2]]),
        (mlflow.read, b'{"dataframe_split": {"data": [[1, 2]]}}', NAMED, [[1, 2]]),
        (mlflow.read, b'{"dataframe_split": {"columns": [0, 1], "index": [7], "data": [[1, 2]]}}', NUMBERS, [[1, 2]]),
        (
            mlflow.read,
            b'{"dataframe_split": {"columns": ["b", "a"], "data": [[2, 1], [4, 3]]}}',
            NAMED,
            [[1, 2], [3, 4]],
        ),
        (mlflow.read, b'{"dataframe_split": {"columns": ["a", "b"], "data": [[NaN, 2]]}}', MISSING, [[np.nan, 2]]),
        (mlflow.read_csv, b"b,a\r\n2,1\r\n4.5,3\r\n", NAMED, [[1, 2], [3, 4.5]]),
        (mlflow.read_csv, "\ufeffa,b\n1,2\n\n".encode(), NUMBERS, [[1, 2]]),
        (mlflow.read_csv, b"a,b\n,2", MISSING, [[np.nan, 2]]),
    ],
)
def test_forms_of_a_request(read: Read, body: bytes, schema: Schema, expected: list[list[float]]) -> None:
    X = read(body, schema)
    assert X.dtype == np.float64
    np.testing.assert_array_equal(X, expected)


@pytest.mark.parametrize(
    ("read", "body", "schema", "words"),
    [
        (kserve_v1.read, b'{"data": [[1, 2]]}', NUMBERS, "expected either 'instances' or 'inputs'"),
        (kserve_v1.read, b'{"instances": [], "inputs": []}', NUMBERS, "found both"),
        (kserve_v1.read, b'{"instances": [[1, NaN]]}', NUMBERS, "instances[0][1] is null; a number is needed"),
        (kserve_v1.read, b'{"instances": [[1, "x"]]}', NUMBERS, "instances[0][1] is a string"),
        (kserve_v1.read, b'{"inputs": {"a": [1], "b": 2}}', NAMED, "inputs['b'] is a number; expected a list"),
        (kserve_v1.read, b'{"inputs": {"a": [1], "b": [2], "a": [3]}}', NAMED, "the name 'a' stands twice"),
        (kserve_v1.read, b'{"inputs": {"a": [1], "b": []}}', NAMED, "inputs has columns of 0 and 1 values"),
        (kserve_v1.read, b'{"inputs": {"a": [], "b": []}}', NAMED, "inputs has no rows"),
        (mlflow.read, b"{}", NUMBERS, "expected one of dataframe_split, dataframe_records, instances, inputs"),
        (mlflow.read, b'{"inputs": 1, "instances": 2}', NUMBERS, "found 'instances', 'inputs'"),
        (mlflow.read, b'{"dataframe_records": {"a": [1]}}', NAMED, "dataframe_records is an object"),
        (mlflow.read, b'{"dataframe_split": [[1, 2]]}', NAMED, "dataframe_split must be an object"),
        (mlflow.read, b'{"dataframe_split": {"columns": "ab", "data": []}}', NAMED, "columns is a string"),
        (mlflow.read, b'{"dataframe_split": {"columns": ["a"], "data": [[1]]}}', NAMED, "columns lacks 'b'"),
        (mlflow.read, b'{"dataframe_split": {"columns": ["a", "a", "b"], "data": []}}', NAMED, "columns repeats 'a'"),
        (
            mlflow.read,
            b'{"dataframe_split": {"columns": ["b", "a"], "data": [[1]]}}',
            NAMED,
            "data[0] must be a list of 2",
        ),
        (mlflow.read, b'{"dataframe_split": {"data": [{"a": 1}]}}', NAMED, "dataframe_split.data[0] is an object"),
        (mlflow.read, b'{"dataframe_split": {"data": [[Infinity, 2]]}}', NAMED, "the body has the value Infinity"),
        (mlflow.read, b'{"inputs": [[NaN, Infinity]]}', NAMED, "the body has the value Infinity"),
        (mlflow.read, b'{"inputs": [[NaN, 1e999]]}', MISSING, "inputs[0][1] is too large for a 64-bit number"),
        (mlflow.read, b"[NaN, 99999999999999999999]", NAMED, "the body is a list"),
        (mlflow.read, b'["\\ud800", NaN]', NAMED, "half of a surrogate pair"),
        (mlflow.read, b'{"\\uD83D\\ude00": NaN, "\\uDE00": 1}', NAMED, "half of a surrogate pair"),
        (mlflow.read, b'{"\\uD83D\\ude00": NaN}', NAMED, "found '\U0001f600'"),
        (mlflow.read, b'{"\xed\xa0\x80": NaN}', NAMED, "the body is not JSON"),
        (mlflow.read, b'{"inputs": [[NaN, 1]]}', NAMED, "inputs[0][0] is null"),
        (
            mlflow.read,
            b'{"inputs": {"a": ["good"], "b": ["bad"]}}',
            TEXTS,
            "inputs has 2 columns; this model takes one",
        ),
        (mlflow.read_csv, b"", NAMED, "needs a line of column names and at least one row"),
        (mlflow.read_csv, b"a,b\n1", NAMED, "line 2 has 1 fields; the first line has 2"),
        (mlflow.read_csv, b"a,b\n1,x", NAMED, "the CSV[0][1] is a string; a number is needed"),
        (mlflow.read_csv, b"a,b\n5.1,1\n1,1\nx,1", NAMED, "the CSV[2][0] is a string; a number is needed"),
        (mlflow.read_csv, b"a,b\n1,inf", NAMED, "the CSV[0][1] is too large"),
        (mlflow.read_csv, b"a,z\n1,2", NAMED, "the CSV has unknown 'z'"),
        (mlflow.read_csv, b"\xff\xfe", NAMED, "the body is not CSV in UTF-8"),
        (mlflow.read_csv, b'a,b\n"1,2', NAMED, "the body is not CSV in UTF-8"),
    ],
)
def test_what_does_not_fit_is_named(read: Read, body: bytes, schema: Schema, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(body, schema)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (kserve_v1.read, b'{"inputs": {"age": [20, null], "city": ["Rome", "Oslo"]}}'),
        (mlflow.read, b'{"dataframe_records": [{"age": 20, "city": "Rome"}, {"age": null, "city": "Oslo"}]}'),
        (mlflow.read, b'{"dataframe_split": {"columns": ["age", "city"], "data": [[20, "Rome"], [NaN, "Oslo"]]}}'),
        (mlflow.read_csv, b"age,city\n20,Rome\n,Oslo\n"),
    ],
)
def test_a_model_of_columns_is_served_by_each(read: Read, body: bytes) -> None:
    assert example_models.people.predict(read(body, PEOPLE)).tolist() == [0, 1]


def test_texts_by_csv_and_split() -> None:
    for X in (
        mlflow.read_csv(b"review\ngood\nbad\n", TEXTS),
        mlflow.read(b'{"dataframe_split": {"columns": ["review"], "data": [["good"], ["bad"]]}}', TEXTS),
    ):
        assert example_models.texts.predict(X).tolist() == ["pos", "neg"]


def test_probabilities_come_with_their_classes() -> None:
    body = kubeserve.probabilities(np.array([[0.25, 0.75]]), NUMBERS)
    assert orjson.loads(body) == {"probabilities": [[0.25, 0.75]], "classes": ["no", "yes"]}


def test_the_model_is_named_in_the_path() -> None:
    assert [kserve_v1.model_of(text) for text in ("iris:predict", "iris:explain", "iris")] == ["iris", None, None]
