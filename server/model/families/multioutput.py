"""Several targets: an estimator for each, or a chain in which each takes the answers before it as features.

Source: sklearn/multioutput.py (`_MultiOutputEstimator.predict`, `_BaseChain._get_predictions`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families.base import Call, Check, Part, Unsuited, behind
from server.model.families.probabilities import BINARY
from server.model.families.state import Family, State, keys

CHAINED = ("predict", "predict_proba", "decision_function")


# ---- one for each


def regressors(state: State) -> Part:
    """Return the predictions of a regressor for each target."""
    return _each(state, state.children("estimators_"), None)


def classifiers(state: State) -> Part:
    """Return the labels, and a list of probabilities, of a classifier for each target."""
    members = state.children("estimators_")
    if any(type(part.classes) is not np.ndarray for part in members):
        raise state.unknown("estimators_")
    return _each(state, members, [part.classes for part in members])


def _each(state: State, members: Sequence[Part], classes: Any) -> Part:
    same = len({part.width for part in members}) == 1
    if not same or any("predict" not in part.methods for part in members):
        raise state.unknown("estimators_")
    with_proba = classes is not None and all("predict_proba" in part.methods for part in members)
    methods = _side_by_side([part.methods for part in members], with_proba=with_proba)
    direct: dict[str, Call] = {}
    if all("predict" in part.direct and (not with_proba or "predict_proba" in part.direct) for part in members):
        direct = _side_by_side([part.direct for part in members], with_proba=with_proba)
    return Part(
        state.name,
        methods,
        direct,
        width=members[0].width,
        names=members[0].names,
        classes=classes,
        row_independent=all(part.row_independent for part in members),
        takes_sparse=all(part.takes_sparse for part in members),
    )


def _side_by_side(members: Sequence[Mapping[str, Call]], *, with_proba: bool) -> dict[str, Call]:
    predictions = [methods["predict"] for methods in members]
    found: dict[str, Call] = {"predict": lambda X: np.asarray([call(X) for call in predictions]).T}
    if with_proba:
        probabilities = [methods["predict_proba"] for methods in members]
        found["predict_proba"] = lambda X: [call(X) for call in probabilities]
    return found


# ---- one after another


def regressor_chain(state: State) -> Part:
    """Return the predictions of a chain of regressors."""
    return _chain(state, ("predict",), classify=False)


def classifier_chain(state: State) -> Part:
    """Return the labels and scores of a chain of classifiers, as numbers."""
    return _chain(state, CHAINED, classify=True)


def _chain(state: State, wanted: Sequence[str], *, classify: bool) -> Part:
    members, width = state.children("estimators_"), state.columns
    places = _places(state, len(members))
    before = state.word("chain_method_", *CHAINED) if classify and "chain_method_" in state.values else "predict"
    classes = _classes(state, members) if classify else None
    for place, part in enumerate(members):
        fits = part.width == width + place and before in part.methods
        two = classes is None or len(classes[place]) == BINARY
        if not fits or (not two and before != "predict"):
            raise state.unknown("estimators_")
    two = classes is not None and all(len(labels) == BINARY for labels in classes)
    names = [name for name in wanted if all(name in part.methods for part in members) and (two or name == "predict")]
    if classes is not None and not two and any(set(part.methods) & set(CHAINED[1:]) for part in members):
        raise state.unknown("classes_")  # scikit-learn has methods that fail
    check = Check(state.name)
    return Part(
        state.name,
        {name: behind(check, _chained([part.methods for part in members], before, name, places)) for name in names},
        {
            name: _chained([part.direct for part in members], before, name, places, direct=True)
            for name in names
            if all({name, before} <= set(part.direct) for part in members)
        },
        width=width,
        names=state.names,
        classes=classes,
        row_independent=all(part.row_independent for part in members),
    )


def _places(state: State, count: int) -> Any:
    """Return the place in the chain of each target."""
    found: Any = state.values.get("order_")
    order = found if type(found) is list else state.array("order_", "iu", count).tolist()
    if not count or not all(type(target) is int for target in order) or sorted(order) != list(range(count)):
        raise state.unknown("order_")
    return np.argsort(order)


def _classes(state: State, members: Sequence[Part]) -> list[Any]:
    """Return the classes of each member: numbers, since they are features of those after it."""
    found = [part.classes for part in members]
    if any(type(labels) is not np.ndarray or labels.dtype.kind not in "biuf" for labels in found):
        raise state.unknown("estimators_")
    return found


def _chained(
    members: Sequence[Mapping[str, Call]], before: str, asked: str, places: Any, *, direct: bool = False
) -> Call:
    """Return the method that is asked for, with the answers of the method `before` as further features.

    A direct one leaves rows whose answers are not finite to the complete one, which refuses them as features.
    """
    pairs = [(_column(methods, before), _column(methods, asked)) for methods in members]
    same = before == asked

    def ask(X: Any) -> Any:
        features, found = np.zeros((len(X), len(pairs))), np.zeros((len(X), len(pairs)))
        for place, (feature, answer) in enumerate(pairs):
            known = np.hstack((X, features[:, :place]))
            features[:, place] = feature(known)
            found[:, place] = features[:, place] if same else answer(known)
        if direct and not (finite(features) and finite(found)):
            raise Unsuited
        return found[:, places]

    return ask


def _column(methods: Mapping[str, Call], name: str) -> Call:
    """Return one number for each row: the probability of the second class."""
    call = methods[name]
    return (lambda X: call(X)[:, 1]) if name == "predict_proba" else call


CHAIN_KEYS = "estimator base_estimator order cv random_state verbose order_ estimators_"

FAMILIES: Mapping[str, Family] = {
    "sklearn.multioutput.ClassifierChain": Family(
        classifier_chain, keys(f"{CHAIN_KEYS} chain_method chain_method_ classes_")
    ),
    "sklearn.multioutput.MultiOutputClassifier": Family(classifiers, keys("estimator n_jobs estimators_ classes_")),
    "sklearn.multioutput.MultiOutputRegressor": Family(regressors, keys("estimator n_jobs estimators_")),
    "sklearn.multioutput.RegressorChain": Family(regressor_chain, keys(CHAIN_KEYS)),
}
