"""The hot path takes what is usual and leaves all else; what it takes means the same as on the ordinary way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.http import fast_path
from server.inference.predictor import Predictor
from server.protocols.json_answer import encode_predictions
from server.protocols.kubeserve import read_data
from server.schema import Schema
from server.telemetry.metrics import Metrics

KEYS = ("data",)


def many(last: bytes) -> bytes:
    """A body of many rows, of which the last may be odd."""
    return b'{"data": [' + b"[0.5, -1e300], " * 40 + last + b"]}"


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [[1.5, -2]]}',
        b'{"data":[[1,2],[3,4]]}',
        b' {"data" : [[true, 1e300]]} ',
        b'{"data": [[-0.0, 5e-324]]}',
        many(b"[true, 7]"),
    ],
)
def test_usual_bodies_are_read_as_on_the_ordinary_way(body: bytes) -> None:
    X = fast_path.matrix(body, KEYS, 2)
    assert X is not None
    np.testing.assert_array_equal(X, read_data(body, Schema(2)), strict=True)


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"{",
            b"[]",
            b"7",
            b'["data"]',
            b'"data"',
            b'{"data": 1}',
            b'{"data": []}',
            b'{"data": [[]]}',
            b'{"data": [1, 2]}',
        ),
        *(b'{"data": [[1]]}', b'{"data": [[1, 2], [3]]}', b'{"data": [[1, null]]}', b'{"data": [["1", 2]]}'),
        *(b'{"data": [["1"]]}', b'{"data": [{"a": 1, "b": 2}]}', b'{"datum": [[1, 2]]}', b'{"data": [[[1, 2]]]}'),
        *(b'{"data": [[1, 1e999]]}', b'{"data": [[1, 2]], "more": 1}', b'{"data": [[1, {}]]}'),
        *(many(b"[1, 2, 3]"), many(b"[1]"), many(b"[1, null]"), many(b"[1, [2]]"), many(b"7"), many(b"[]")),
    ],
)
def test_all_else_is_left_to_the_ordinary_way(body: bytes) -> None:
    assert fast_path.matrix(body, KEYS, 2) is None


def test_before_the_model_is_there_nothing_is_taken() -> None:
    assert fast_path.matrix(b'{"data": [[1, 2]]}', KEYS, None) is None


@pytest.mark.parametrize(
    ("name", "taken"), [("iris-2.0_a", True), *((odd, False) for odd in ("a%20b", "a?b", "a#b", "a/b", "a b", "é"))]
)
def test_a_target_that_the_router_reads_as_another_name_is_the_routers(name: str, *, taken: bool) -> None:
    endpoints = fast_path.FastPath(Predictor(Path("model.joblib")), Metrics("", ""), name).endpoints
    assert (f"/v1/models/{name}:predict".encode() in endpoints) is taken
    assert b"/predict" in endpoints


@pytest.mark.parametrize(
    "answer",
    [
        np.array(["cat", "dög"]),
        np.array([1, 2]),
        np.array([0.1, np.nan, np.inf]),
        np.array([[0.25, 0.75]]),
        np.array([True]),
        np.array([0.1], dtype=np.float32),
        np.array(["a", None, 1], dtype=object),
    ],
)
def test_answers_are_written_as_on_the_ordinary_way(answer: Any) -> None:
    assert fast_path.encoded(answer, answer.tolist()) == encode_predictions(answer)
