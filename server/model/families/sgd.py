"""Linear models fitted by stochastic gradient descent.

Source: sklearn/linear_model/_stochastic_gradient.py; _perceptron.py and _passive_aggressive.py inherit from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from server.model.families.base import Check, Part, matrix_part
from server.model.families.linear import ANY_KEYS, regressor
from server.model.families.linear_classifiers import (
    classifier,
    classifier_methods,
    part_of_methods,
    with_probabilities,
)
from server.model.families.probabilities import BINARY, one_against_rest, shares, two_sided, two_sided_of_second
from server.model.families.sparse_rows import product
from server.model.families.state import Family, State, keys, wide


def descent_classifier(state: State) -> Part:
    """Return an SGDClassifier, which has probabilities for two of its losses."""
    classes = state.labels()
    methods = classifier_methods(state, classes)
    loss = state.word("loss", *LOSSES)
    both = PROBABILITIES.get(loss)
    if both:
        methods = with_probabilities(methods, both[len(classes) > BINARY])
    return part_of_methods(state, methods, classes)


def _two_huber(scores: Any) -> Any:
    return two_sided_of_second(_clipped(scores))


def _many_huber(scores: Any) -> Any:
    return shares(_clipped(scores))


def _clipped(scores: Any) -> Any:
    """Return scores from -1 to 1 as probabilities from 0 to 1; others are cut off."""
    clipped = np.clip(scores, -1, 1)
    clipped += 1.0
    clipped /= 2.0
    return clipped


def descent_regressor(state: State) -> Part:
    """Return a regressor of one output."""
    state.fitted_floats("coef_", state.columns)
    return regressor(state)


def one_class(state: State) -> Part:
    """Return an SGDOneClassSVM."""
    weights, offset = state.fitted_floats("coef_", state.columns), state.fitted_floats("offset_", 1)
    times_weights = product(wide(weights))

    def distance(X: Any) -> Any:
        return times_weights(X) - offset

    methods = {
        "predict": lambda X: np.where(distance(X) >= 0, np.int32(1), np.int32(-1)),
        "decision_function": distance,
        "score_samples": lambda X: distance(X) + offset,
    }
    return matrix_part(state.part(), methods, Check(state.name, sparse=True, keeps_integers=True))


LOSSES = keys(
    "hinge log_loss modified_huber squared_hinge perceptron squared_error huber epsilon_insensitive"
    " squared_epsilon_insensitive"
)
PROBABILITIES: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "log_loss": (two_sided, one_against_rest),
    "modified_huber": (_two_huber, _many_huber),
}
"""For each loss that has probabilities: as a function of the scores, for two classes and for more."""

DESCENT_KEYS = ANY_KEYS | keys(
    "loss penalty learning_rate epsilon alpha C l1_ratio shuffle eta0 power_t early_stopping validation_fraction"
    " n_iter_no_change warm_start average t_ class_weight _expanded_class_weight classes_ loss_function_"
    " _loss_function_ _standard_coef _standard_intercept _average_coef _average_intercept"
)

FAMILIES: Mapping[str, Family] = {
    f"sklearn.linear_model.{name}": Family(part, DESCENT_KEYS | keys("nu offset_"))
    for name, part in {
        "_passive_aggressive.PassiveAggressiveClassifier": classifier,
        "_passive_aggressive.PassiveAggressiveRegressor": descent_regressor,
        "_perceptron.Perceptron": classifier,
        "_stochastic_gradient.SGDClassifier": descent_classifier,
        "_stochastic_gradient.SGDOneClassSVM": one_class,
        "_stochastic_gradient.SGDRegressor": descent_regressor,
    }.items()
}
