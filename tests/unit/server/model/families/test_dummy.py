"""Estimators that answer the same for every row give the answers of scikit-learn as data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor

from server.model.families.registry import part_of
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import (
    assert_equal_on_sparse,
    assert_equal_to,
    assert_unknown_with_each,
    hostile_matrices,
    sparse_matrices,
)

COUNTS = np.round(TARGETS["number"]).astype(int)
LABELS = {
    **TARGETS,
    "counts": COUNTS,
    "objects": TARGETS["three"].astype(object),
    "labels": np.c_[COUNTS > 0, COUNTS].astype(int),
}
MODELS = {
    "prior": (DummyClassifier(), "three"),
    "prior of objects": (DummyClassifier(), "objects"),
    "prior of labels": (DummyClassifier(), "labels"),
    "most frequent": (DummyClassifier(strategy="most_frequent"), "counts"),
    "most frequent labels": (DummyClassifier(strategy="most_frequent"), "labels"),
    "constant": (DummyClassifier(strategy="constant", constant="low"), "three"),
    "constant of a list": (DummyClassifier(strategy="constant", constant=["low"]), "three"),
    "constant number": (DummyClassifier(strategy="constant", constant=np.int64(1)), "counts"),
    "constant labels": (DummyClassifier(strategy="constant", constant=[1, 0]), "labels"),
    "mean": (DummyRegressor(), "number"),
    "mean of two": (DummyRegressor(), "numbers"),
    "median": (DummyRegressor(strategy="median"), "counts"),
    "quantile": (DummyRegressor(strategy="quantile", quantile=0.3), "number"),
    "constant integer": (DummyRegressor(strategy="constant", constant=3), "number"),
}


def fit(name: str) -> Any:
    estimator, target = MODELS[name]
    return clone(estimator).fit(X, LABELS[target])


@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_dummy_gives_the_answers_of_scikit_learn(name: str) -> None:
    model = fit(name)
    assert_equal_to(model, list(hostile_matrices(X)))
    assert part_of(model).row_independent


@pytest.mark.parametrize("name", ["prior", "mean"])
def test_part_of_a_dummy_gives_the_answers_of_scikit_learn_on_sparse_rows(name: str) -> None:
    assert_equal_on_sparse(fit(name), list(sparse_matrices(X)))


def test_part_of_a_dummy_with_another_state_is_unknown() -> None:
    assert_unknown_with_each(
        fit("prior"),
        _strategy="uniform",
        sparse_output_=True,
        class_prior_=lambda shares: shares[1:],
        n_classes_=4,
        n_outputs_=2,
        classes_=lambda classes: classes[1:],
    )
    assert_unknown_with_each(fit("prior of labels"), classes_=lambda classes: classes[1:], n_classes_=[9, 9])
    assert_unknown_with_each(fit("constant"), constant="other")
    assert_unknown_with_each(fit("constant"), constant=["low", "high"])
    assert_unknown_with_each(fit("mean"), constant_=lambda constant: constant[0], n_outputs_=2)
