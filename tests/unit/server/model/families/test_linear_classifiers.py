"""Linear classifiers as data give the answers of scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn import linear_model, svm
from sklearn.base import clone

from server.model.families.registry import part_of
from server.model.pickledata.records import Unknown, as_record
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import (
    assert_equal_on_sparse,
    assert_equal_to,
    assert_unknown_with,
    assert_unknown_with_each,
    hostile_matrices,
    same,
    sparse_matrices,
)

LABELS = {**TARGETS, "labels": np.stack([TARGETS["two"] == "no", TARGETS["three"] == "low"], axis=1).astype(int)}
LABELS["integers"] = np.unique(TARGETS["three"], return_inverse=True)[1] * 3 - 1

MODELS = {
    "logistic": (linear_model.LogisticRegression(max_iter=50), "three"),
    "logistic of integers": (linear_model.LogisticRegression(max_iter=50), "integers"),
    "logistic of two": (linear_model.LogisticRegression(max_iter=50), "two"),
    "logistic without intercept": (linear_model.LogisticRegression(max_iter=50, fit_intercept=False), "three"),
    "logistic by liblinear": (linear_model.LogisticRegression(solver="liblinear"), "two"),
    "logistic cv": (linear_model.LogisticRegressionCV(max_iter=9, cv=2, Cs=2, use_legacy_attributes=False), "three"),
    "logistic cv of two": (linear_model.LogisticRegressionCV(max_iter=9, cv=2, Cs=2), "two"),
    "ridge": (linear_model.RidgeClassifier(), "three"),
    "ridge of two": (linear_model.RidgeClassifier(fit_intercept=False), "two"),
    "ridge of labels": (linear_model.RidgeClassifier(), "labels"),
    "ridge cv": (linear_model.RidgeClassifierCV(), "three"),
    "ridge cv of labels": (linear_model.RidgeClassifierCV(), "labels"),
    "support vectors": (svm.LinearSVC(max_iter=50), "three"),
    "support vectors of two": (svm.LinearSVC(max_iter=50), "two"),
    "support vectors of all at once": (svm.LinearSVC(max_iter=50, multi_class="crammer_singer"), "two"),
    "support vectors without intercept": (svm.LinearSVC(max_iter=50, fit_intercept=False), "three"),
}


def fit(name: str) -> Any:
    estimator, target = MODELS[name]
    return clone(estimator).fit(X, LABELS[target])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_linear_classifier_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_to(fit(name), list(hostile_matrices(X)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["logistic", "logistic of two", "ridge", "ridge of labels", "support vectors"])
def test_part_of_a_linear_classifier_with_wrong_arrays_is_unknown(name: str) -> None:
    assert_unknown_with_each(
        fit(name),
        coef_=lambda coefficients: coefficients[:, :-1],
        intercept_=lambda intercept: np.append(intercept, [1, 2, 3]),
        classes_=lambda classes: classes[:-1],
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["logistic of two", "ridge of two", "support vectors of two"])
def test_part_of_a_linear_classifier_of_two_classes_with_two_rows_of_coefficients_is_unknown(name: str) -> None:
    both = {"coef_": np.ones((2, X.shape[1])), "intercept_": np.zeros(2)}
    assert_unknown_with(fit(name), **both)


def test_part_of_a_ridge_classifier_of_another_binarizer_is_unknown() -> None:
    labels = fit("ridge of labels")
    other = as_record(labels._label_binarizer)
    assert_unknown_with_each(
        labels,
        _label_binarizer=replace(other, state={**other.state, "sparse_input_": True}),
        coef_=lambda coefficients: coefficients[0],
        classes_=lambda classes: classes[::-1],
    )
    assert_unknown_with_each(labels, _label_binarizer=replace(other, state={**other.state, "y_type_": "unknown"}))


def test_part_of_a_ridge_classifier_saved_by_1_7_has_the_classes_of_its_binarizer() -> None:
    ridge = fit("ridge")
    record = as_record(ridge)
    del record.state["classes_"]
    assert same(part_of(record).methods["predict"](X), ridge.predict(X))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("changes", [{"multi_class": "ovr"}, {"multi_class": "auto", "solver": "liblinear"}])
def test_part_of_a_logistic_regression_saved_by_1_7_normalizes_one_model_for_each_class(
    changes: dict[str, str],
) -> None:
    record = as_record(fit("logistic"))
    record.state.update(changes)
    with pytest.raises(Unknown):  # today's scikit-learn gives the softmax instead
        part_of(record)
    part = part_of(replace(record, live=False))
    each = 1 / (1 + np.exp(-part.methods["decision_function"](X)))
    expected = each / each.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(part.methods["predict_proba"](X), expected, rtol=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_logistic_regression_of_two_classes_by_softmax_is_unknown() -> None:
    assert_unknown_with_each(fit("logistic of two"), multi_class="multinomial")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["logistic", "logistic of two", "ridge of labels"])
def test_part_of_a_linear_classifier_gives_the_answers_of_scikit_learn_on_sparse_rows(name: str) -> None:
    assert_equal_on_sparse(fit(name), list(sparse_matrices(X)))
