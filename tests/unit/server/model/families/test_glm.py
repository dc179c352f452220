"""Generalized linear models as data give the answers of scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sklearn import linear_model
from sklearn.base import clone

from server.model.pickledata.records import as_record
from tests.unit.server.fitted_models import SCORE, X
from tests.unit.server.model.families.equality import assert_equal_to, assert_unknown_with_each, hostile_matrices

MODELS = {
    "poisson": linear_model.PoissonRegressor(),
    "gamma": linear_model.GammaRegressor(),
    "normal": linear_model.TweedieRegressor(power=0),
    "compound": linear_model.TweedieRegressor(power=1.5),
    "identity": linear_model.TweedieRegressor(power=1.5, link="identity", max_iter=3),
    "without intercept": linear_model.PoissonRegressor(fit_intercept=False),
    "by newton": linear_model.PoissonRegressor(solver="newton-cholesky"),
}
POSITIVE = abs(SCORE) + 0.1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_generalized_linear_model_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_to(clone(MODELS[name]).fit(X, POSITIVE), list(hostile_matrices(X)))


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_generalized_linear_model_with_another_loss_or_link_is_unknown() -> None:
    poisson, normal = (clone(MODELS[name]).fit(X, POSITIVE) for name in ("poisson", "normal"))
    loss = as_record(poisson._base_loss)
    assert_unknown_with_each(poisson, coef_=lambda coefficients: coefficients[:, None].T, _base_loss=None)
    assert_unknown_with_each(poisson, _base_loss=replace(loss, state={**loss.state, "link": normal._base_loss.link}))
    assert_unknown_with_each(poisson, _base_loss=replace(loss, name="sklearn._loss.loss.HalfSquaredError"))
