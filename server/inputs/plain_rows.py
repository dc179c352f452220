"""Rows that need no closer look, read in a few steps: objects of the model's own names, and texts.

Each reader returns what the regular path returns (`server.inputs.json_rows`), or None for anything unusual, which the
regular path then reads or refuses. Matrices have a reader of their own in `server.http.fast_path`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from server.inputs.matrix import plain
from server.inputs.named_table import NamedTable
from server.schema import InputForm, Kind, Schema

PlainReader = Callable[[list[Any]], Any]
"""Takes JSON rows, at least one. Returns the model's input, or None."""

MAX_SIGNATURES = 64
"""Combinations of types that a reader remembers: integers and floats of JSON in the same columns."""

NUMBERS = frozenset({float, int})


def plain_reader(schema: Schema) -> PlainReader | None:
    """Return the reader for this schema's rows; None where every row needs a closer look."""
    if schema.form is InputForm.TEXTS:
        return plain_texts
    if not schema.names or len(set(schema.names)) < len(schema.names) or schema.unused:
        return None
    if schema.form is InputForm.MATRIX and schema.dtype == "float64":
        return _ObjectReader(schema.names, (True,) * len(schema.names)).matrix
    if schema.form is InputForm.DATAFRAME and schema.named_table:
        kinds = [_is_number(schema, index) for index in range(len(schema.names))]
        if None not in kinds:
            return _ObjectReader(schema.names, tuple(map(bool, kinds))).table
    return None


def _is_number(schema: Schema, index: int) -> bool | None:
    """Return whether the column holds floats, or strings; None if it is of another kind."""
    dtype = schema.dtypes[index] if schema.dtypes else ""
    kind = schema.kinds[index] if schema.kinds else Kind.NUMBER
    if kind is Kind.NUMBER and dtype in ("", "float64"):
        return True
    return False if kind is Kind.STRING and dtype in ("", "object", "str") else None


def plain_texts(rows: list[Any]) -> Any:
    """Return texts as an array of objects."""
    if set(map(type, rows)) != {str}:
        return None
    X = np.empty(len(rows), dtype=object)
    X[:] = rows
    return X


class _ObjectReader:
    """Reads objects that have exactly the model's names, with numbers and strings where the model has them."""

    def __init__(self, names: tuple[str, ...], numeric: tuple[bool, ...]) -> None:
        self._names, self._numeric = names, numeric
        self._values = _getter(range(len(names)), names)
        self._numbers = [index for index, is_number in enumerate(numeric) if is_number]
        self._number_of = _getter(self._numbers, range(len(names)))
        self._usual: set[tuple[type, ...]] = set()
        """Types of rows that were found to suit."""

    def matrix(self, rows: list[Any]) -> Any:
        """Return a float64 matrix of rows that are all numbers."""
        found = self._checked(rows)
        return _plain_numbers(found) if found else None

    def table(self, rows: list[Any]) -> NamedTable | None:
        """Return a NamedTable: float64 columns of numbers, object columns of strings."""
        found = self._checked(rows)
        if not found:
            return None
        numbers = _plain_numbers([self._number_of(row) for row in found])
        if numbers is None:
            return None
        columns: list[Any] = []
        next_number = iter(numbers.T.copy())  # one after another, as the columns of a DataFrame are
        for index, is_number in enumerate(self._numeric):
            if is_number:
                columns.append(next(next_number))
            else:
                texts = np.empty(len(found), dtype=object)
                texts[:] = [row[index] for row in found]
                columns.append(texts)
        return NamedTable(self._names, columns)

    def _checked(self, rows: list[Any]) -> Sequence[tuple[Any, ...]] | None:
        """Return the values of each row in the model's order; None if a row or a value is unusual."""
        width = len(self._names)
        found = []
        for row in rows:
            if type(row) is not dict or len(row) != width:
                return None
            try:
                values = self._values(row)
            except KeyError:
                return None
            types = tuple(map(type, values))
            if types not in self._usual and not self._suit(types):
                return None
            found.append(values)
        return found

    def _suit(self, types: tuple[type, ...]) -> bool:
        """Return whether values of these types suit, and remember it."""
        if not all(
            kind in NUMBERS if is_number else kind is str for kind, is_number in zip(types, self._numeric, strict=True)
        ):
            return False
        if len(self._usual) < MAX_SIGNATURES:
            self._usual.add(types)
        return True


def _plain_numbers(rows: Sequence[tuple[Any, ...]]) -> Any:
    """Return a float64 matrix; None if a number may have been rounded, or is too large."""
    try:
        X = np.array(rows, np.float64)
    except OverflowError:  # an integer beyond any float
        return None
    return X if plain(X) else None


def _getter(positions: Sequence[int], keys: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that takes these items, always as a tuple."""
    chosen = [keys[position] for position in positions]
    if len(chosen) > 1:
        return itemgetter(*chosen)
    return lambda values: tuple(values[key] for key in chosen)
