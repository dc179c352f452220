"""OneVsRestClassifier, OneVsOneClassifier and OutputCodeClassifier: many binary classifiers for several classes.

Source: sklearn/multiclass.py, sklearn/preprocessing/_label.py (`LabelBinarizer.inverse_transform`),
sklearn/metrics/pairwise.py (`pairwise_distances_argmin`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, behind
from server.model.families.brute_force import MAX_POINTS, Points, require_finite
from server.model.families.label_encoding import binarized
from server.model.families.probabilities import BINARY, FEW, votes_of_pairs
from server.model.families.state import Family, State, keys

SCORES = ("predict_proba", "decision_function")
CONSTANT = "sklearn.multiclass._ConstantPredictor"


def constant(state: State) -> Part:
    """Return the answer for a class that all training rows had, or none. -1 is the answer of an output code."""
    (answer,) = state.array("y_", "iu", 1).tolist()
    if answer not in (-1, 0, 1):
        raise state.unknown("y_")
    y = state.values["y_"]
    scores: Call = lambda X: np.repeat(y, len(X))  # noqa: E731 - short
    both = np.array([[1.0 - answer, float(answer)]])
    methods = {"predict": scores, "decision_function": scores, "predict_proba": lambda X: both.repeat(len(X), axis=0)}
    return replace(
        state.part(classes=np.array([0, 1]), row_independent=True), methods=methods, direct=methods, takes_sparse=True
    )


# ---- one against the rest


def one_vs_rest(state: State) -> Part:
    """Return a classifier with one member for each class, or one for two classes."""
    classes, kind = binarized(state, "label_binarizer_", 0)
    members = _members(state)
    expected = 1 if kind == "binary" else len(classes)
    if len(members) != expected or (kind == "binary" and len(classes) != BINARY):
        raise state.unknown("label_binarizer_")
    methods = _rest_methods(members, lambda part: part.methods, kind, classes)
    direct = {}
    if all(set(part.direct) >= {_score_name(part)} for part in members):
        direct = _rest_methods(members, lambda part: part.direct, kind, classes)
    return _part(state, members, methods, direct, classes)


def _rest_methods(
    members: Sequence[Part], pick: Callable[[Part], Mapping[str, Call]], kind: str, classes: Any
) -> dict[str, Call]:
    """Return the methods, of the methods that `pick` takes of each member."""
    scores = [_score(part, pick(part)) for part in members]
    if kind == "multiclass":
        methods: dict[str, Call] = {"predict": lambda X: classes[_largest(scores, X)]}
    else:
        above = _above(scores, _threshold(members[0]))
        methods = {"predict": (lambda X: classes[above(X)[:, 0]]) if kind == "binary" else above}
    if all("predict_proba" in pick(part) for part in members):
        methods["predict_proba"] = _probabilities([pick(part)["predict_proba"] for part in members], kind)
    if all("decision_function" in pick(part) for part in members):
        methods["decision_function"] = _decisions([pick(part)["decision_function"] for part in members])
    return methods


def _largest(scores: Sequence[Call], X: Any) -> Any:
    """Return the index of each row's largest score. Of equal ones the first counts, and NaN is larger than all."""
    largest, found = np.full(len(X), -np.inf), np.zeros(len(X), dtype=int)
    for index in range(len(scores) - 1, -1, -1):
        each = scores[index](X)
        np.maximum(largest, each, out=largest)
        found[largest == each] = index
    return found


def _above(scores: Sequence[Call], threshold: float) -> Call:
    """Return the function that gives 1 for each score above the threshold, else 0: (rows, members)."""
    return lambda X: np.stack([score(X) > threshold for score in scores], axis=1).astype(int)


def _probabilities(calls: Sequence[Call], kind: str) -> Call:
    def predict_proba(X: Any) -> Any:
        found = np.array([call(X)[:, 1] for call in calls]).T
        if len(calls) == 1:
            found = np.concatenate((1 - found, found), axis=1)
        if kind != "multilabel-indicator":
            total = np.sum(found, axis=1)[:, np.newaxis]
            np.divide(found, total, out=found, where=total != 0)
        return found

    return predict_proba


def _decisions(calls: Sequence[Call]) -> Call:
    if len(calls) == 1:
        return calls[0]
    return lambda X: np.array([call(X).ravel() for call in calls]).T


# ---- one against another


def one_vs_one(state: State) -> Part:
    """Return a classifier with one member for each pair of classes."""
    if state.values.get("pairwise_indices_") is not None:
        raise state.unknown("pairwise_indices_")
    classes, members = state.labels(), _members(state)
    if len(classes) < BINARY or len(members) != len(classes) * (len(classes) - 1) // 2:
        raise state.unknown("estimators_")
    direct = {}
    if all(set(part.direct) >= {_score_name(part), "predict"} for part in members):
        direct = _one_methods(members, lambda part: part.direct, classes)
    methods = _one_methods(members, lambda part: part.methods, classes)
    check = Check(state.name, unchecked=True)
    methods = {name: behind(check.numbers, call) for name, call in methods.items()}
    return _part(state, members, methods, direct, classes)


def _one_methods(members: Sequence[Part], pick: Callable[[Part], Mapping[str, Call]], classes: Any) -> dict[str, Call]:
    scores = [_score(part, pick(part)) for part in members]
    predictions = [pick(part)["predict"] for part in members]

    def decide(X: Any) -> Any:
        codes = np.vstack([call(X) for call in predictions]).T
        found = votes_of_pairs(codes, np.vstack([score(X) for score in scores]).T, len(classes))
        return found[:, 1] if len(classes) == BINARY else found

    if len(classes) == BINARY:
        threshold = _threshold(members[0])
        return {"predict": lambda X: classes[(decide(X) > threshold).astype(int)], "decision_function": decide}
    return {"predict": lambda X: classes[decide(X).argmax(axis=1)], "decision_function": decide}


# ---- codes of outputs


def output_code(state: State) -> Part:
    """Return a classifier whose members each give one digit of a code: the class with the nearest code is meant."""
    classes, members = state.labels(), state.children("estimators_")
    codes = state.floats("code_book_", len(classes), len(members))
    if len(classes) > MAX_POINTS or not np.isin(codes, (-1, 0, 1)).all():
        raise state.unknown("code_book_")
    for part in members:
        binary = type(part.classes) is np.ndarray and part.classes.tolist() in ([0, 1], [-1, 1])
        if not binary or _score_name(part) not in part.methods:
            raise state.unknown("estimators_")
    _require_same_rows(state, members)
    points = Points(np.ascontiguousarray(codes), "euclidean")

    def predict(methods: Sequence[Mapping[str, Call]]) -> Call:
        scores = [_score(part, each) for part, each in zip(members, methods, strict=True)]

        def nearest_code(X: Any) -> Any:
            digits = np.stack([score(X) for score in scores], axis=1).astype(np.float64, copy=False)
            return classes[points.index(require_finite(digits))]

        return nearest_code

    direct = {}
    if all(_score_name(part) in part.direct for part in members):
        direct = {"predict": predict([part.direct for part in members])}
    part = _part(state, members, {"predict": predict([part.methods for part in members])}, direct, classes)
    return replace(part, row_independent=False)  # the distances from the codes are a matrix product


# ---- members


def _members(state: State) -> list[Part]:
    """Return the binary classifiers or regressors, all of the same rows."""
    members = state.children("estimators_")
    for part in members:
        binary = part.classes is None or (type(part.classes) is np.ndarray and part.classes.tolist() == [0, 1])
        if not binary or _score_name(part) not in part.methods or "predict" not in part.methods:
            raise state.unknown("estimators_")
    _require_same_rows(state, members)
    if any(not set(members[0].methods) & set(SCORES) <= set(part.methods) for part in members):
        raise state.unknown("estimators_")  # scikit-learn has methods that fail
    return members


def _require_same_rows(state: State, members: Sequence[Part]) -> None:
    """Raise `Unknown` unless there are members, and all take rows of the same width."""
    widths = {part.width for part in members if part.name != "_ConstantPredictor"}
    if not members or len(widths) > 1 or (state.width is not None and not widths <= {state.width, None}):
        raise state.unknown("estimators_")


def _score_name(part: Part) -> str:
    """Return the method that scores: `predict` of a regressor."""
    if part.classes is None:
        return "predict"
    return "decision_function" if "decision_function" in part.methods else "predict_proba"


def _score(part: Part, methods: Mapping[str, Call]) -> Call:
    """Return the one-dimensional score."""
    name = _score_name(part)
    call = methods[name]
    if name == "predict_proba":
        return lambda X: call(X)[:, 1]
    return call if name == "predict" else lambda X: call(X).ravel()


def _threshold(part: Part) -> float:
    """Return the score above which the second class is meant."""
    return 0.0 if part.classes is not None and "decision_function" in part.methods else 0.5


def _part(state: State, members: Sequence[Part], methods: Any, direct: Any, classes: Any) -> Part:
    inner = next((part for part in members if part.name != "_ConstantPredictor"), members[0])
    return Part(
        state.name,
        methods,
        direct,
        width=inner.width if state.width is None else state.width,
        names=state.names or inner.names,
        classes=classes,
        row_independent=len(members) < FEW and all(part.row_independent for part in members),
        takes_sparse=all(part.takes_sparse for part in members),
    )


FAMILIES: Mapping[str, Family] = {
    CONSTANT: Family(constant, keys("y_")),
    "sklearn.multiclass.OneVsOneClassifier": Family(
        one_vs_one, keys("estimator n_jobs estimators_ classes_ pairwise_indices_ n_classes_")
    ),
    "sklearn.multiclass.OutputCodeClassifier": Family(
        output_code, keys("estimator code_size random_state n_jobs estimators_ classes_ code_book_")
    ),
    "sklearn.multiclass.OneVsRestClassifier": Family(
        one_vs_rest, keys("estimator n_jobs verbose estimators_ classes_ label_binarizer_")
    ),
}
