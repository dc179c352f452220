"""KServe's V1 protocol: each row of a table is one form of a request, or one fault in it."""

from __future__ import annotations

import numpy as np
import pytest

from server.errors import InputError
from server.protocols.kserve_v1 import model_of, read_instances
from server.schema import Schema
from tests.unit.server import example_models
from tests.unit.server.example_models import schema_of

NUMBERS = schema_of(example_models.numbers)
NAMED = schema_of(example_models.named)
PEOPLE = schema_of(example_models.people)


@pytest.mark.parametrize(
    ("body", "schema", "expected"),
    [
        (b'{"instances": [[1, 2]]}', NUMBERS, [[1, 2]]),
        (b'{"inputs": [[1, 2]], "id": "x"}', NUMBERS, [[1, 2]]),
        (b'{"instances": [{"b": 2, "a": 1}]}', NAMED, [[1, 2]]),
        (b'{"inputs": {"b": [2, 4], "a": [1, 3]}}', NAMED, [[1, 2], [3, 4]]),
    ],
)
def test_read_instances_of_each_form_returns_the_models_input(
    body: bytes, schema: Schema, expected: list[list[float]]
) -> None:
    X = read_instances(body, schema)
    assert X.dtype == np.float64
    np.testing.assert_array_equal(X, expected)


@pytest.mark.parametrize(
    ("body", "schema", "words"),
    [
        (b'{"data": [[1, 2]]}', NUMBERS, "expected either 'instances' or 'inputs'"),
        (b'{"instances": [], "inputs": []}', NUMBERS, "found both"),
        (
            b'{"instances": [[1, NaN]]}',
            NUMBERS,
            "instances[0][1] is null or NaN; a number is needed",
        ),
        (b'{"instances": [[1, "x"]]}', NUMBERS, "instances[0][1] is a string"),
        (
            b'{"inputs": {"a": [1], "b": 2}}',
            NAMED,
            "inputs['b'] is a number; expected a list",
        ),
        (b'{"inputs": {"a": [1], "b": []}}', NAMED, "inputs has columns of 0 and 1 values"),
        (b'{"inputs": {"a": [], "b": []}}', NAMED, "inputs has no rows"),
    ],
)
def test_read_instances_of_a_faulty_body_names_the_problem(body: bytes, schema: Schema, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_instances(body, schema)
    assert words in str(caught.value)


def test_read_instances_of_columns_for_a_model_of_columns_is_answered() -> None:
    frame = read_instances(b'{"inputs": {"age": [20, null], "city": ["Rome", "Oslo"]}}', PEOPLE)
    assert example_models.people.predict(frame).tolist() == [0, 1]


def test_model_of_a_segment_returns_the_model_only_for_predict() -> None:
    assert [model_of(text) for text in ("iris:predict", "iris:explain", "iris")] == ["iris", None, None]
