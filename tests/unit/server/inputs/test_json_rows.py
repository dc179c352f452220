"""Rows by name, of strings and of texts: everything but a matrix of numbers, and the error for what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from server.errors import InputError
from server.protocols.kubeserve import read_data
from server.schema import Schema
from tests.unit.server import example_models
from tests.unit.server.example_models import schema_of

NAMED = schema_of(example_models.named)
PEOPLE = schema_of(example_models.people)
OBJECTS = schema_of(example_models.objects)
TEXTS = schema_of(example_models.texts)
GAPS = schema_of(example_models.gaps)
COLON = Schema(2, ("a:b", "c"))


@pytest.mark.parametrize(
    ("schema", "body", "expected"),
    [
        (NAMED, b'{"data": [{"b": 2, "a": 1}]}', [[1.0, 2.0]]),
        (NAMED, b'{"data": [{"a": 1, "b": 2}, {"b": 4, "a": 3.5}]}', [[1.0, 2.0], [3.5, 4.0]]),
        (NAMED, b'{"data": [{"a": 1, "b": 2, "a": 3}]}', [[3.0, 2.0]]),
        (NAMED, b'{"other": {"x": 1}, "data": [{"b": 2, "\\u0061": 1}]}', [[1.0, 2.0]]),
        (COLON, b'{"data": [{"c": 2, "a:b": 1}]}', [[1.0, 2.0]]),
        (Schema(2, ("a", "b"), allows_missing=True), b'{"data": [{"a": null, "b": 2}]}', [[np.nan, 2.0]]),
    ],
)
def test_rows_of_objects_are_put_into_the_models_order(
    schema: Schema, body: bytes, expected: list[list[float]]
) -> None:
    X = read_data(body, schema)
    assert X.dtype == np.float64
    np.testing.assert_array_equal(X, expected)


@pytest.mark.parametrize(
    ("schema", "body", "words"),
    [
        (NAMED, b'{"data": [{"a": 1}]}', "data[0] lacks 'b'; the model takes a, b"),
        (NAMED, b'{"data": [{"a": 1, "b": 2}, {"a": 1, "b": 2, "z": 3}]}', "data[1] has unknown 'z'"),
        (NAMED, b'{"data": [{"a": 1, "b": 2}, [1, 2]]}', "data[1] is a list; expected an object by feature name"),
        (NAMED, b'{"data": [[1, 2], {"a": 1, "b": 2}]}', "data[1] is an object; expected a list"),
        (NAMED, b'{"data": [{"a": 1, "b": "2"}]}', "data[0]['b'] is a string; a number is needed"),
        (NAMED, b'{"data": [{}]}', "data[0] lacks 'a', 'b'"),
        (Schema(2), b'{"data": [{"a": 1, "b": 2}]}', "the model has no feature names"),
        (Schema(2, ("a", "a")), b'{"data": [{"a": 1}]}', "some of the model's names repeat"),
        (PEOPLE, b'{"data": [{"city": 5, "age": 2}]}', "data[0]['city'] is a number; a string is needed"),
        (PEOPLE, b'{"data": [["Rome", [1]]]}', "data[0][1] is a list; a number is needed"),
        (PEOPLE, b'{"data": [["Rome"]]}', "data[0] has 1 values; the model takes 2: city, age"),
        (OBJECTS, b'{"data": [["x", "y"]]}', "data[0][1] is a string; a number is needed"),
        (TEXTS, b'{"data": [1]}', "data[0] is a number; this model takes a string for each row"),
        (TEXTS, b'{"data": [["a", "b"]]}', "data[0] is a list; this model takes a string for each row"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_place(schema: Schema, body: bytes, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_data(body, schema)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [["Rome", 20], ["Oslo", null]]}',
        b'{"data": [{"age": 20, "city": "Rome"}, {"city": "Oslo", "age": null}]}',
    ],
)
def test_rows_for_a_model_of_columns_become_a_dataframe(body: bytes) -> None:
    frame: Any = read_data(body, PEOPLE)
    assert list(frame.columns) == ["city", "age"]
    assert frame["city"].tolist() == ["Rome", "Oslo"]
    assert example_models.people.predict(frame).tolist() == [0, 1]


def test_rows_of_strings_and_of_texts_become_object_arrays() -> None:
    assert example_models.objects.predict(read_data(b'{"data": [["y", 2], ["x", 1]]}', OBJECTS)).tolist() == [1, 0]
    assert example_models.texts.predict(read_data(b'{"data": ["bad", ["good"]]}', TEXTS)).tolist() == ["neg", "pos"]


def test_rows_with_a_null_are_answered_alone_as_with_other_rows() -> None:
    alone = example_models.gaps.predict_proba(read_data(b'{"data": [{"age": 30, "city": null}]}', GAPS))
    beside = b'{"data": [{"age": 30, "city": null}, {"age": 20, "city": "Rome"}]}'
    assert alone[0].tolist() == example_models.gaps.predict_proba(read_data(beside, GAPS))[0].tolist()
    assert (
        alone[0].tolist() == example_models.gaps.predict_proba(read_data(b'{"data": [[30, "Rome"]]}', GAPS))[0].tolist()
    )
