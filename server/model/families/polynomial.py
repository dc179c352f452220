"""PolynomialFeatures: products of columns, each one of a lower degree times a column.

Source: sklearn/preprocessing/_polynomial.py (`PolynomialFeatures.transform`). Sparse rows are unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from server.model.families.base import Check, Part, matrix_part
from server.model.families.state import Family, State, keys

MAX_COLUMNS = 1 << 20
"""Columns of an answer. A polynomial of a few hundred columns and a high degree would have billions."""


def polynomial(state: State) -> Part:
    """Return a PolynomialFeatures."""
    bias = int(state.flag("include_bias"))
    least, most = state.integer("_min_degree"), state.integer("_max_degree", most=64)
    full = state.integer("_n_out_full", most=MAX_COLUMNS)
    width = state.integer("n_output_features_", most=full)
    order = state.word("order", "C", "F")
    columns = state.columns if most else 0
    levels = _levels(bias, columns, most, full, interaction_only=state.flag("interaction_only"))
    if (levels[-1][1] if levels else bias + columns) != full or (least <= 1 and width != full):
        raise state.unknown("_n_out_full")

    def transform(X: Any) -> Any:
        out = np.empty((len(X), full), order=order)
        out[:, :bias] = 1
        if columns:
            out[:, bias : bias + columns] = X
        for start, end, lower, factors in levels:
            np.multiply(out[:, lower], X[:, factors], out=out[:, start:end])
        if least <= 1:
            return out
        if not bias:
            return out[:, full - width :].copy("K")
        cut = np.empty((len(X), width), order=order)
        cut[:, 0] = 1
        cut[:, 1:] = out[:, full - width + 1 :]
        return cut

    return matrix_part(state.part(row_independent=True), {"transform": transform}, Check(state.name))


Level = tuple[int, int, Any, Any]
"""The columns of one degree: where they begin and end, which columns of the degree below are multiplied, by which."""


def _levels(bias: int, columns: int, most: int, full: int, *, interaction_only: bool) -> list[Level]:
    """Return the levels from the second degree on."""
    # Where the products begin whose first factor is this column.
    begins, levels = [*range(bias, bias + columns), bias + columns], []
    for _ in range(2, most + 1):
        start, following = begins[-1], []
        lower: list[int] = []
        factors: list[int] = []
        for column in range(columns):
            following.append(start + len(lower))
            first = begins[column + 1] if interaction_only else begins[column]
            if first >= begins[-1]:
                break
            lower += range(first, begins[-1])
            factors += [column] * (begins[-1] - first)
            if start + len(lower) > full:
                return []
        end = start + len(lower)
        following.append(end)
        levels.append((start, end, np.array(lower, np.intp), np.array(factors, np.intp)))
        begins = following
    return levels


FAMILIES: Mapping[str, Family] = {
    "sklearn.preprocessing._polynomial.PolynomialFeatures": Family(
        polynomial,
        keys("degree interaction_only include_bias order _min_degree _max_degree _n_out_full n_output_features_"),
    )
}
