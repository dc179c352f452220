"""KNNImputer: the mean of the nearest training rows' values in place of each missing value.

Its distances are a matrix product, whose last bits depend on how many rows of a call have missing values: so the same
product is computed here, of the same rows.

Source: sklearn/impute/_knn.py, sklearn/metrics/pairwise.py (`nan_euclidean_distances`, `_euclidean_distances`),
sklearn/utils/_chunking.py (`get_chunk_n_rows`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from server.model.families.base import Check, Part
from server.model.families.imputers import Missing, marked_columns, missing_value
from server.model.families.state import Family, State, keys

WORKING_MEMORY = 1 << 30
"""Bytes of distances that scikit-learn computes at once, unless it is configured otherwise."""


@dataclass(frozen=True, slots=True)
class Donors:
    """The training rows, which give their values."""

    rows: Any
    missing: Any
    count: int
    """Neighbors of each row."""
    by_distance: bool
    """Whether a near neighbor counts more."""

    def fill(self, X: Any, mask: Any, columns: Any) -> None:
        """Replace the missing values in these columns of the rows."""
        receivers = np.flatnonzero(mask[:, columns].any(axis=1))
        step = max(1, WORKING_MEMORY // (8 * len(self.rows)))
        taken = X[receivers, :]
        for start in range(0, len(receivers), step):
            part = slice(start, start + step)
            distances = self._distances(taken[part], mask[receivers[part]])
            for column in columns.tolist():
                self._fill_column(X, column, receivers[part], mask[receivers[part], column], distances)

    def _distances(self, X: Any, missing: Any) -> Any:
        """Return the distance of each row from each training row over the columns that both have; NaN for none."""
        X, Y = X.copy("K"), self.rows.copy("K")
        X[missing], Y[self.missing] = 0, 0
        found = -2 * (X @ Y.T)
        found += np.einsum("ij,ij->i", X, X)[:, None]
        found += np.einsum("ij,ij->i", Y, Y)[None, :]
        np.maximum(found, 0, out=found)
        found -= np.dot(X * X, self.missing.T)
        found -= np.dot(missing, (Y * Y).T)
        np.clip(found, 0, None, out=found)
        both = np.dot(1 - missing, (~self.missing).T)
        found[both == 0] = np.nan
        found /= np.maximum(1, both)
        found *= X.shape[1]
        return np.sqrt(found, out=found)

    def _fill_column(self, X: Any, column: int, rows: Any, missing: Any, distances: Any) -> None:
        donors = np.flatnonzero(~self.missing[:, column])
        receivers, near = rows[missing], distances[missing][:, donors]
        if not len(receivers):
            return
        far = np.isnan(near).all(axis=1)  # no column in common with any training row
        if far.any():
            X[receivers[far], column] = np.ma.array(self.rows[:, column], mask=self.missing[:, column]).mean()
        if not far.all():
            X[receivers[~far], column] = self._averages(near[~far], self.rows[donors, column])

    def _averages(self, distances: Any, values: Any) -> Any:
        count = min(self.count, len(values))
        nearest = np.argpartition(distances, count - 1, axis=1)[:, :count]
        weights = distances[np.arange(len(nearest))[:, None], nearest]
        if self.by_distance:
            with np.errstate(divide="ignore"):
                weights = 1.0 / weights
            infinite = np.isinf(weights)
            rows = infinite.any(axis=1)
            weights[rows] = infinite[rows]
            weights[np.isnan(weights)] = 0.0
        else:
            weights = np.where(np.isnan(weights), 0.0, 1.0)
        return np.ma.average(np.ma.array(values.take(nearest)), axis=1, weights=weights).data


def neighbor_imputer(state: State) -> Part:
    """Return a KNNImputer."""
    state.word("metric", "nan_euclidean")
    marker = missing_value(state)
    if type(marker) not in (int, float):
        raise state.unknown("missing_values")
    rows = state.floats("_fit_X", None, state.columns)
    masked = state.array("_mask_fit_X", "b", *rows.shape)
    missing = Missing(state.name, marker)
    if not len(rows) or not np.array_equal(masked, missing.mask(rows)) or not np.isfinite(rows[~masked]).all():
        raise state.unknown("_fit_X")
    valid = state.array("_valid_mask", "b", state.columns)
    if not np.array_equal(valid, ~masked.all(axis=0)):
        raise state.unknown("_valid_mask")
    by_distance = bool(state.word("weights", "uniform", "distance", None) == "distance")
    donors = Donors(rows, masked, state.integer("n_neighbors", 1), by_distance)
    columns, marked, keep_empty = np.flatnonzero(valid), marked_columns(state), state.flag("keep_empty_features")
    check = Check(state.name, nan=missing.is_nan)

    def transform(X: Any) -> Any:
        X = check(X).copy("K")
        mask = missing.mask(X)
        if mask[:, columns].any():
            donors.fill(X, mask, columns)
        if keep_empty:
            X[:, ~valid] = 0
        else:
            X = X[:, valid]
        return X if marked is None else np.hstack((X, mask[:, marked]))

    return replace(state.part(), methods={"transform": transform})


FAMILIES: Mapping[str, Family] = {
    "sklearn.impute._knn.KNNImputer": Family(
        neighbor_imputer,
        keys(
            "missing_values add_indicator keep_empty_features n_neighbors weights metric copy _fit_X _mask_fit_X"
            " _valid_mask indicator_"
        ),
    ),
}
