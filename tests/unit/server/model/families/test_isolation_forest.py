"""IsolationForest as data gives the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.ensemble import IsolationForest

from server.model.families.registry import part_of
from server.model.families.sparse_rows import dense_to_sparse
from tests.unit.server.fitted_models import X
from tests.unit.server.model.families.equality import assert_equal_to, hostile_matrices, same
from tests.unit.server.model.families.spoiled import assert_unknown, recorded

MANY = list(hostile_matrices(X))
MODELS = {
    "usual": IsolationForest(n_estimators=20, random_state=0),
    "some columns": IsolationForest(n_estimators=15, max_features=3, random_state=0),
    "few columns": IsolationForest(n_estimators=8, max_features=0.6, bootstrap=True, random_state=0),
    "contaminated": IsolationForest(n_estimators=10, contamination=0.2, max_samples=30, random_state=0),
    "two samples": IsolationForest(n_estimators=3, max_samples=2, random_state=0),
    "one sample": IsolationForest(n_estimators=3, max_samples=1, random_state=0),
    "one tree": IsolationForest(n_estimators=1, random_state=0),
}


def fitted(name: str) -> Any:
    return MODELS[name].fit(X)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_an_isolation_forest_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_to(fitted(name), MANY)
    assert_equal_to(fitted(name), MANY[:3], part_of(recorded(fitted(name))))


@pytest.mark.parametrize("name", ["usual", "some columns"])
def test_score_samples_of_scikit_learn_in_small_parts_has_the_same_bits(name: str) -> None:
    model = fitted(name)
    found = part_of(model).methods["score_samples"](X)
    with sklearn.config_context(working_memory=1e-4):  # three rows in each part
        assert same(model.score_samples(X), found)


def test_part_of_an_isolation_forest_takes_sparse_rows_as_scikit_learn_does() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    some = np.where(np.random.default_rng(2).random(X.shape) < 0.5, 0, X)
    for name in ("usual", "some columns"):
        found = part_of(fitted(name)).methods["score_samples"](dense_to_sparse(some))
        assert same(fitted(name).score_samples(sparse.csr_matrix(some)), found)


def replace_depths(make: Any) -> Any:
    return lambda state: state.update(_decision_path_lengths=make(state["_decision_path_lengths"]))


SPOILED = {
    "column outside": lambda state: state["estimators_features_"][1].__setitem__(0, 5),
    "negative column": lambda state: state["estimators_features_"][1].__setitem__(0, -1),
    "columns of one tree less": lambda state: state.update(estimators_features_=state["estimators_features_"][:-1]),
    "fewer columns": lambda state: state["estimators_features_"].__setitem__(0, np.array([0, 1])),
    "columns of fractions": lambda state: state["estimators_features_"].__setitem__(0, np.array([0.0, 1.0, 2.0])),
    "fewer depths": replace_depths(lambda depths: depths[:-1]),
    "short depths": replace_depths(lambda depths: [np.zeros(2), *depths[1:]]),
    "depths of text": replace_depths(lambda depths: ["deep", *depths[1:]]),
    "no samples": lambda state: state.update(_max_samples=0),
}


@pytest.mark.parametrize("name", SPOILED)
def test_part_of_an_isolation_forest_with_a_wrong_number_is_unknown(name: str) -> None:
    assert_unknown(fitted("some columns"), SPOILED[name])
