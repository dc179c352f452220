"""Clusters around centers as data give the answers of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans

from server.model.pickledata.records import as_record
from tests.unit.server.fitted_models import X
from tests.unit.server.model.families.equality import (
    assert_equal_on_sparse,
    assert_equal_to,
    assert_unknown_with_each,
    hostile_matrices,
    sparse_matrices,
)

MODELS = {
    "one": KMeans(1, n_init=1),
    "three": KMeans(3, n_init=1),
    "many": KMeans(40, n_init=1, max_iter=2),
    "elkan": KMeans(3, n_init=1, algorithm="elkan", init="random"),
    "batches": MiniBatchKMeans(4, n_init=1),
    "bisecting": BisectingKMeans(6, bisecting_strategy="largest_cluster"),
    "bisecting into one": BisectingKMeans(1),
}


def fit(name: str) -> Any:
    return clone(MODELS[name]).set_params(random_state=0).fit(X)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_clusters_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_to(fit(name), list(hostile_matrices(X)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["one", "three", "many", "batches"])
def test_part_of_clusters_gives_the_answers_of_scikit_learn_on_sparse_rows(name: str) -> None:
    assert_equal_on_sparse(fit(name), list(sparse_matrices(X)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("width", [3, 40, 700])
def test_part_of_clusters_gives_the_answers_of_scikit_learn_between_two_centers(width: int) -> None:
    rng = np.random.default_rng(1)
    model = KMeans(9, n_init=1, max_iter=1, random_state=0).fit(rng.normal(size=(60, width)))
    assert_equal_to(model, list(_in_the_middle(model.cluster_centers_, rng)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("place", [0, 1, 2])
def test_part_of_clusters_gives_the_answers_of_scikit_learn_beyond_the_largest_number(place: int) -> None:
    model = KMeans(3, n_init=1, random_state=0).fit(X)
    model.cluster_centers_[place] = 1e200
    rows = np.full((3, X.shape[1]), 1e200)  # infinite minus infinite: no number is the distance from this center
    assert_equal_to(model, [rows, rows[:1], -rows[:1]])


def _in_the_middle(centers: Any, rng: np.random.Generator) -> Iterator[Any]:
    """Yield rows that are as far from one center as from another, but for rounding errors."""
    for rows in (1, 2, 255, 256, 257, 600):
        one, other = rng.integers(0, len(centers), (2, rows))
        yield (centers[one] + centers[other]) / 2
    for _ in range(50):
        one, other = rng.integers(0, len(centers), 2)
        yield ((centers[one] + centers[other]) / 2).reshape(1, -1)


@pytest.mark.filterwarnings("ignore")
def test_part_of_clusters_with_wrong_arrays_is_unknown() -> None:
    for name in ("three", "batches", "bisecting"):
        assert_unknown_with_each(fit(name), cluster_centers_=lambda centers: centers[:, 1:], n_features_in_=6)
    assert_unknown_with_each(fit("three"), cluster_centers_=np.asfortranarray)
    assert_unknown_with_each(fit("three"), cluster_centers_=lambda centers: centers[:0])


@pytest.mark.filterwarnings("ignore")
def test_part_of_bisecting_clusters_with_another_tree_is_unknown() -> None:
    model = fit("bisecting")
    node = as_record(model._bisecting_tree)
    changed = lambda **changes: replace(node, state={**node.state, **changes})  # noqa: E731 - short
    for tree in (
        None,
        changed(left=None),
        changed(right=None),
        changed(left=None, label=-1),
        changed(left=changed(center=np.zeros(3))),
        replace(node, state=None),
    ):
        assert_unknown_with_each(model, _bisecting_tree=tree)
    endless = changed()
    endless.state["left"] = endless
    assert_unknown_with_each(model, _bisecting_tree=endless)


@pytest.mark.filterwarnings("ignore")
def test_part_of_bisecting_clusters_with_another_mean_is_unknown() -> None:
    assert_unknown_with_each(fit("bisecting"), _X_mean=lambda mean: mean[1:])
