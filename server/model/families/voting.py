"""VotingClassifier and VotingRegressor: the mean of several estimators' answers, or the most frequent one.

Source: sklearn/ensemble/_voting.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from server.model.families.base import Call, Part
from server.model.families.compose import is_drop, named
from server.model.families.label_encoding import are_codes, require_encoder
from server.model.families.probabilities import FEW
from server.model.families.state import Family, State, keys


def classifier(state: State) -> Part:
    """Return the classifiers' vote: the mean of their probabilities, or their most frequent label."""
    members, weights = _members(state), _weights(state)
    classes = state.labels()
    require_encoder(state, "le_", classes)
    if not all(are_codes(member.classes, len(classes)) for member in members):
        raise state.unknown("estimators_")
    if state.word("voting", "hard", "soft") == "soft":
        flat = state.flag("flatten_transform")
        return _part(state, members, "predict_proba", lambda calls: _soft(calls, weights, classes, flat), classes)
    return _part(state, members, "predict", lambda calls: _hard(calls, weights, classes), classes)


def regressor(state: State) -> Part:
    """Return the mean of the regressors' predictions."""
    members, weights = _members(state), _weights(state)
    return _part(state, members, "predict", lambda calls: _mean(calls, weights), None)


def _part(state: State, members: Sequence[Part], asked: str, methods: Any, classes: Any) -> Part:
    """Return the ensemble whose members are asked for this method."""
    if any(asked not in member.methods for member in members):
        raise state.unknown("estimators_")
    has_direct = all(asked in member.direct for member in members)
    return Part(
        state.name,
        methods([member.methods[asked] for member in members]),
        methods([member.direct[asked] for member in members]) if has_direct else {},
        width=members[0].width,
        names=members[0].names,
        classes=classes,
        # A classifier's answers are added one member after another. NumPy adds few numbers so, too.
        row_independent=(classes is not None or len(members) < FEW)
        and all(member.row_independent for member in members),
        takes_sparse=all(member.takes_sparse for member in members),
    )


def _members(state: State) -> list[Part]:
    members = state.children("estimators_")
    if not members or len({member.width for member in members}) > 1:
        raise state.unknown("estimators_")
    return members


def _weights(state: State) -> Any:
    """Return the weights of the estimators that were not dropped, or None."""
    found = state.values.get("weights")
    if found is None:
        return None
    listed = found.tolist() if type(found) is np.ndarray and found.ndim == 1 else found
    given = [value for _, value in named(state, "estimators")]
    if type(listed) not in (list, tuple) or len(listed) != len(given):
        raise state.unknown("weights")
    if not all(type(weight) in (int, float, np.float64, np.int64) and 0 <= weight < np.inf for weight in listed):
        raise state.unknown("weights")
    kept = [weight for weight, value in zip(found, given, strict=True) if not is_drop(value)]
    if len(kept) != len(state.sequence("estimators_")) or sum(kept) == 0:
        raise state.unknown("weights")
    return kept


def _soft(calls: Sequence[Call], weights: Any, classes: Any, flat: bool) -> dict[str, Call]:
    def collect(X: Any) -> Any:
        return np.asarray([call(X) for call in calls])

    def predict_proba(X: Any) -> Any:
        return np.average(collect(X), axis=0, weights=weights)

    return {
        "predict": lambda X: classes.take(predict_proba(X).argmax(axis=1)),
        "predict_proba": predict_proba,
        "transform": (lambda X: np.hstack(collect(X))) if flat else collect,
    }


def _hard(calls: Sequence[Call], weights: Any, classes: Any) -> dict[str, Call]:
    each = weights or [1] * len(calls)

    def collect(X: Any) -> Any:
        return np.asarray([call(X) for call in calls]).T

    def predict(X: Any) -> Any:
        votes = collect(X)
        counts, rows = np.zeros((len(votes), len(classes))), np.arange(len(votes))
        for codes, weight in zip(votes.T, each, strict=True):  # in order, as `np.bincount` adds the weights
            counts[rows, codes] += weight
        return classes.take(counts.argmax(axis=1))

    return {"predict": predict, "transform": collect}


def _mean(calls: Sequence[Call], weights: Any) -> dict[str, Call]:
    def collect(X: Any) -> Any:
        return np.asarray([call(X) for call in calls]).T

    return {"predict": lambda X: np.average(collect(X), axis=1, weights=weights), "transform": collect}


VOTING_KEYS = "estimators weights n_jobs verbose estimators_ named_estimators_"

FAMILIES: Mapping[str, Family] = {
    "sklearn.ensemble._voting.VotingClassifier": Family(
        classifier, keys(f"{VOTING_KEYS} voting flatten_transform le_ classes_")
    ),
    "sklearn.ensemble._voting.VotingRegressor": Family(regressor, keys(VOTING_KEYS)),
}
