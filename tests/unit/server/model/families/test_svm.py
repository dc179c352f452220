"""Support vector machines as data give the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn import svm

from server.model.families.registry import part_of
from server.model.pickledata.records import Unknown
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import (
    assert_equal_to,
    assert_unknown_with_each,
    hostile_matrices,
)

LABELS = {**TARGETS, "nine": np.arange(len(X)) % 9}
MODELS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "rbf": (svm.SVC, {}, "three"),
    "linear": (svm.SVC, {"kernel": "linear", "max_iter": 50}, "two"),
    "polynomial": (svm.SVC, {"kernel": "poly", "degree": 2, "coef0": 1.0, "class_weight": "balanced"}, "three"),
    "sigmoid": (svm.SVC, {"kernel": "sigmoid", "gamma": 0.3}, "three"),
    "of nine": (svm.SVC, {"gamma": 1.0}, "nine"),
    "by pairs": (svm.SVC, {"decision_function_shape": "ovo"}, "three"),
    "by pairs of two": (svm.SVC, {"decision_function_shape": "ovo"}, "two"),
    "breaking ties": (svm.SVC, {"break_ties": True}, "nine"),
    "breaking ties of two": (svm.SVC, {"break_ties": True}, "two"),
    "probabilities": (svm.SVC, {"probability": True}, "three"),
    "probabilities of two": (svm.SVC, {"probability": True, "kernel": "linear", "max_iter": 50}, "two"),
    "probabilities of nu": (svm.NuSVC, {"nu": 0.1, "probability": True}, "three"),
    "nu": (svm.NuSVC, {"nu": 0.1}, "two"),
    "regressor": (svm.SVR, {}, "number"),
    "polynomial regressor": (svm.SVR, {"kernel": "poly", "max_iter": 50}, "number"),
    "nu regressor": (svm.NuSVR, {}, "number"),
    "one class": (svm.OneClassSVM, {}, "number"),
}


def fit(name: str) -> Any:
    kind, parameters, target = MODELS[name]
    return kind(**parameters).fit(X, LABELS[target])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_support_vector_machine_gives_the_answers_of_scikit_learn(name: str) -> None:
    model = fit(name)
    assert_equal_to(model, list(hostile_matrices(X)))
    assert part_of(model).row_independent


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_support_vector_machine_of_read_only_arrays_gives_the_answers_of_scikit_learn() -> None:
    model = fit("probabilities")
    expected = model.predict_proba(X)
    for array in (model._dual_coef_, model._intercept_, model._probA, model._probB, model.support_vectors_):
        array.flags.writeable = False
    assert part_of(model).methods["predict_proba"](X).tobytes() == expected.tobytes()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["probabilities", "nu", "regressor", "one class"])
def test_part_of_a_support_vector_machine_with_wrong_arrays_is_unknown(name: str) -> None:
    assert_unknown_with_each(
        fit(name),
        support_=lambda support: support[1:],
        support_vectors_=lambda vectors: vectors[:, 1:],
        _n_support=lambda sizes: sizes + 1,
        _dual_coef_=lambda coefficients: coefficients[:, 1:],
        _intercept_=lambda intercepts: intercepts[1:],
        _probA=None,
        _gamma=None,
        coef0="0",
        degree=-1,
        kernel="precomputed",
        _sparse=True,
    )
    assert_unknown_with_each(
        fit(name),
        support_=lambda support: support.astype(np.int64),
        support_vectors_=np.asfortranarray,
        _n_support=lambda sizes: sizes[:1],
        _dual_coef_=lambda coefficients: coefficients[:0],
        degree=1 << 31,
        kernel=max,
    )
    assert_unknown_with_each(
        fit(name), _n_support=lambda sizes: sizes - (sizes.sum() + 1) * np.arange(len(sizes))[::-1]
    )


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_support_vector_classifier_with_wrong_arrays_is_unknown() -> None:
    assert_unknown_with_each(
        fit("probabilities"),
        classes_=lambda classes: classes[1:],
        _probA=lambda chances: chances[1:],
        _probB=lambda chances: chances[:0],
        decision_function_shape="other",
        probability=1,
    )
    assert_unknown_with_each(fit("one class"), offset_=lambda offset: offset[:0])
    assert_unknown_with_each(fit("breaking ties"), decision_function_shape="ovo")


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_support_vector_machine_of_another_kernel_or_sparse_rows_is_unknown() -> None:
    for model in (
        svm.SVC(kernel=lambda one, other: one @ other.T).fit(X, TARGETS["two"]),
        svm.SVC(kernel="precomputed").fit(X @ X.T, TARGETS["two"]),
        svm.SVC().fit(csr_matrix(X), TARGETS["two"]),
    ):
        with pytest.raises(Unknown):
            part_of(model)
