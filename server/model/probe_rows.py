"""Rows to try a model on before it serves."""

from __future__ import annotations

from typing import Any

import numpy as np


def random_rows(features: int, rows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Finite numbers of many sizes and both signs, whole ones and zeros among them; always the same."""
    rng = np.random.default_rng(20260801)
    values = rng.normal(size=(rows, features)) * 10.0 ** rng.integers(-3, 4, size=(rows, features))
    values[::4] = np.round(values[::4])
    values[1::4] = rng.normal(size=values[1::4].shape)
    return np.ascontiguousarray(values)
