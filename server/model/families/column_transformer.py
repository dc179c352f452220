"""ColumnTransformer: a transformer for some of the columns, by name or by position.

Source: sklearn/compose/_column_transformer.py (`transform`, `_iter`, `_hstack`), sklearn/utils/_indexing.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

import numpy as np

from server.inputs.named_table import NamedTable
from server.model.families.base import Call, Part, Unsuited
from server.model.families.compose import (
    IDENTITY,
    TRANSFORM,
    beside,
    built,
    dense_beside,
    is_drop,
    named,
    require_width,
    weighted,
    weights_of,
)
from server.model.families.sparse_rows import SparseRows
from server.model.families.state import Family, State, keys
from server.model.pickledata.records import name_of

REMAINDER_LIST = "sklearn.compose._column_transformer._RemainderColsList"
"""The columns of the remainder, as versions 1.5 and 1.6 record them: a list that warns."""

ONLY_DATAFRAMES = "Specifying the columns using strings is only supported for dataframes."

NOT_NUMERIC = "For a sparse output, all columns should be a numeric or convertible to a numeric."

Getter = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Block:
    """One transformer and its columns."""

    part: Part
    weight: Any
    positions: list[int]
    """Of its columns, among those that the ColumnTransformer was fitted on."""
    key: Any
    """What selects its columns of a matrix: a slice, an array of positions, or one position. None for names."""
    single: bool
    """Whether the transformer takes one column as one-dimensional values, such as texts."""


def column_transformer(state: State) -> Part:
    """Return the columns that each transformer makes of its own."""
    blocks = _blocks(state)
    sparse = state.flag("sparse_output_")
    width, names = state.columns, state.names
    select = _Selection(width, names, blocks)
    put = _sparse_beside if sparse else _dense_beside
    transforms = [(block.part.methods[TRANSFORM], block.weight) for block in blocks]

    def transform(X: Any) -> Any:
        return put([weighted(call(x), weight) for (call, weight), x in zip(transforms, select(X), strict=True)])

    return Part(
        state.name,
        {TRANSFORM: transform},
        {} if sparse or names else _direct(blocks),
        width=width,
        names=names,
        row_independent=all(block.part.row_independent for block in blocks),
        gives_sparse=sparse,
    )


def _blocks(state: State) -> list[Block]:
    """Return the transformers that have columns."""
    listed = named(state, "transformers_", 3)
    weights = weights_of(state, [name for name, _, _ in listed])
    indices = state.values.get("_transformer_to_input_indices")
    if type(indices) is not dict:
        raise state.unknown("_transformer_to_input_indices")
    every = np.arange(state.columns)
    blocks = []
    for (name, value, columns), weight in zip(listed, weights, strict=True):
        if is_drop(value):
            continue
        positions = _positions(state, indices.get(name))
        if positions:
            blocks.append(_block(state, value, weight, positions, _key(state, columns, positions, every)))
    if not blocks:
        raise state.unknown("transformers_")
    return blocks


def _positions(state: State, found: Any) -> list[int]:
    """Return positions of columns, each of which is there."""
    whole = [int(each) for each in found if type(each) in (int, np.int64)] if type(found) is list else []
    if type(found) is not list or len(whole) < len(found) or not all(0 <= at < state.columns for at in whole):
        raise state.unknown("_transformer_to_input_indices")
    return whole


def _block(state: State, value: Any, weight: Any, positions: list[int], selected: tuple[Any, bool]) -> Block:
    part, (key, single) = built(state, value), selected
    # One column as one-dimensional values is for vectorizers, which have no width.
    fits = part is IDENTITY or part.width == (None if single else len(positions))
    if TRANSFORM not in part.methods or not fits or (part is IDENTITY and (single or weight is not None)):
        raise state.unknown("transformers_")
    return Block(part, weight, positions, key, single)


def _key(state: State, columns: Any, positions: list[int], every: Any) -> tuple[Any, bool]:
    """Return what selects these columns of a matrix, and whether that is one column as one-dimensional values.

    `every` are the positions of all columns.
    """
    if name_of(columns) == REMAINDER_LIST:
        columns = state.as_record("transformers_", columns, REMAINDER_LIST).state["data"]
    if name_of(columns).startswith("pandas."):  # an index of names: `positions` say which they are
        return None, False
    if type(columns) is np.str_ or type(columns) is str:
        return None, True
    if type(columns) in (int, np.int64):
        single = int(columns)
        return _checked(state, single, positions, every), True
    if type(columns) is slice:
        by_name = type(columns.start) is str or type(columns.stop) is str
        return (None if by_name else _checked(state, columns, positions, every)), False
    plain = columns.tolist() if type(columns) is np.ndarray and columns.ndim == 1 else columns
    plain = list(plain) if type(plain) in (list, tuple) else []
    kinds = {type(each.item() if isinstance(each, np.generic) else each) for each in plain}
    if kinds == {str}:
        return None, False
    if kinds in ({int}, {bool}):
        return _checked(state, np.array(plain), positions, every), False
    raise state.unknown("transformers_")


def _checked(state: State, key: Any, positions: list[int], every: Any) -> Any:
    """Return the key. Raise `Unknown` unless it selects these positions."""
    found = np.atleast_1d(every[key])
    if len(found) != len(positions) or found.tolist() != positions:
        raise state.unknown("_transformer_to_input_indices")
    return key


class _Selection:
    """The input of each transformer, from a table or a matrix of all columns."""

    def __init__(self, width: int, names: tuple[str, ...], blocks: Sequence[Block]) -> None:
        self._whole = Part("ColumnTransformer", {}, width=width)
        self._names, self._blocks = names, blocks
        # Requests for one model mostly have the same names in the same order.
        self._getters = lru_cache(maxsize=8)(self._find)

    def __call__(self, X: Any) -> list[Any]:
        """Return the input of each transformer.

        Raises:
            ValueError: a column is missing.

        """
        if type(X) is NamedTable:
            if not self._names:
                require_width(X, self._whole)
            columns = X.columns
            return [
                columns[get] if names is None else NamedTable(names, get(columns))
                for names, get in self._getters(X.names)
            ]
        require_width(X, self._whole)
        if any(block.key is None for block in self._blocks):
            raise ValueError(ONLY_DATAFRAMES)
        return [X[:, block.key] for block in self._blocks]

    def _find(self, found: tuple[str, ...]) -> list[tuple[tuple[str, ...] | None, Any]]:
        """Return for each transformer its names and what gets its columns; for a single column None and its position.

        A model that was fitted without names takes its columns by position.
        """
        at = {name: position for position, name in enumerate(found)}
        names = self._names or found
        missing = {names[position] for block in self._blocks for position in block.positions} - at.keys()
        if missing:
            raise ValueError(f"columns are missing: {missing}")
        getters: list[tuple[tuple[str, ...] | None, Any]] = []
        for block in self._blocks:
            positions = [at[names[position]] for position in block.positions]
            wanted = tuple([names[position] for position in block.positions])
            getters.append((None, positions[0]) if block.single else (wanted, _getter(positions)))
        return getters


def _getter(positions: list[int]) -> Getter:
    """Return what takes these positions of a sequence, always as a sequence."""
    if len(positions) == 1:
        position = positions[0]
        return lambda columns: (columns[position],)
    return itemgetter(*positions)


def _dense_beside(blocks: list[Any]) -> Any:
    return dense_beside([block.toarray() if type(block) is SparseRows else block for block in blocks])


def _sparse_beside(blocks: list[Any]) -> SparseRows:
    try:
        return beside(blocks)
    except ValueError as error:
        raise ValueError(NOT_NUMERIC) from error


def _direct(blocks: Sequence[Block]) -> dict[str, Call]:
    """Return `transform` for plain matrices; nothing if a transformer has none."""
    if any(block.part.gives_sparse or block.single or TRANSFORM not in block.part.direct for block in blocks):
        return {}
    transforms = [(block.key, block.part.direct[TRANSFORM], block.weight) for block in blocks]

    def transform(X: Any) -> Any:
        found = []
        for key, call, weight in transforms:
            block = X[:, key]
            if not block.flags.c_contiguous:  # several rows: the memory order decides about the bits of later sums
                raise Unsuited
            found.append(weighted(call(block), weight))
        return np.concatenate(found, axis=1)

    return {TRANSFORM: transform}


FAMILIES: Mapping[str, Family] = {
    "sklearn.compose._column_transformer.ColumnTransformer": Family(
        column_transformer,
        keys(
            "transformers remainder sparse_threshold n_jobs transformer_weights verbose verbose_feature_names_out"
            " force_int_remainder_cols transformers_ sparse_output_ output_indices_ _columns _remainder _n_features"
            " _transformer_to_input_indices _name_to_fitted_passthrough"
        ),
    ),
}
