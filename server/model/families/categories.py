"""Codes of the values of categorical columns: a dict for each column.

Source: sklearn/preprocessing/_encoders.py (`_BaseEncoder`), sklearn/utils/_encode.py. scikit-learn finds the values of
an array of numbers by comparison, and those of objects in a dict. Both find the same here: categories of numbers must
be sorted and exact as float64, and each category must be there once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np

from server.model.families.state import LABEL_TYPES, State
from server.short_steps import list_of, mapped

EXACT = 2**53
"""Below it every integer is a float64 of its own."""


class Column:
    """The categories of one column, and the code of each of them. No code is None."""

    def __init__(self, categories: Any, codes: Sequence[Any], unknown: Any) -> None:
        """Keep the code of each category, and that of all other values; None if scikit-learn refuses those."""
        self.categories, self.unknown = categories, unknown
        listed = categories.tolist()
        self.known = {value: code for value, code in zip(listed, codes, strict=True) if not is_nan(value)}
        self.missing = next((code for value, code in zip(listed, codes, strict=True) if is_nan(value)), None)
        self.objects = categories.dtype.kind in "OU"
        self.find = self.known.get

    def codes(self, values: Any, index: int) -> list[Any]:
        """Return the code of each value of this column, whose index is for the error's text.

        Raises:
            ValueError: a value is of no category, and scikit-learn refuses that.

        """
        if values.dtype.kind in "iuf":
            if self.objects:
                np.isnan(self.categories)  # scikit-learn's TypeError
            values_list = list_of(values.astype(np.float64))
        else:
            values_list = list_of(values)
        found = mapped(self.find, values_list)
        if None not in found:
            return found
        other = self.unknown
        for row, code in enumerate(found):
            if code is None:
                found[row] = self.missing if is_nan(values_list[row]) and self.missing is not None else other
        if None in found:
            raise ValueError(
                f"Found unknown categories {unknown_values(values, self.categories)} in column {index} during transform"
            )
        return found


class Columns:
    """The columns of an encoder."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Keep the columns, and how to find the values of one row."""
        self.columns = columns
        self._finds = [column.find for column in columns]
        self.takes_numbers = not any(column.objects for column in columns)
        # A number of an array of numbers is never found among objects, but would be in the dict.
        self._mixed = any(column.objects and not all(type(v) is str for v in column.known) for column in columns)

    def row(self, X: Any) -> list[Any] | None:
        """Return the codes of a single row, or None where `codes` has to look at it."""
        if type(X) is np.ndarray:
            if X.dtype.kind != "O" and not self.takes_numbers:
                return None
            values = X[0].tolist()
        elif self._mixed:
            return None
        else:
            values = [column.item(0) for column in X.columns]
        found = [find(value) for find, value in zip(self._finds, values, strict=False)]
        return None if None in found else found

    def codes(self, X: Any) -> list[list[Any]]:
        """Return each column's codes.

        Raises:
            ValueError: a number is infinite, or a value is of no category and scikit-learn refuses that.

        """
        columns = list(X.T) if type(X) is np.ndarray else X.columns
        for values in columns:
            if values.dtype.kind == "f" and np.isinf(values).any():
                raise ValueError(f"Input contains infinity or a value too large for dtype('{values.dtype}').")
        return [column.codes(values, at) for at, (column, values) in enumerate(zip(self.columns, columns, strict=True))]


def is_nan(value: Any) -> bool:
    """Return what scikit-learn's `is_scalar_nan` does."""
    return isinstance(value, Real) and not isinstance(value, Integral) and math.isnan(value)


def unknown_values(values: Any, categories: Any) -> list[Any]:
    """Return the values without a category, in the order in which scikit-learn names them."""
    if values.dtype.kind in "iuf":
        numbers = np.setdiff1d(np.unique_values(values), categories, assume_unique=True)
        return list(numbers[~np.isnan(numbers)] if np.isnan(categories).any() else numbers)
    found, known = set(values), set(categories)
    missing = {value for value in found if value is None or is_nan(value)}
    different = list((found - missing if missing else found) - known)
    if None in missing and None not in known:
        different.append(None)
    if any(value is not None for value in missing) and not any(is_nan(value) for value in known):
        different.append(np.nan)
    return different


def read_categories(state: State) -> list[Any]:
    """Return `categories_`, checked."""
    found = state.sequence("categories_")
    if len(found) != state.columns or not all(map(_are_known, found)):
        raise state.unknown("categories_")
    return found


def _are_known(categories: Any) -> bool:
    if type(categories) is not np.ndarray or categories.ndim != 1 or not len(categories):
        return False
    values = categories.tolist()
    kind = categories.dtype.kind
    if kind in "OU":
        if not all(value is None or type(value) in LABEL_TYPES for value in values):
            return False
    elif kind in "iufb":
        known = values[:-1] if is_nan(values[-1]) else values
        if not np.isfinite(known).all() or (kind in "iu" and max(map(abs, known), default=0) >= EXACT):
            return False
        if any(left >= right for left, right in pairwise(known)):
            return False
    else:
        return False
    return len({"NaN" if is_nan(value) else (value,) for value in values}) == len(values)


def read_indices(state: State, key: str) -> list[list[int] | None]:
    """Return a list with an array of indices, or None, for each column."""
    found = state.sequence(key)
    if len(found) != state.columns:
        raise state.unknown(key)
    for each in found:
        if each is not None and (type(each) is not np.ndarray or each.ndim != 1 or each.dtype.kind not in "iu"):
            raise state.unknown(key)
    return [None if each is None else each.tolist() for each in found]


class Infrequent:
    """Categories that are encoded as one, because there were few of them."""

    def __init__(self, state: State) -> None:
        """Read the infrequent categories, where that is enabled."""
        none: list[Any] = [None] * state.columns
        enabled = state.flag("_infrequent_enabled", default=False)
        self._state = state
        self.indices = read_indices(state, "_infrequent_indices") if enabled else none
        self.mappings = read_indices(state, "_default_to_infrequent_mappings") if enabled else none

    def grouped(self, column: int, index: int) -> int:
        """Return the index of a category after the infrequent ones became the last one."""
        mapping = self.mappings[column]
        if mapping is None:
            return index
        if not 0 <= index < len(mapping) or mapping[index] < 0:
            raise self._state.unknown("_default_to_infrequent_mappings")
        return mapping[index]
