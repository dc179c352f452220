"""The fast path reads and writes as the regular path does, and leaves everything else to it."""

from __future__ import annotations

import timeit
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest

from server.http import fast_path
from server.inference.predictor import Predictor
from server.inputs.plain_rows import plain_reader
from server.labels import array_as_json
from server.protocols.json_answer import encode_predictions
from server.protocols.kubeserve import read_data
from server.schema import Schema
from server.telemetry.metrics import Metrics

KEYS = ("data",)


def many(last: bytes) -> bytes:
    """Return a body of many rows that ends with `last`."""
    return b'{"data": [' + b"[0.5, -1e15], " * 40 + last + b"]}"


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [[1.5, -2]]}',
        b'{"data":[[1,2],[3,4]]}',
        b' {"data" : [[true, 1e15]]} ',
        b'{"data": [[-0.0, 5e-324]]}',
        many(b"[true, 7]"),
    ],
)
def test_matrix_of_plain_rows_is_that_of_the_regular_path(body: bytes) -> None:
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
        *(b'{"data": [[1, 9007199254740993]]}', b'{"data": [[1, -9007199254740993]]}'),
        *(b'{"data": [["1"]]}', b'{"data": [{"a": 1, "b": 2}]}', b'{"datum": [[1, 2]]}', b'{"data": [[[1, 2]]]}'),
        *(b'{"data": [[1, 1e999]]}', b'{"data": [[1, 2]], "more": 1}', b'{"data": [[1, {}]]}'),
        *(many(b"[1, 2, 3]"), many(b"[1]"), many(b"[1, null]"), many(b"[1, [2]]"), many(b"7"), many(b"[]")),
    ],
)
def test_matrix_of_anything_else_is_none(body: bytes) -> None:
    assert fast_path.matrix(body, KEYS, 2) is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [["' + b"a" * 50_000 + b'", 1]]}',
        b'{"data": "' + b"a" * 50_000 + b'"}',
        b'{"data": [[1, 2]], "a": 1}',
        b'["a"]',
        b'"a"',
        b'{"da\\"ta": [[1, 2]]}',
    ],
)
def test_matrix_of_a_body_with_strings_is_none_before_numpy_gets_any(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast_path.np, "array", lambda *_: pytest.fail("NumPy was given this body"))
    assert fast_path.matrix(body, KEYS, 2) is None


@pytest.mark.parametrize("piece", [b"[", b"[[", b"[1,2],", b"[],", b"{},", b"9"])
def test_matrix_takes_time_in_proportion_to_the_body(piece: bytes) -> None:
    def seconds(count: int) -> float:  # processor time: other programs on a busy machine do not count
        body = b'{"data": [' + piece * count + b"[1,2]]}"
        return min(timeit.repeat(lambda: fast_path.matrix(body, KEYS, 2), number=3, repeat=5, timer=process_time))

    assert seconds(20_000) < 40 * seconds(2_000) + 1e-3


NAMED = Schema(names=("a", "b"))


def test_plain_rows_of_objects_are_those_of_the_regular_path() -> None:
    body = b'{"data": [{"b": 1, "a": 0.5}, {"a": -3, "b": 2e300}]}'
    read = plain_reader(NAMED)
    assert read is not None
    assert fast_path.plain_rows(body, KEYS, read) is None  # 2e300 may have been an integer
    body = body.replace(b"2e300", b"2.25")
    np.testing.assert_array_equal(fast_path.plain_rows(body, KEYS, read), read_data(body, NAMED), strict=True)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b'"data"', b"{", b'{"data": []}', b'{"data": {}}', b'{"data": "a"}'),
        b'{"datum": [{"a": 1, "b": 2}]}',
        *(b'{"data": [{"a": 1, "b": 2}], "more": 1}', b'{"data": [{"a": 1}]}', b'{"data": [{"a": "1", "b": 2}]}'),
        *(b'{"data": [{"a": NaN, "b": 2}]}', b'{"data": [{"a": 1, "b": 2}, [1, 2]]}'),
    ],
)
def test_plain_rows_of_anything_else_are_none(body: bytes) -> None:
    read = plain_reader(NAMED)
    assert read is not None
    assert fast_path.plain_rows(body, KEYS, read) is None


def test_matrix_before_the_model_is_loaded_is_none() -> None:
    assert fast_path.matrix(b'{"data": [[1, 2]]}', KEYS, None) is None


@pytest.mark.parametrize(
    ("name", "taken"), [("iris-2.0_a", True), *((odd, False) for odd in ("a%20b", "a?b", "a#b", "a/b", "a b", "é"))]
)
def test_endpoints_leave_a_target_that_the_router_reads_as_another_name(name: str, *, taken: bool) -> None:
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
        np.array([-2, 7], dtype=np.int32),
        np.array(["a", None, 1, float("nan")], dtype=object),
        np.array([b"a", b"\xff"]),
        np.array(["2024-01-01", "NaT"], "M8[ns]"),
    ],
)
def test_encoded_answer_is_that_of_the_regular_path(answer: Any) -> None:
    assert fast_path.encoded(answer, array_as_json(answer)) == encode_predictions(answer)
