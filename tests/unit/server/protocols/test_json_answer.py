"""A model's answers as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from scipy import sparse

from server.errors import InputError
from server.labels import array_as_json
from server.protocols import json_answer
from server.protocols.json_answer import MAX_DENSE_VALUES, dense, encode_json, encode_predictions
from server.short_steps import STEP


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
        (np.array([1.5, np.nan], dtype=np.longdouble), b"[1.5,null]"),
        (pd.Series(["a", "b"]), b'["a","b"]'),
        (pd.DataFrame({"p": [0.5], "q": [1.5]}), b"[[0.5,1.5]]"),
    ],
)
def test_encode_predictions_of_any_type_returns_json(predictions: Any, expected: bytes) -> None:
    assert encode_predictions(predictions) == b'{"predictions":' + expected + b"}"


def test_dense_of_a_matrix_that_would_become_large_is_refused_with_the_rows_that_fit() -> None:
    columns = MAX_DENSE_VALUES // 4
    assert dense(sparse.csr_matrix((4, columns))).shape == (4, columns)
    assert dense(sparse.csr_matrix((1, MAX_DENSE_VALUES + 1))).shape == (1, MAX_DENSE_VALUES + 1)
    with pytest.raises(InputError, match=f"5 x {columns} values; send at most 4 rows"):
        dense(sparse.csr_matrix((5, columns)))
    assert dense(sparse.csr_matrix((3, 0))).shape == (3, 0)


@pytest.mark.parametrize("shape", [(STEP,), (STEP + 1,), (STEP + 1, 3), (5, STEP), (1, STEP + 1), (STEP + 1, 2, 2)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool", "U4", "datetime64[D]", "object"])
def test_encode_predictions_of_many_values_in_slices_is_as_in_one_piece(shape: tuple[int, ...], dtype: str) -> None:
    values = np.random.default_rng(0).normal(0, 9, shape).astype("int64" if dtype == "datetime64[D]" else "float64")
    values = values.astype(dtype)
    whole = values if values.dtype.kind in "fib" else array_as_json(values)
    assert encode_predictions(values) == encode_json({"predictions": whole})


def test_encode_predictions_of_many_labels_never_encodes_them_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = json_answer.array_as_json
    monkeypatch.setattr(json_answer, "array_as_json", lambda values: (sizes.append(values.size), real(values))[1])
    labels = np.array(["yes", "no"], object).repeat(2 * STEP)
    assert orjson.loads(encode_predictions(labels)) == {"predictions": labels.tolist()}
    assert sizes == [STEP] * 4
