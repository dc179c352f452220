"""The order of scikit-learn's sort, compared with its own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils._sorting import _py_simultaneous_sort

from server.model.families.introsort import sorted_places


@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 40, 200, 1000])
@pytest.mark.parametrize("different", [1, 2, 9, 10_000])
def test_sorted_places_are_those_of_scikit_learn(size: int, different: int) -> None:
    rng = np.random.default_rng(size)
    for _ in range(5):
        values = rng.integers(0, different, size).astype(float)
        expected = np.arange(size)
        _py_simultaneous_sort(values.copy(), expected, size, use_three_way_partition=False)
        assert sorted_places(values.tolist()) == expected.tolist()


@pytest.mark.parametrize("size", [100, 3000])
def test_sorted_places_of_values_that_exhaust_the_depth_are_those_of_scikit_learn(size: int) -> None:
    # An organ pipe, which the median of three divides badly.
    values = np.concatenate([np.arange(size), np.arange(size)[::-1]]).astype(float)
    expected = np.arange(len(values))
    _py_simultaneous_sort(values.copy(), expected, len(values), use_three_way_partition=False)
    assert sorted_places(values.tolist()) == expected.tolist()
