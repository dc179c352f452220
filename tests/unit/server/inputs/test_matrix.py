"""Every value is checked, whichever way is chosen by the size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import InputError
from server.inputs import matrix
from server.inputs.json_rows import rows_to_input
from server.inputs.matrix import MAX_DOT_SIZE, as_matrix_or_none, finite, plain
from server.inputs.named_columns import columns_to_input
from server.schema import Schema
from tests.examples import examples


@pytest.mark.parametrize("size", [1, 100, MAX_DOT_SIZE, MAX_DOT_SIZE + 1, 100_000])
def test_finite_with_one_value_that_is_not_is_false(size: int) -> None:
    for bad in (np.nan, np.inf, -np.inf):
        for place in (0, size // 2, size - 1):
            X = np.ones((size, 1))
            assert finite(X)
            X[place] = bad
            assert not finite(X)


@pytest.mark.parametrize("size", [2, MAX_DOT_SIZE * 2])
def test_finite_where_the_sum_overflows_or_infinities_cancel_looks_at_each_value(size: int) -> None:
    assert finite(np.full((size, 1), 1.7e308))
    assert not finite(np.tile([np.inf, -np.inf], (size, 1)))


@pytest.mark.parametrize("data", [[[], []], [], [1, 2], [[1], [2]], [[1, 2, 3]], [{"a": 1}], {"a": [1]}, "ab", None])
def test_as_matrix_or_none_without_a_first_row_that_fits_does_not_call_numpy(
    data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "np", None)
    assert as_matrix_or_none(data, Schema(2), no_strings=True) is None


@pytest.mark.parametrize("size", [1, MAX_DOT_SIZE, MAX_DOT_SIZE + 1, 100_000])
def test_plain_with_one_value_that_may_have_been_rounded_is_false(size: int) -> None:
    for bad in (2.0**53, -(2.0**53), 1e300, np.nan, np.inf, -np.inf):
        X = np.ones((size, 1))
        assert plain(X)
        X[size // 2] = bad
        assert not plain(X)


def test_plain_of_many_values_below_the_limit_is_true() -> None:
    assert plain(np.full((MAX_DOT_SIZE, 1), -(2.0**53) + 1))
    assert plain(np.empty((0, 1)))


def read(data: Any, dtype: str, *, allows_missing: bool = False) -> Any:
    return rows_to_input(data, Schema(dtype=dtype, allows_missing=allows_missing), "data", no_strings=False)


@pytest.mark.parametrize(
    ("data", "dtype", "expected"),
    [
        ([[1, 2.5]], "float64", np.array([[1.0, 2.5]])),
        ([[2**60, 1e300]], "float64", np.array([[2.0**60, 1e300]])),
        ([[1, 0.1]], "float32", np.array([[1.0, 0.1]], np.float32)),
        ([[1, 2]], "int64", np.array([[1, 2]])),
        ([[1, 2.0]], "int64", np.array([[1, 2]])),
        ([[True, 2]], "int64", np.array([[1, 2]])),
        ([[2**53 + 1, -(2**53) - 1]], "int64", np.array([[2**53 + 1, -(2**53) - 1]])),
        ([[2**53 + 1, 2.0], [1, 3]], "int64", np.array([[2**53 + 1, 2], [1, 3]])),
    ],
)
def test_rows_become_a_matrix_of_the_models_type(data: Any, dtype: str, expected: Any) -> None:
    X = read(data, dtype)
    assert X.dtype == expected.dtype
    np.testing.assert_array_equal(X, expected)
    arrays = [np.array(column) for column in zip(*data, strict=True)]
    columns = columns_to_input(["x", "y"], arrays, Schema(dtype=dtype), "inputs")
    assert columns.dtype == expected.dtype
    np.testing.assert_array_equal(columns, expected)


@pytest.mark.parametrize(
    ("data", "dtype", "words"),
    [
        ([[1, 2.5]], "int64", "data[0][1] is 2.5; a 64-bit integer is needed"),
        ([[1, 2**63]], "int64", "data[0][1] is 9223372036854775808; a 64-bit integer is needed"),
        ([[1, 1e300]], "int64", "data[0][1] is 1e+300; a 64-bit integer is needed"),
        ([[1, None]], "int64", "data[0][1] is null or NaN"),
        ([[1, 1e39]], "float32", "data[0][1] is too large for a 32-bit number, which the model computes with"),
        ([[1, None]], "float32", "data[0][1] is null or NaN"),
        ([[1, 2**53 + 1]], "float32", "data[0][1] is 9007199254740993, an integer"),
    ],
)
def test_rows_without_a_place_in_the_models_type_are_refused(data: Any, dtype: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(data, dtype)
    assert words in str(caught.value)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_rows_with_a_null_are_floats_where_the_model_takes_missing_values(dtype: str) -> None:
    X = read([[1, None], [2, 3]], dtype, allows_missing=True)
    assert X.dtype == ("float32" if dtype == "float32" else "float64")
    np.testing.assert_array_equal(X, [[1, np.nan], [2, 3]])


@examples(500)
@given(st.lists(st.lists(st.integers(-(2**64), 2**64) | st.floats(-1e300, 1e300), min_size=2, max_size=2), min_size=1))
def test_rows_of_any_numbers_keep_each_value_or_are_refused(data: list[list[Any]]) -> None:
    for dtype in ("float64", "int64"):
        try:
            assert read(data, dtype).tolist() == data
        except InputError:
            assert dtype == "int64" or any(type(value) is int and abs(value) > 2**53 for row in data for value in row)
