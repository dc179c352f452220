"""Every value is checked, whichever way is chosen by the size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from server.inputs import matrix
from server.inputs.matrix import MAX_DOT_SIZE, as_matrix_or_none, finite
from server.schema import Schema


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
