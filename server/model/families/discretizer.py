"""KBinsDiscretizer: the number of the interval that each value lies in, or a column for each interval.

Source: sklearn/preprocessing/_discretization.py. How the edges were found does not matter here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, matrix_part
from server.model.families.dtypes import dtype_of
from server.model.families.sparse_rows import SparseRows
from server.model.families.state import Family, State, keys, wide


def bins(state: State) -> Part:
    """Return a KBinsDiscretizer."""
    if state.values.get("dtype") is not None and dtype_of(state, "dtype") != np.float64:
        raise state.unknown("dtype")
    edges, counts = _edges(state)
    encode = state.word("encode", "onehot", "onehot-dense", "ordinal")
    part, check = state.part(row_independent=True), Check(state.name)
    if encode == "ordinal":
        return matrix_part(part, {"transform": _numbers(edges)}, check)
    starts, width = np.cumsum([0, *counts[:-1]]), sum(counts)
    call = _sparse(edges, starts, width) if encode == "onehot" else _dense(edges, starts, width)
    return replace(matrix_part(part, {"transform": call}, check), gives_sparse=encode == "onehot")


def _edges(state: State) -> tuple[list[Any], list[int]]:
    """Return the edges between each column's intervals, and how many intervals there are."""
    edges, counts = state.sequence("bin_edges_"), state.array("n_bins_", "iu", state.columns).tolist()
    if len(edges) != len(counts):
        raise state.unknown("bin_edges_")
    for values, count in zip(edges, counts, strict=True):
        if type(values) is not np.ndarray or values.shape != (count + 1,) or count < 1:
            raise state.unknown("bin_edges_")
    return [wide(state.as_fitted("bin_edges_", values))[1:-1] for values in edges], counts


def _places(edges: list[Any]) -> Call:
    """Return the call that gives the number of each value's interval: integers (rows, columns)."""
    listed = [values.tolist() for values in edges]

    def places(X: Any) -> Any:
        if len(X) == 1:
            return np.array([list(map(bisect_right, listed, X[0].tolist()))])
        found = np.empty(X.shape, np.intp)
        for at, values in enumerate(edges):
            found[:, at] = np.searchsorted(values, X[:, at], side="right")
        return found

    return places


def _numbers(edges: list[Any]) -> Call:
    places = _places(edges)

    def transform(X: Any) -> Any:
        out = np.empty_like(X)
        out[...] = places(X)
        return out

    return transform


def _dense(edges: list[Any], starts: Any, width: int) -> Call:
    places = _places(edges)

    def transform(X: Any) -> Any:
        out = np.zeros((len(X), width))
        out[np.arange(len(X))[:, None], places(X) + starts] = 1.0
        return out

    return transform


def _sparse(edges: list[Any], starts: Any, width: int) -> Call:
    places = _places(edges)

    def transform(X: Any) -> SparseRows:
        rows, columns = X.shape
        at = (places(X) + starts).ravel()
        return SparseRows(np.ones(len(at)), at, np.arange(0, rows * columns + 1, columns), width)

    return transform


FAMILIES: Mapping[str, Family] = {
    "sklearn.preprocessing._discretization.KBinsDiscretizer": Family(
        bins,
        # `_encoder` is made of `n_bins_` alone.
        keys("n_bins encode strategy quantile_method dtype subsample random_state bin_edges_ n_bins_ _encoder"),
    )
}
