"""Multi-layer perceptrons as data give the answers of scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier, MLPRegressor

from server.model.pickledata.records import as_record
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import (
    assert_equal_on_sparse,
    assert_equal_to,
    assert_unknown_with_each,
    hostile_matrices,
    sparse_matrices,
)

LABELS = {**TARGETS, "labels": np.stack([TARGETS["two"] == "no", TARGETS["three"] == "low"], axis=1).astype(int)}
LABELS["positive"] = np.abs(TARGETS["number"]) + 0.1
MODELS = {
    "of three": (MLPClassifier((4,), max_iter=5), "three"),
    "of two": (MLPClassifier((4, 3), activation="tanh", max_iter=5, early_stopping=True), "two"),
    "of labels": (MLPClassifier((40,), activation="logistic", solver="lbfgs", max_iter=5), "labels"),
    "regressor": (MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, early_stopping=True), "number"),
    "regressor of two": (MLPRegressor(hidden_layer_sizes=(9,), activation="identity", max_iter=5), "numbers"),
    "regressor of counts": (
        MLPRegressor("poisson", (4,), "tanh", solver="lbfgs", max_iter=5),
        "positive",
    ),
}


def fit(name: str) -> Any:
    estimator, target = MODELS[name]
    return clone(estimator).set_params(random_state=0).fit(X, LABELS[target])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_perceptron_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_to(fit(name), list(hostile_matrices(X)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["of three", "regressor"])
def test_part_of_a_perceptron_gives_the_answers_of_scikit_learn_on_sparse_rows(name: str) -> None:
    assert_equal_on_sparse(fit(name), list(sparse_matrices(X)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["of three", "of two", "of labels"])
def test_part_of_a_perceptron_with_wrong_arrays_is_unknown(name: str) -> None:
    model = fit(name)
    binarizer = as_record(model._label_binarizer)
    changed = lambda **changes: replace(binarizer, state={**binarizer.state, **changes})  # noqa: E731 - short
    assert_unknown_with_each(
        model,
        coefs_=lambda weights: [weights[0][1:], *weights[1:]],
        intercepts_=lambda biases: [*biases[:-1], biases[-1][1:]],
        n_layers_=2,
        activation="exp",
        out_activation_="identity",
        classes_=lambda classes: classes[::-1],
        _label_binarizer=changed(neg_label=-1),
    )
    assert_unknown_with_each(model, _label_binarizer=changed(sparse_input_=True))
    assert_unknown_with_each(model, _label_binarizer=changed(y_type_="continuous"))
    assert_unknown_with_each(model, _label_binarizer=changed(classes_=binarizer.state["classes_"][1:]))
