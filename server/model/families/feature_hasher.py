"""FeatureHasher: each name, or each pair of a name and a text, counts in the column that its hash says.

Source: sklearn/feature_extraction/_hash.py, _hashing_fast.pyx; SciPy's sparsetools/csr.h (`csr_sort_indices`), which
sorts by libstdc++'s `std::sort`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Part
from server.model.families.murmur import hash_of
from server.model.families.sparse_rows import SparseRows
from server.model.families.state import Family, State, keys
from server.short_steps import array_of

Pairs = Callable[[Any], Iterable[tuple[Any, Any]]]
SMALL = 16
"""Values that `std::sort` orders by insertion, which is stable."""


def feature_hasher(state: State) -> Part:
    """Return a FeatureHasher of dicts or of lists of texts."""
    width, signed = state.integer("n_features", 1, (1 << 31) - 1), state.flag("alternate_sign")
    if state.function("dtype") != "numpy.float64":
        raise state.unknown("dtype")
    of_dicts = state.word("input_type", "dict", "string") == "dict"
    pairs: Pairs = _items if of_dicts else _texts

    def row(sample: Any) -> tuple[list[int], list[float]]:
        columns: list[int] = []
        values: list[float] = []
        for name, number in pairs(sample):
            code = hash_of(name)
            columns.append(abs(code) % width)
            values.append(-number if signed and code < 0 else number)
        return _summed(columns, values)

    def transform(samples: Any) -> SparseRows:
        if not len(samples):
            raise ValueError("Cannot vectorize empty sequence.")
        if not of_dicts and isinstance(samples[0], str):
            raise ValueError(
                "Samples can not be a single string. The input must be an iterable over iterables of strings."
            )
        found = list(map(row, samples))
        starts = np.cumsum([0, *(len(columns) for columns, _ in found)])
        columns = array_of([column for each, _ in found for column in each], np.intp)
        values = array_of([value for _, each in found for value in each], np.float64)
        return SparseRows(values, columns, starts, width)

    return replace(state.part(row_independent=True), methods={"transform": transform}, gives_sparse=True)


def _items(sample: Any) -> Iterable[tuple[str, float]]:
    for name, value in sample.items():
        found = (f"{name}={value}", 1.0) if isinstance(value, str) else (name, float(value))
        if found[1] != 0:
            yield found


def _texts(sample: Any) -> Iterable[tuple[str, float]]:
    return ((text, 1.0) for text in sample)


def _summed(columns: list[int], values: list[float]) -> tuple[list[int], list[float]]:
    """Return the columns in their order, and the sum of each one's values in the order of SciPy's sort."""
    sums: dict[int, float] = {}
    for at in _places(columns):
        column = columns[at]
        sums[column] = sums[column] + values[at] if column in sums else values[at]
    return list(sums), list(sums.values())


def _places(columns: list[int]) -> list[int]:
    """Return the places of the columns in the order in which `std::sort` puts them.

    Its last step is an insertion sort, which is stable. What it does when its depth is exhausted is left out: hashes
    do not bring that about, and only the last bits of a sum would differ.
    """
    places = list(range(len(columns)))
    if len(columns) > SMALL and columns != sorted(columns):  # SciPy leaves sorted columns as they are
        _divide(columns, places, 0, len(columns))
    return sorted(places, key=columns.__getitem__)


def _divide(columns: list[int], places: list[int], start: int, end: int) -> None:
    """Divide the places around pivots until the parts are small."""
    key = columns.__getitem__
    while end - start > SMALL:
        three = (start + 1, start + (end - start) // 2, end - 1)
        at = three[_median(*(key(places[each]) for each in three))]
        places[start], places[at] = places[at], places[start]
        pivot, left, right = key(places[start]), start + 1, end
        while True:
            while key(places[left]) < pivot:
                left += 1
            right -= 1
            while pivot < key(places[right]):
                right -= 1
            if not left < right:
                break
            places[left], places[right] = places[right], places[left]
            left += 1
        _divide(columns, places, left, end)
        end = left


def _median(a: int, b: int, c: int) -> int:
    """Return which of three is the median, as libstdc++'s `__move_median_to_first` chooses among equal ones."""
    if a < b:
        if b < c:
            return 1
        return 2 if a < c else 0
    if a < c:
        return 0
    return 2 if b < c else 1


FAMILIES: Mapping[str, Family] = {
    "sklearn.feature_extraction._hash.FeatureHasher": Family(
        feature_hasher, keys("alternate_sign dtype input_type n_features")
    ),
}
