"""Estimators that answer the same for every row. Those that draw at random are not known as data.

Source: sklearn/dummy.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Part
from server.model.families.state import LABEL_TYPES, Family, State, keys


def regressor(state: State) -> Part:
    """Return a DummyRegressor of one output or several."""
    outputs = state.integer("n_outputs_", 1)
    constant = state.array("constant_", "iuf", 1, outputs)
    return _constant_part(state.part(row_independent=True, takes_sparse=True), {"predict": _filled(constant)})


def classifier(state: State) -> Part:
    """Return a DummyClassifier of one output or several."""
    strategy = state.word("_strategy", "most_frequent", "prior", "constant")
    if state.flag("sparse_output_"):
        raise state.unknown("sparse_output_")
    outputs = state.integer("n_outputs_", 1)
    classes = [state.as_labels("classes_", labels) for labels in _each(state, "classes_", outputs)]
    priors = _each(state, "class_prior_", outputs)
    for labels, shares, count in zip(classes, priors, _each(state, "n_classes_", outputs), strict=True):
        if type(shares) is not np.ndarray or shares.dtype != np.float64 or shares.shape != labels.shape:
            raise state.unknown("class_prior_")
        if type(count) is not int or count != len(labels):
            raise state.unknown("n_classes_")
    if strategy == "constant":
        chosen = _chosen_constants(state, classes)
        answer = np.tile(state.values["constant"], (1, 1))
    else:
        chosen = [int(shares.argmax()) for shares in priors]
        answer = np.tile([labels[index] for labels, index in zip(classes, chosen, strict=True)], [1, 1])
    rows = [np.eye(1, len(labels), index) for labels, index in zip(classes, chosen, strict=True)]
    if strategy == "prior":
        rows = [shares.reshape(1, -1) for shares in priors]
    part = state.part(row_independent=True, takes_sparse=True, classes=state.values["classes_"])
    return _constant_part(part, {"predict": _filled(answer), "predict_proba": _probabilities(rows)})


def _each(state: State, key: str, outputs: int) -> list[Any]:
    """Return the attribute's value for each output. With one output, the attribute is not a list."""
    found = state.values.get(key)
    if outputs == 1:
        return [found]
    if type(found) is not list or len(found) != outputs:
        raise state.unknown(key)
    return found


def _chosen_constants(state: State, classes: list[Any]) -> list[int]:
    """Return the class index of the constant label of each output."""
    found: Any = state.values.get("constant")
    if isinstance(found, np.ndarray | np.generic) and found.dtype.kind in "biufU":
        found = found.tolist()
    found = list(found) if type(found) in (list, tuple) else [found]
    if len(found) != len(classes) or any(type(label) not in LABEL_TYPES for label in found):
        raise state.unknown("constant")
    indices = [np.flatnonzero(labels == label) for labels, label in zip(classes, found, strict=True)]
    if any(len(index) != 1 for index in indices):
        raise state.unknown("constant")
    return [int(index[0]) for index in indices]


def _filled(row: Any) -> Call:
    """Return a function that repeats the row, as a vector if it has one output."""
    outputs, kind = row.shape[1], row.dtype
    if outputs == 1:
        return lambda X: np.full(len(X), row[0, 0], kind)
    return lambda X: np.full((len(X), outputs), row, kind)


def _probabilities(rows: list[Any]) -> Call:
    if len(rows) == 1:
        return lambda X: np.repeat(rows[0], len(X), axis=0)
    return lambda X: [np.repeat(row, len(X), axis=0) for row in rows]


def _constant_part(part: Part, methods: Mapping[str, Call]) -> Part:
    """Return the part. Its methods look at nothing but the number of rows."""
    return replace(part, methods=methods, direct=methods)


DUMMY_KEYS = keys(
    "strategy random_state constant quantile _strategy sparse_output_ n_outputs_ classes_ n_classes_ class_prior_"
    " constant_"
)

FAMILIES: Mapping[str, Family] = {
    "sklearn.dummy.DummyClassifier": Family(classifier, DUMMY_KEYS),
    "sklearn.dummy.DummyRegressor": Family(regressor, DUMMY_KEYS),
}
