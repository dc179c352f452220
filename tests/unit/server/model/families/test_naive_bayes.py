"""Naive Bayes as data gives the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import naive_bayes
from sklearn.base import clone

from server.model.families.registry import part_of
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import (
    assert_equal_on_sparse,
    assert_equal_to,
    assert_unknown_with_each,
    hostile_matrices,
    sparse_matrices,
)

COUNTS = np.abs(np.round(X / [1, 10, 0.01, 1000, 1]))
LABELS = {**TARGETS, "nine": np.arange(len(X)) % 9, "one": np.full(len(X), "all")}
MODELS = {
    "bernoulli": (naive_bayes.BernoulliNB(), "three"),
    "bernoulli above two": (naive_bayes.BernoulliNB(binarize=2.0, fit_prior=False), "two"),
    "bernoulli of bits": (naive_bayes.BernoulliNB(binarize=None), "three"),
    "multinomial": (naive_bayes.MultinomialNB(), "three"),
    "multinomial of nine": (naive_bayes.MultinomialNB(alpha=0.5, class_prior=[1 / 9] * 9), "nine"),
    "complement": (naive_bayes.ComplementNB(norm=True), "three"),
    "complement of one": (naive_bayes.ComplementNB(), "one"),
    "categorical": (naive_bayes.CategoricalNB(), "three"),
    "categorical of more": (naive_bayes.CategoricalNB(min_categories=9), "nine"),
}
GAUSSIAN = {
    "gaussian": (naive_bayes.GaussianNB(), "three"),
    "gaussian of two": (naive_bayes.GaussianNB(priors=[0.0, 1.0]), "two"),
    "gaussian of nine": (naive_bayes.GaussianNB(), "nine"),
}


def fit(name: str) -> Any:
    estimator, target = {**MODELS, **GAUSSIAN}[name]
    return clone(estimator).fit(X if name in GAUSSIAN else COUNTS, LABELS[target])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_naive_bayes_of_counts_gives_the_answers_of_scikit_learn(name: str) -> None:
    model = fit(name)
    assert_equal_to(model, [*hostile_matrices(COUNTS), COUNTS, np.minimum(COUNTS, 1).astype(np.int64), COUNTS[::9] - 1])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", GAUSSIAN)
def test_part_of_a_gaussian_naive_bayes_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_to(fit(name), [*hostile_matrices(X), *(np.asfortranarray(X[:rows]) for rows in (1, 2, 40))])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("categorical")])
def test_part_of_a_naive_bayes_of_counts_gives_the_answers_of_scikit_learn_on_sparse_rows(name: str) -> None:
    assert_equal_on_sparse(fit(name), list(sparse_matrices(COUNTS)))


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_gaussian_naive_bayes_of_many_classes_is_not_row_independent() -> None:
    model = fit("gaussian of nine")
    alone = np.concatenate([model.predict_proba(row[None]) for row in X])
    assert (alone != model.predict_proba(X)).any()
    assert not part_of(model).row_independent
    assert part_of(fit("gaussian")).row_independent


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_naive_bayes_with_wrong_arrays_is_unknown() -> None:
    shorter = {"classes_": lambda classes: classes[1:]}
    assert_unknown_with_each(
        fit("gaussian"),
        theta_=lambda means: means[:, 1:],
        var_=lambda variances: variances[1:],
        class_prior_=lambda priors: priors[1:],
        **shorter,
    )
    for name in ("bernoulli", "multinomial", "complement"):
        assert_unknown_with_each(
            fit(name),
            feature_log_prob_=lambda logs: logs[:, 1:],
            class_log_prior_=lambda priors: priors[1:],
            **shorter,
        )
    assert_unknown_with_each(fit("bernoulli"), binarize=-1.0)
    assert_unknown_with_each(
        fit("categorical"), feature_log_prob_=lambda tables: tables[1:], class_log_prior_=None, **shorter
    )
    assert_unknown_with_each(fit("categorical"), feature_log_prob_=lambda tables: [table[1:] for table in tables])
