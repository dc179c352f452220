"""Rows together are compared with rows alone, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from server.model.row_independence import batches_match_single_rows, same_bits
from tests.unit.server.fitted_models import X


def test_batches_match_single_rows_is_false_where_the_last_bit_depends_on_other_rows() -> None:
    together = lambda X: X[:, 0] + 1e-16 * len(X)  # noqa: E731 - depends on the number of rows in the last bit
    assert not batches_match_single_rows(together, np.full((16, 2), 0.1))
    assert batches_match_single_rows(lambda X: X[:, 0], X)


@pytest.mark.parametrize("answer", [lambda X: list(X[:, 0]), lambda X: X[:1].repeat(2), lambda X: X[:0], lambda _: 1.0])
def test_batches_match_single_rows_is_false_for_anything_but_one_array_item_a_row(answer: Any) -> None:
    assert not batches_match_single_rows(answer, X[:3])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (np.array([0.0]), np.array([-0.0]), False),
        (np.array([np.nan]), np.array([np.nan]), True),
        (np.array([1.0]), np.array([np.nextafter(1, 2)]), False),
        (np.array([1]), np.array([1.0]), False),
        (np.array(["a"]), np.array(["a"]), True),
        (np.array([1, 1]), np.array([[1, 1]]), False),
        ([1.0], np.array([1.0]), False),
    ],
)
def test_same_bits_compares_type_shape_and_every_bit(one: Any, other: Any, same: bool) -> None:
    assert same_bits(one, other) is same
