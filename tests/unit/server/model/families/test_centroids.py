"""The nearest center of a class, as data, gives the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestCentroid

from server.model.families.registry import part_of
from tests.unit.server.fitted_models import THREE, TWO, X
from tests.unit.server.model.families.equality import (
    REMOVED,
    assert_equal_to,
    assert_unknown_with_each,
    hostile_matrices,
)

ROWS = X.copy()
ROWS[:, 4] = 3.0  # a column without deviation
MODELS = {
    "equal": ({}, THREE),
    "equal, shrunk": ({"shrink_threshold": 0.3}, THREE),
    "equal, of two": ({}, TWO),
    "counted": ({"priors": "empirical"}, THREE),
    "counted, of two": ({"priors": "empirical"}, TWO),
    "given": ({"priors": [0.2, 0.3, 0.5]}, THREE),
    "manhattan": ({"metric": "manhattan"}, THREE),
    "manhattan, counted": ({"metric": "manhattan", "priors": "empirical"}, THREE),
}


def fit(name: str) -> Any:
    options, labels = MODELS[name]
    return NearestCentroid(**options).fit(ROWS, labels)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_nearest_centroid_gives_the_answers_of_scikit_learn(name: str) -> None:
    model = fit(name)
    between = (model.centroids_[:1] + model.centroids_[1:2]) / 2  # as near to one as to the other
    forms = [np.asfortranarray(X[:50]), X[:9].astype(object), pd.DataFrame(X), pd.DataFrame(X.round().astype(int))]
    assert_equal_to(model, [*hostile_matrices(X), between, np.tile(X, (6, 1)), *forms])


@pytest.mark.filterwarnings("ignore")
def test_part_of_nearest_centroid_of_an_old_version_only_predicts() -> None:
    model = fit("counted")
    for later in ("priors", "class_prior_", "deviations_", "within_class_std_dev_"):
        delattr(model, later)
    part = part_of(model)
    assert set(part.methods) == set(part.direct) == {"predict"}
    assert (part.methods["predict"](X) == fit("equal").predict(X)).all()


@pytest.mark.filterwarnings("ignore")
def test_part_of_nearest_centroid_with_another_state_is_unknown() -> None:
    changes: dict[str, Any] = {
        "metric": "cosine",
        "classes_": lambda classes: classes[:1],
        "centroids_": lambda centers: centers[:, 1:],
        "class_prior_": lambda priors: priors[1:],
        "another": 1,
    }
    assert_unknown_with_each(fit("equal"), **changes)
    for change in (np.asfortranarray, lambda centers: centers * np.inf, lambda centers: centers.astype(np.float32)):
        assert_unknown_with_each(fit("counted"), centroids_=change)
    for deviations in (REMOVED, np.zeros(4), np.full(5, np.nan), np.full(5, 5e-324)):
        assert_unknown_with_each(fit("counted"), within_class_std_dev_=deviations)
