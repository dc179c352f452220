"""Discriminant analysis as data gives the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import assert_equal_to, assert_unknown_with_each, hostile_matrices

LABELS = {**TARGETS, "nine": np.arange(len(X)) % 9}
MODELS = {
    "linear": (LinearDiscriminantAnalysis(), "three"),
    "linear of two": (LinearDiscriminantAnalysis(), "two"),
    "linear of one component": (LinearDiscriminantAnalysis(n_components=1), "three"),
    "linear by eigenvalues": (LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto"), "three"),
    "linear by least squares": (LinearDiscriminantAnalysis(solver="lsqr", priors=[0.2, 0.3, 0.5]), "three"),
    "quadratic": (QuadraticDiscriminantAnalysis(tol=1e-9), "three"),
    "quadratic of two": (QuadraticDiscriminantAnalysis(tol=1e-9, store_covariance=True, reg_param=0.1), "two"),
    "quadratic of nine": (QuadraticDiscriminantAnalysis(tol=1e-9, priors=[0.1] * 8 + [0.2]), "nine"),
    "quadratic by eigenvalues": (QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.2), "three"),
}


def fit(name: str) -> Any:
    estimator, target = MODELS[name]
    return clone(estimator).fit(X, LABELS[target])


@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_discriminant_analysis_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_to(fit(name), list(hostile_matrices(X)))


def test_part_of_a_discriminant_analysis_with_wrong_arrays_is_unknown() -> None:
    assert_unknown_with_each(
        fit("linear"),
        coef_=lambda coefficients: coefficients[:, 1:],
        classes_=lambda classes: classes[1:],
        scalings_=lambda scalings: scalings[1:],
        xbar_=lambda center: center[1:],
        _max_components=-1,
        solver="other",
    )
    assert_unknown_with_each(
        fit("quadratic"),
        means_=lambda means: means[1:],
        priors_=lambda priors: priors[1:],
        scalings_=lambda scalings: [scalings[0][1:], *scalings[1:]],
        rotations_=lambda rotations: rotations[1:],
        classes_=lambda classes: classes[1:],
    )
    assert_unknown_with_each(fit("quadratic"), rotations_=lambda rotations: [rotation[1:] for rotation in rotations])
