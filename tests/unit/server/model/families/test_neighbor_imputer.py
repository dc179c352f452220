"""KNNImputer as data gives the answers of scikit-learn, for the same rows together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.impute import KNNImputer

from server.model.families import neighbor_imputer
from server.model.families.registry import part_of
from tests.unit.server.fitted_models import X
from tests.unit.server.model.families.equality import assert_equal_to, assert_unknown_with_each, hostile_matrices
from tests.unit.server.model.families.test_imputers import CODED, EMPTY, HOLES

IMPUTERS: dict[str, tuple[Any, Any]] = {
    "uniform": (KNNImputer(), HOLES),
    "by distance": (KNNImputer(weights="distance", n_neighbors=3), HOLES),
    "of nothing missing": (KNNImputer(), X),
    "more than there are": (KNNImputer(n_neighbors=1000), HOLES),
    "marked": (KNNImputer(add_indicator=True), HOLES),
    "empty column": (KNNImputer(add_indicator=True), EMPTY),
    "empty column kept": (KNNImputer(keep_empty_features=True), EMPTY),
    "code": (KNNImputer(missing_values=-1, weights="distance"), CODED),
    "whole numbers": (KNNImputer(n_neighbors=2, weights="distance"), np.round(HOLES)),
}


def holes(data: Any, seed: int) -> list[Any]:
    """Return rows with many missing values, in the usual range and as they were trained on."""
    rng = np.random.default_rng(seed)
    found = []
    for rows in (1, 2, 9, 200):
        some = data[rng.integers(0, len(data), rows)] + rng.choice([0.0, 0.1], (rows, 1))
        some[rng.random(some.shape) < rng.choice([0.1, 0.5, 0.9])] = np.nan
        found += [some, np.asfortranarray(some)]
    return found


@pytest.mark.parametrize("name", IMPUTERS)
def test_part_of_a_neighbor_imputer_gives_the_answers_of_scikit_learn(name: str) -> None:
    imputer, data = IMPUTERS[name]
    more = [each for seed in range(5) for each in holes(data, seed)]
    if name == "code":
        more = [np.nan_to_num(each, nan=-1) for each in more]
    integers = np.round(np.nan_to_num(data)).astype(np.int64)
    assert_equal_to(imputer.fit(data), [*hostile_matrices(np.nan_to_num(data)), *more, integers, integers[:1]])
    assert not part_of(imputer).row_independent


def test_transform_of_more_rows_than_fit_into_the_memory_gives_the_answers_of_scikit_learn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sklearn import config_context

    monkeypatch.setattr(neighbor_imputer, "WORKING_MEMORY", 1 << 20)
    with config_context(working_memory=1):
        assert_equal_to(KNNImputer().fit(HOLES), [np.concatenate([HOLES] * 40)])


def test_part_of_a_neighbor_imputer_with_another_state_is_unknown() -> None:
    assert_unknown_with_each(
        KNNImputer().fit(HOLES),
        metric=lambda _: np.hypot,
        weights=lambda _: np.ones_like,
        missing_values=None,
        n_neighbors=0,
        _fit_X=lambda rows: rows[:, 1:],
        _mask_fit_X=lambda mask: ~mask,
        _valid_mask=lambda mask: ~mask,
        keep_empty_features=None,
    )
    assert_unknown_with_each(KNNImputer().fit(HOLES), _fit_X=lambda rows: np.where(rows > 0, np.inf, rows))
