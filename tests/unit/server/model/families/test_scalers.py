"""Scalers as data give the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import preprocessing

from server.model.families.registry import part_of
from server.model.pickledata.records import as_record
from tests.unit.server.fitted_models import X
from tests.unit.server.model.families.equality import (
    REMOVED,
    assert_equal_on_sparse,
    assert_equal_to,
    assert_unknown_with,
    hostile_matrices,
    sparse_matrices,
)

DENSE = {
    "standard": preprocessing.StandardScaler(),
    "standard without deviation": preprocessing.StandardScaler(with_std=False),
    "robust": preprocessing.RobustScaler(),
    "robust of unit variance": preprocessing.RobustScaler(unit_variance=True, quantile_range=(10, 80)),
    "robust without scale": preprocessing.RobustScaler(with_scaling=False),
    "min max": preprocessing.MinMaxScaler((-3, 5)),
    "min max clipped": preprocessing.MinMaxScaler(clip=True),
    "min max clipped at fractions": preprocessing.MinMaxScaler((-0.5, 0.3), clip=True),
    "binary of a negative": preprocessing.Binarizer(threshold=-0.5),
}
BOTH = {
    "standard unshifted": preprocessing.StandardScaler(with_mean=False),
    "standard of nothing": preprocessing.StandardScaler(with_mean=False, with_std=False),
    "robust unshifted": preprocessing.RobustScaler(with_centering=False),
    "robust of nothing": preprocessing.RobustScaler(with_centering=False, with_scaling=False),
    "max abs": preprocessing.MaxAbsScaler(),
    "max abs clipped": preprocessing.MaxAbsScaler(clip=True),
    "norm l1": preprocessing.Normalizer("l1"),
    "norm l2": preprocessing.Normalizer("l2"),
    "norm max": preprocessing.Normalizer("max"),
    "binary": preprocessing.Binarizer(),
    "binary of one": preprocessing.Binarizer(threshold=1),
}
SCALERS = {**DENSE, **BOTH}


@pytest.mark.parametrize("name", SCALERS)
def test_part_of_a_scaler_gives_the_answers_of_scikit_learn(name: str) -> None:
    scaler: Any = SCALERS[name]
    with_constant = np.c_[X, np.full(len(X), 3.0)]
    assert_equal_to(scaler.fit(with_constant), list(hostile_matrices(with_constant)))
    assert_equal_to(scaler, [with_constant[:20].astype(object), with_constant[:20, ::-1], with_constant[:30:2]])


@pytest.mark.parametrize("name", BOTH)
def test_part_of_a_scaler_of_sparse_rows_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_on_sparse(BOTH[name].fit(X), list(sparse_matrices(X)))


WIDE = np.ones(X.shape[1] + 1)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("standard", {"mean_": WIDE}),
        ("standard", {"scale_": WIDE}),
        ("standard", {"scale_": None}),
        ("standard", {"scale_": np.ones(X.shape[1], np.float32)}),
        ("standard", {"mean_": REMOVED}),
        ("standard", {"with_mean": "yes"}),
        ("standard", {"with_std": REMOVED}),
        ("standard", {"n_features_in_": REMOVED}),
        ("robust", {"center_": WIDE}),
        ("robust", {"scale_": WIDE}),
        ("min max", {"min_": WIDE}),
        ("min max", {"scale_": WIDE}),
        ("min max clipped", {"feature_range": (0, 1, 2)}),
        ("min max clipped", {"feature_range": (0, "1")}),
        ("max abs", {"scale_": WIDE}),
        ("max abs", {"clip": 1}),
        ("standard", {"copy": False}),
        ("norm l1", {"copy": False}),
        ("norm l1", {"norm": "l3"}),
        ("binary", {"threshold": None}),
    ],
)
def test_part_of_a_scaler_with_another_state_is_unknown(name: str, changes: Any) -> None:
    assert_unknown_with(SCALERS[name].fit(X), **changes)


def test_part_of_a_max_abs_scaler_saved_without_clip_does_not_clip() -> None:
    scaler = preprocessing.MaxAbsScaler().fit(X)
    record = as_record(scaler)
    record.state = {key: value for key, value in record.state.items() if key != "clip"}
    assert_equal_to(scaler, [X * 3], part_of(record))
