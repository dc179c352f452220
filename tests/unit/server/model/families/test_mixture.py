"""Mixtures of normal distributions as data give the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

from tests.unit.server.fitted_models import X
from tests.unit.server.model.families.equality import assert_equal_to, assert_unknown_with_each, hostile_matrices


def fit(kind: str, components: int) -> Any:
    return GaussianMixture(components, covariance_type=kind, random_state=0, max_iter=5).fit(X)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("components", [1, 3, 9])
@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_part_of_a_mixture_gives_the_answers_of_scikit_learn(kind: str, components: int) -> None:
    assert_equal_to(fit(kind, components), list(hostile_matrices(X)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_part_of_a_mixture_with_wrong_arrays_is_unknown(kind: str) -> None:
    assert_unknown_with_each(
        fit(kind, 3),
        means_=lambda means: means[:, 1:],
        weights_=lambda weights: weights[1:],
        precisions_cholesky_=lambda factors: factors[1:],
        covariance_type="other",
    )


PRIORS = ("dirichlet_process", "dirichlet_distribution")


def fit_bayesian(kind: str, components: int, prior: str) -> Any:
    options: Any = {"covariance_type": kind, "weight_concentration_prior_type": prior}
    return BayesianGaussianMixture(n_components=components, random_state=0, max_iter=5, **options).fit(X)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("components", [1, 3])
@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_part_of_a_bayesian_mixture_gives_the_answers_of_scikit_learn(kind: str, components: int, prior: str) -> None:
    assert_equal_to(fit_bayesian(kind, components, prior), list(hostile_matrices(X)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("prior", PRIORS)
def test_part_of_a_bayesian_mixture_with_wrong_arrays_is_unknown(prior: str) -> None:
    assert_unknown_with_each(
        fit_bayesian("diag", 3, prior),
        means_=lambda means: means[:0],
        mean_precision_=lambda values: values[1:],
        degrees_of_freedom_=lambda values: values[0],
        weight_concentration_=lambda values: values[:1],
        weight_concentration_prior_type="other",
        prior_=0,
    )
