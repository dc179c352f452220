"""Products with one row and with many have the bits of NumPy's `@`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from server.model.families.sparse_rows import dense_to_sparse, dot, product

SPECIAL = [0.0, -0.0, 5e-324, -1e-310, 1e308, -1e308, np.inf, -np.inf, np.nan]


def numbers(rng: np.random.Generator, *shape: int) -> Any:
    """Return numbers of all sizes, and some special ones."""
    found = rng.normal(size=shape) * 10.0 ** rng.integers(-8, 8, shape)
    return np.where(rng.random(shape) < 0.05, rng.choice(SPECIAL, shape), found)


LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "vector": lambda weights: weights[:, 0].copy(),
    "gaps": lambda weights: np.repeat(weights, 2, axis=1)[:, ::2],
    "backwards": lambda weights: weights[::-1],
}


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("width", [1, 2, 3, 8, 33, 200])
def test_product_of_any_rows_has_the_bits_of_matmul(layout: str, width: int) -> None:
    rng = np.random.default_rng(width)
    for outputs in (1, 2, 3, 10, 64):
        weights = LAYOUTS[layout](numbers(rng, width, outputs))
        rows = numbers(rng, 7, width)
        times_weights = product(weights)
        for X in (rows, rows[3:4], np.asfortranarray(rows)[3:4], rows[3:4, ::-1], np.zeros((1, width))):
            assert times_weights(X).tobytes() == (X @ weights).tobytes()


def test_product_of_sparse_rows_is_their_own() -> None:
    rng = np.random.default_rng(0)
    X = dense_to_sparse(rng.normal(size=(3, 40)) * (rng.random((3, 40)) < 0.3))
    weights = rng.normal(size=(40, 2))
    assert product(weights)(X).tobytes() == dot(X, weights).tobytes()


def test_with_data_keeps_the_places() -> None:
    X = dense_to_sparse(np.array([[0.0, 2.0], [3.0, 0.0]]))
    assert X.with_data(X.data * 2).toarray().tolist() == [[0.0, 4.0], [6.0, 0.0]]
