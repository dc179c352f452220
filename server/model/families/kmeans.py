"""Clusters around centers: the nearest center, and the distances from all of them.

Source: sklearn/cluster/_kmeans.py, _k_means_lloyd.pyx, _bisect_k_means.py, sklearn/metrics/pairwise.py
(`_euclidean_distances`). The nearest center is found by the same call of the same compiled BLAS as in scikit-learn,
SciPy's: NumPy's has other rounding errors, and would find another center where two are equally near but for these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families.base import Call, Check, Part, behind, matrix_part
from server.model.families.sparse_rows import SparseRows, dot
from server.model.families.state import Family, State, keys
from server.model.pickledata.compiled import MATRIX_PRODUCT

CHUNK = 256
"""Rows that scikit-learn passes to BLAS together. The number of rows may change the order of sums."""

LARGEST = float(np.finfo(np.float64).max)


def centers(state: State) -> Part:
    """Return a KMeans or a MiniBatchKMeans."""
    positions = state.floats("cluster_centers_", None, state.columns)
    return _part(state, _nearest(state, positions), positions, Check(state.name, sparse=True))


def _part(state: State, nearest: Call, positions: Any, check: Check) -> Part:
    """Return a part that predicts by `nearest`, which takes rows in C order, and transforms to distances."""
    methods = {"predict": nearest, "transform": _distances(positions)}
    part = matrix_part(state.part(), methods, check)

    def in_order(X: Any) -> Any:
        X = check(X)
        return X if type(X) is SparseRows else np.ascontiguousarray(X)

    return replace(part, methods={name: behind(in_order, call) for name, call in methods.items()})


def _nearest(state: State, positions: Any) -> Call:
    """Return a function that gives the index of the nearest position, the first of several."""
    if not positions.flags.c_contiguous or not len(positions):
        raise state.unknown("cluster_centers_")
    with np.errstate(all="ignore"):
        norms = np.einsum("ij,ij->i", positions, positions)
    transposed, column, numbers = positions.T, norms[:, None], np.arange(len(positions), dtype=np.int32)

    def nearest(X: Any) -> Any:
        if type(X) is SparseRows:
            found = norms - 2 * X.dot(transposed)
            return np.where(found < LARGEST, found, LARGEST).argmin(axis=1).astype(np.int32)
        if len(X) == 1:
            found = MATRIX_PRODUCT.function(-2.0, transposed, X.T, 1.0, column, 1)
            index = int(found.argmin())
            if not math.isnan(found.item(index)):  # of several numbers argmin takes NaN
                return numbers[index : index + 1]
            return _first_smallest(found.T)
        found = np.empty((len(X), len(positions)))
        found[:] = norms
        for start in range(0, len(X), CHUNK):
            chunk = X[start : start + CHUNK]
            # Fortran's order: it takes and changes the transposed arrays. 1: the first is transposed, the last changed.
            MATRIX_PRODUCT(-2.0, transposed, chunk.T, 1.0, found[start : start + CHUNK].T, 1, 0, 1)
        if finite(found):
            return found.argmin(axis=1).astype(np.int32)
        return _first_smallest(found)

    return nearest


def _first_smallest(found: Any) -> Any:
    """Return the first index of each row's smallest value. NaN is not smaller than anything, nor larger."""
    indices = np.where(np.isnan(found), np.inf, found).argmin(axis=1).astype(np.int32)
    indices[np.isnan(found[:, 0])] = 0
    return indices


def _distances(positions: Any) -> Call:
    """Return a function that gives the distance from each position."""
    with np.errstate(all="ignore"):
        norms = np.einsum("ij,ij->i", positions, positions)[None, :]
    ones = np.ones(positions.shape[1])

    def distances(X: Any) -> Any:
        found = -2 * dot(X, positions.T)
        if type(X) is SparseRows:
            found += X.with_data(X.data * X.data).dot(ones)[:, None]
        else:
            found += np.einsum("ij,ij->i", X, X)[:, None]
        found += norms
        np.maximum(found, 0, out=found)
        return np.sqrt(found, out=found)

    return distances


# ---- centers in a tree ------------------------------------------------------------------------------------------


def bisecting(state: State) -> Part:
    """Return a BisectingKMeans: each step chooses one of two centers, down to a cluster."""
    positions = state.floats("cluster_centers_", None, state.columns)
    shift = state.floats("_X_mean", state.columns) if "_X_mean" in state.values else None
    return _part(state, _descent(state, state.values.get("_bisecting_tree"), shift, 0), positions, Check(state.name))


def _descent(state: State, node: Any, shift: Any, depth: int) -> Call:
    """Return a function that gives each row's cluster below this node."""
    attributes = state.as_record("_bisecting_tree", node, NODE).state
    if type(attributes) is not dict or depth > MAX_DEPTH:
        raise state.unknown("_bisecting_tree")
    left, right = attributes.get("left"), attributes.get("right")
    if left is None:
        label = attributes.get("label")
        if type(label) is not int or not 0 <= label < MAX_LABEL:
            raise state.unknown("_bisecting_tree")
        return lambda X: np.full(len(X), label, np.int32)
    pair = np.vstack([_center_of(state, child) for child in (left, right)])
    if shift is not None:
        pair += shift
    nearest = _nearest(state, pair)
    go_left, go_right = _descent(state, left, shift, depth + 1), _descent(state, right, shift, depth + 1)

    def descend(X: Any) -> Any:
        to_left = nearest(X) == 0
        labels = np.empty(len(X), np.int32)
        labels[to_left] = go_left(X[to_left])
        labels[~to_left] = go_right(X[~to_left])
        return labels

    return descend


def _center_of(state: State, node: Any) -> Any:
    attributes = state.as_record("_bisecting_tree", node, NODE).state
    center = attributes.get("center") if type(attributes) is dict else None
    if type(center) is not np.ndarray or center.dtype != np.float64 or center.shape != (state.columns,):
        raise state.unknown("_bisecting_tree")
    return center


NODE = "sklearn.cluster._bisect_k_means._BisectingTree"

MAX_DEPTH = 200
"""Steps down the tree; each is a call inside a call."""

MAX_LABEL = 1 << 31

ANY_KEYS = keys(
    "n_clusters init max_iter tol n_init verbose random_state copy_x algorithm _tol _n_init _n_threads"
    " cluster_centers_ _n_features_out labels_ inertia_ n_iter_"
)
BATCH_KEYS = ANY_KEYS | keys(
    "max_no_improvement batch_size compute_labels init_size reassignment_ratio _batch_size _init_size _counts"
    " _ewa_inertia _ewa_inertia_min _no_improvement _n_since_last_reassign n_steps_ _random_state"
)
BISECTING_KEYS = ANY_KEYS | keys("bisecting_strategy _random_state _kmeans_single _X_mean _bisecting_tree")

FAMILIES: Mapping[str, Family] = {
    "sklearn.cluster._bisect_k_means.BisectingKMeans": Family(bisecting, BISECTING_KEYS),
    "sklearn.cluster._kmeans.KMeans": Family(centers, ANY_KEYS | keys("_algorithm")),
    "sklearn.cluster._kmeans.MiniBatchKMeans": Family(centers, BATCH_KEYS),
}
