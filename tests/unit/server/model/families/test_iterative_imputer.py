"""IterativeImputer as data gives the answers of scikit-learn, for the same rows together."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - imports the imputer
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from server.model.families.registry import part_of
from server.model.pickledata.files import read
from tests.unit.server.fitted_models import X
from tests.unit.server.model.families.equality import assert_equal_to, assert_unknown_with_each, hostile_matrices
from tests.unit.server.model.families.test_imputers import CODED, EMPTY, HOLES
from tests.unit.server.model.families.test_neighbor_imputer import holes

pytestmark = pytest.mark.filterwarnings("ignore")

FEW = {"max_iter": 3, "random_state": 0}
IMPUTERS: dict[str, tuple[Any, Any]] = {
    "Bayesian ridge": (IterativeImputer(**FEW), HOLES),
    "of nothing missing": (IterativeImputer(**FEW), X),
    "marked": (IterativeImputer(**FEW, add_indicator=True, initial_strategy="median"), HOLES),
    "bounded": (IterativeImputer(**FEW, min_value=-0.5, max_value=[1, 2, 3, 4, 5]), HOLES),
    "empty column": (IterativeImputer(**FEW, add_indicator=True), EMPTY),
    "empty column kept": (IterativeImputer(**FEW, keep_empty_features=True), EMPTY),
    "code": (IterativeImputer(**FEW, missing_values=-1), CODED),
    "few others": (IterativeImputer(**FEW, n_nearest_features=2, imputation_order="random"), HOLES),
    "only columns with holes": (IterativeImputer(**FEW, skip_complete=True), HOLES),
    "no round": (IterativeImputer(max_iter=0), HOLES),
    "ridge": (IterativeImputer(make_pipeline(StandardScaler(), Ridge()), **FEW), HOLES),
    "forest": (IterativeImputer(RandomForestRegressor(4, random_state=0), **FEW), HOLES),
    "neighbors": (IterativeImputer(KNeighborsRegressor(3, algorithm="kd_tree"), **FEW), HOLES),
}


@pytest.mark.parametrize("name", IMPUTERS)
def test_part_of_an_iterative_imputer_gives_the_answers_of_scikit_learn(name: str) -> None:
    imputer, data = IMPUTERS[name]
    more = [each for seed in range(3) for each in holes(data, seed)]
    if name == "code":
        more = [np.nan_to_num(each, nan=-1) for each in more]
    integers = np.round(np.nan_to_num(data)).astype(np.int64)
    inputs = [*hostile_matrices(np.nan_to_num(data)), *more, integers, integers[:1]]
    if name == "empty column kept":  # scikit-learn writes into rows that are in F order
        inputs = [each for each in inputs if len(each) > 1 and each.flags.c_contiguous]
    assert_equal_to(imputer.fit(data), inputs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.joblib"
        joblib.dump(imputer, path)
        assert_equal_to(joblib.load(path), inputs[-20:], part_of(read(path)))


def test_pipeline_after_an_iterative_imputer_gives_the_answers_of_scikit_learn() -> None:
    model = make_pipeline(IterativeImputer(**FEW), LogisticRegression()).fit(HOLES, HOLES[:, 3] > 0)
    assert_equal_to(model, [HOLES, HOLES[:1], X])


def test_part_of_an_iterative_imputer_with_another_state_is_unknown() -> None:
    imputer = IterativeImputer(**FEW).fit(HOLES)
    first = imputer.imputation_sequence_[0]
    assert_unknown_with_each(
        imputer,
        sample_posterior=True,
        missing_values=None,
        n_iter_=0,
        initial_imputer_=StandardScaler().fit(X),
        _is_empty_feature=lambda mask: ~mask,
        _min_value=lambda low: low[1:],
        _max_value=lambda high: high - np.inf,
    )
    for spoiled in (
        first._replace(feat_idx=5),
        first._replace(neighbor_feat_idx=np.array([0, 1, 2, 9])),
        first._replace(neighbor_feat_idx=np.array([0, 1])),
        first._replace(estimator=StandardScaler().fit(X)),
        (0, first.neighbor_feat_idx, first.estimator),
    ):
        assert_unknown_with_each(imputer, imputation_sequence_=[spoiled])
