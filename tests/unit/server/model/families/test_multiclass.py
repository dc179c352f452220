"""Binary classifiers for several classes, as data, give the answers of scikit-learn."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelBinarizer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from server.model.families.registry import part_of
from server.model.pickledata.records import Unknown, as_record
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import (
    REMOVED,
    assert_equal_to,
    assert_row_independent,
    assert_unknown_with,
    hostile_matrices,
)

FRAME = pd.DataFrame(X, columns=list("abcde"))
LABELS = np.c_[X[:, 0] > 0, X[:, 1] > 5, X[:, 2] > 0].astype(int)
TARGET = {**TARGETS, "labels": LABELS, "always": np.c_[LABELS, np.ones(len(X), int), np.zeros(len(X), int)]}
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression())
RIDGE = make_pipeline(StandardScaler(), RidgeClassifier())
MODELS: dict[str, tuple[Any, str]] = {
    "rest": (OneVsRestClassifier(LOGISTIC), "three"),
    "rest of two": (OneVsRestClassifier(LOGISTIC), "two"),
    "rest by scores": (OneVsRestClassifier(RIDGE), "three"),
    "rest of two by scores": (OneVsRestClassifier(RIDGE), "two"),
    "rest by probabilities": (OneVsRestClassifier(GaussianNB()), "three"),
    "rest of two by probabilities": (OneVsRestClassifier(GaussianNB()), "two"),
    "rest by numbers": (OneVsRestClassifier(LinearRegression()), "three"),
    "rest of two by numbers": (OneVsRestClassifier(LinearRegression()), "two"),
    "labels": (OneVsRestClassifier(LOGISTIC), "labels"),
    "labels by probabilities": (OneVsRestClassifier(GaussianNB()), "labels"),
    "labels that all have or none has": (OneVsRestClassifier(LOGISTIC), "always"),
    "one": (OneVsOneClassifier(LOGISTIC), "three"),
    "one of two": (OneVsOneClassifier(LOGISTIC), "two"),
    "one by probabilities": (OneVsOneClassifier(GaussianNB()), "three"),
    "one of two by probabilities": (OneVsOneClassifier(GaussianNB()), "two"),
    "code": (OutputCodeClassifier(LOGISTIC, code_size=2, random_state=0), "three"),
    "code of two": (OutputCodeClassifier(RIDGE, code_size=3, random_state=0), "two"),
    "code by probabilities": (OutputCodeClassifier(GaussianNB(), code_size=3, random_state=0), "three"),
    "code with digits that are always the same": (OutputCodeClassifier(RIDGE, code_size=6, random_state=1), "three"),
}


@cache
def fitted(name: str, *, framed: bool = False) -> Any:
    model, target = MODELS[name]
    return clone(model).fit(FRAME if framed else X, TARGET[target])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_many_binary_classifiers_gives_the_answers_of_scikit_learn(name: str) -> None:
    model = fitted(name)
    assert_equal_to(model, [*hostile_matrices(X), X[:5].astype(object)])
    assert part_of(model).width == X.shape[1]
    assert part_of(model).direct
    assert_equal_to(fitted(name, framed=True), [FRAME[:1].copy(), FRAME])


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_code_has_digits_that_are_always_the_same() -> None:
    members = fitted("code with digits that are always the same").estimators_
    assert {member.y_.item() for member in members if hasattr(member, "y_")} == {-1, 1}
    assert not part_of(fitted("code")).row_independent


BINARIZER = LabelBinarizer().fit(TARGETS["three"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("rest", {"estimators_": []}),
        ("rest", {"estimators_": REMOVED}),
        ("rest", {"estimators_": [clone(LOGISTIC).fit(X, TARGETS["two"])] * 3}),
        ("rest", {"estimators_": [clone(LOGISTIC).fit(X[:, 1:], LABELS[:, 0])] * 3}),
        ("rest", {"estimators_": [clone(LOGISTIC).fit(X, LABELS[:, 0]), *[clone(RIDGE).fit(X, LABELS[:, 0])] * 2]}),
        ("rest", {"estimators_": [StandardScaler().fit(X)] * 3}),
        ("rest", {"label_binarizer_": REMOVED}),
        ("rest", {"label_binarizer_": LabelBinarizer().fit(["a", "b"])}),
        ("rest", {"label_binarizer_": LabelBinarizer().fit(["a", "b", "c", "d"])}),
        ("rest", {"label_binarizer_": LabelBinarizer(neg_label=-1).fit(["a", "b", "c"])}),
        ("rest", {"label_binarizer_": StandardScaler().fit(X)}),
        ("rest", {"classes_": np.unique(TARGETS["three"])[::-1]}),
        ("rest", {"another": 1}),
        ("one", {"estimators_": [clone(LOGISTIC).fit(X, LABELS[:, 0])] * 2}),
        ("one", {"classes_": np.arange(2)}),
        ("one", {"pairwise_indices_": [np.arange(3)]}),
        ("code", {"estimators_": []}),
        ("code", {"estimators_": [clone(LOGISTIC).fit(X, TARGETS["two"])] * 6}),
        ("code", {"estimators_": [clone(LOGISTIC).fit(X[:, 1:], LABELS[:, 0])] * 6}),
        ("code", {"estimators_": [StandardScaler().fit(X)] * 6}),
        ("code", {"code_book_": np.zeros((3, 5))}),
        ("code", {"code_book_": np.full((3, 6), 0.5)}),
        ("code", {"code_book_": np.zeros((3, 6), int)}),
        ("code", {"classes_": np.arange(2)}),
    ],
)
def test_part_of_many_binary_classifiers_with_another_state_is_unknown(name: str, changes: Any) -> None:
    assert_unknown_with(fitted(name), **changes)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("answer", [np.array([2]), np.array([0, 1]), np.array([0.5]), 1, None])
def test_part_of_a_constant_with_another_answer_is_unknown(answer: Any) -> None:
    record = as_record(fitted("labels that all have or none has"))
    constant = as_record(record.state["estimators_"][3])
    constant.state = {**constant.state, "y_": answer}
    record.state = {**record.state, "estimators_": [*record.state["estimators_"][:3], constant, constant]}
    with pytest.raises(Unknown):
        part_of(record)


def test_few_row_independent_binary_classifiers_are_row_independent() -> None:
    codes = np.digitize(X[:, 0], np.linspace(-1, 1, 8))
    for labels, few in ((TARGETS["three"], True), (codes, False)):
        rest = OneVsRestClassifier(DecisionTreeClassifier(max_depth=2)).fit(X, labels)
        assert part_of(rest).row_independent == few
    assert_row_independent(OneVsRestClassifier(DecisionTreeClassifier(max_depth=2)).fit(X, TARGETS["three"]), X)
    assert_row_independent(OneVsOneClassifier(DecisionTreeClassifier(max_depth=2)).fit(X, TARGETS["three"]), X)
