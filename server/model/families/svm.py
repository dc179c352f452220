"""Support vector machines with a kernel, by scikit-learn's own compiled libsvm.

Source: sklearn/svm/_base.py, _classes.py, _libsvm.pyx, src/libsvm/libsvm_helper.c (`set_model`, which checks nothing:
every number that it copies or walks by is checked here).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, behind
from server.model.families.probabilities import BINARY, votes_of_pairs
from server.model.families.state import Family, State, keys
from server.model.pickledata.compiled import SVM_DECIDE, SVM_PREDICT, SVM_PROBABILITIES, Routine


def classifier(state: State, kind: int) -> Part:
    """Return an SVC or a NuSVC."""
    classes = state.labels()
    count = len(classes)
    if count < BINARY:
        raise state.unknown("classes_")
    bind = _model(state, kind, count)
    scores, nearest = bind(SVM_DECIDE), bind(SVM_PREDICT)
    score_of_each_class = state.word("decision_function_shape", "ovr", "ovo") == "ovr"
    if count == BINARY:
        decide: Call = lambda X: -scores(X).ravel()  # noqa: E731 - short
    elif score_of_each_class:
        decide = lambda X: _votes(scores(X), count)  # noqa: E731 - short
    else:
        decide = scores
    predict: Call = lambda X: classes.take(nearest(X).astype(np.intp))  # noqa: E731 - short
    if state.flag("break_ties"):
        if not score_of_each_class:  # scikit-learn refuses every row
            raise state.unknown("break_ties")
        if count > BINARY:
            predict = lambda X: classes.take(decide(X).argmax(axis=1))  # noqa: E731 - short
    methods = {"predict": predict, "decision_function": decide}
    if state.word("probability", True, False, "deprecated") is True:
        for key in ("_probA", "_probB"):
            state.floats(key, count * (count - 1) // 2)
        methods["predict_proba"] = bind(SVM_PROBABILITIES)
    return _part(state, methods, classes=classes)


def regressor(state: State, kind: int) -> Part:
    """Return an SVR or a NuSVR."""
    return _part(state, {"predict": _model(state, kind, None)(SVM_PREDICT)})


def one_class(state: State, kind: int) -> Part:
    """Return a OneClassSVM."""
    bind, offset = _model(state, kind, None), state.floats("offset_", 1)
    scores, nearest = bind(SVM_DECIDE), bind(SVM_PREDICT)
    methods: dict[str, Call] = {
        "predict": lambda X: nearest(X).astype(np.intp),
        "decision_function": lambda X: scores(X).ravel(),
        "score_samples": lambda X: scores(X).ravel() + offset,
    }
    return _part(state, methods)


def _part(state: State, methods: Mapping[str, Call], **more: Any) -> Part:
    check = Check(state.name)
    in_order: Call = lambda X: np.ascontiguousarray(check(X))  # noqa: E731 - short
    complete = {name: behind(in_order, call) for name, call in methods.items()}
    return replace(state.part(row_independent=True, **more), methods=complete, direct=methods)


def _model(state: State, kind: int, classes: int | None) -> Callable[[Routine], Call]:
    """Return a function that gives a routine of libsvm the model, and leaves the rows to be passed.

    `classes` is None for a model of numbers, which libsvm treats as one of two classes.
    """
    if state.flag("_sparse"):
        raise state.unknown("_sparse")
    outputs = classes or BINARY
    vectors = state.floats("support_vectors_", None, state.columns)
    count = len(vectors)
    support, sizes = state.array("support_", "i", count), state.array("_n_support", "i", outputs)
    coefficients = state.floats("_dual_coef_", outputs - 1, count)
    intercepts = state.floats("_intercept_", outputs * (outputs - 1) // 2)
    chances = [state.floats(key, None) for key in ("_probA", "_probB")]
    if support.dtype != np.int32 or sizes.dtype != np.int32 or not count:
        raise state.unknown("support_")
    # Of a model of numbers only the first is used.
    if (sizes < 0).any() or int((sizes if classes else sizes[:1]).sum(dtype=np.int64)) != count:
        raise state.unknown("_n_support")
    arrays = [support, vectors, sizes, coefficients, intercepts, *chances]
    if not all(array.flags.c_contiguous for array in arrays):  # scikit-learn refuses every row
        raise state.unknown("support_vectors_")
    # Some routines take arrays only that they could write into, which a file's map does not allow.
    model = [np.require(array, requirements=["ALIGNED", "WRITEABLE"]) for array in arrays]
    model += [
        kind,
        state.word("kernel", "linear", "poly", "rbf", "sigmoid"),
        state.integer("degree", most=(1 << 31) - 1),
        float(state.number("_gamma")),
        float(state.number("coef0")),
    ]
    return lambda routine: lambda X: routine(X, *model)


def _votes(scores: Any, count: int) -> Any:
    """Return a score of each class from those of each pair. A negative one is for the second class."""
    if len(scores) == 1:
        return _votes_of_one(scores[0].tolist(), count)
    return votes_of_pairs(scores < 0, -scores, count)


def _votes_of_one(scores: list[float], count: int) -> Any:
    """Return the same for a single row, in a tenth of the time: the same operations on Python's floats."""
    won, sums = [0.0] * count, [0.0] * count
    for (one, other), score in zip(combinations(range(count), 2), scores, strict=True):
        sums[one] -= -score
        sums[other] += -score
        won[other if score < 0 else one] += 1
    return np.array([[vote + total / (3 * (abs(total) + 1)) for vote, total in zip(won, sums, strict=True)]])


MACHINE_KEYS = keys(
    "kernel degree gamma coef0 tol C nu epsilon shrinking probability cache_size class_weight verbose max_iter"
    " random_state _sparse _gamma support_ support_vectors_ _n_support dual_coef_ intercept_ _probA _probB fit_status_"
    " _num_iter shape_fit_ _intercept_ _dual_coef_ n_iter_ _effective_probability"
)
CLASSIFIER_KEYS = MACHINE_KEYS | keys("decision_function_shape break_ties class_weight_ classes_")

FAMILIES: Mapping[str, Family] = {
    "sklearn.svm._classes.NuSVC": Family(lambda state: classifier(state, 1), CLASSIFIER_KEYS),
    "sklearn.svm._classes.NuSVR": Family(lambda state: regressor(state, 4), MACHINE_KEYS),
    "sklearn.svm._classes.OneClassSVM": Family(lambda state: one_class(state, 2), MACHINE_KEYS | keys("offset_")),
    "sklearn.svm._classes.SVC": Family(lambda state: classifier(state, 0), CLASSIFIER_KEYS),
    "sklearn.svm._classes.SVR": Family(lambda state: regressor(state, 3), MACHINE_KEYS),
}
"""The numbers are libsvm's kinds of models (`LIBSVM_IMPL`)."""
