"""AdaBoost and bagging: estimators of one kind, whose answers are added in their order.

Source: sklearn/ensemble/_weight_boosting.py (`decision_function`, `_get_median_predict`), _bagging.py
(`_parallel_predict_proba`), _base.py (`_partition_estimators`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, behind
from server.model.families.label_encoding import same_classes
from server.model.families.probabilities import BINARY, FEW, softmax
from server.model.families.state import Family, State, keys

MAX_ESTIMATORS = 10_000
MAX_JOBS = 1_000
EPSILON = float(np.finfo(np.float64).eps)

# ---- AdaBoost


def boosted_classifier(state: State) -> Part:
    """Return AdaBoost that predicts classes."""
    classes, parts = _classes(state), _parts(state, "predict")
    weights = state.floats("estimator_weights_", None)
    if (
        len(classes) < BINARY
        or len(weights) < len(parts)
        or not all(same_classes(part.classes, classes) for part in parts)
    ):
        raise state.unknown("estimators_")
    # Up to 1.5 the classes' probabilities could be added. Later versions ignore how such a model was fitted.
    real = (0, 0) < state.version < (1, 6) and state.word("algorithm", "SAMME", "SAMME.R") == "SAMME.R"
    if real and not all("predict_proba" in part.methods for part in parts):
        raise state.unknown("estimators_")
    votes = _probable_votes(parts, len(classes)) if real else _weighted_votes(parts, weights.tolist(), classes)
    total = weights.sum()

    def decide(X: Any) -> Any:
        sums = votes(X)
        sums /= total
        if len(classes) > BINARY:
            return sums
        sums[:, 0] *= -1
        return sums.sum(axis=1)

    def probabilities(X: Any) -> Any:
        scores = decide(X)
        if len(classes) == BINARY:
            return softmax(np.vstack([-scores, scores]).T / 2)
        scores /= len(classes) - 1
        return softmax(scores)

    def predict(X: Any) -> Any:
        scores = decide(X)
        return classes.take(scores > 0 if len(classes) == BINARY else scores.argmax(axis=1), axis=0)

    methods = {"predict": predict, "predict_proba": probabilities, "decision_function": decide}
    part = _part(state, methods, parts, Check(state.name))
    # NumPy adds many exponentials of one row in another order than those of several rows.
    return replace(part, classes=classes, row_independent=part.row_independent and len(classes) < FEW)


def _weighted_votes(parts: Sequence[Part], weights: Sequence[float], classes: Any) -> Call:
    column, rest = classes[:, np.newaxis], len(classes) - 1
    voters = [(part.methods["predict"], weight) for part, weight in zip(parts, weights, strict=False)]

    def votes(X: Any) -> Any:
        # A generator: the sum begins with 0, and adds one estimator after another.
        return sum(np.where((predict(X) == column).T, weight, -1 / rest * weight) for predict, weight in voters)

    return votes


def _probable_votes(parts: Sequence[Part], count: int) -> Call:
    estimates = [part.methods["predict_proba"] for part in parts]

    def vote(probabilities: Any) -> Any:
        logs = np.log(np.clip(probabilities, EPSILON, None))
        return (count - 1) * (logs - (1.0 / count) * logs.sum(axis=1)[:, np.newaxis])

    return lambda X: sum(vote(estimate(X)) for estimate in estimates)


def boosted_regressor(state: State) -> Part:
    """Return AdaBoost that predicts numbers: the weighted median of its estimators' answers."""
    parts, weights = _parts(state, "predict"), state.floats("estimator_weights_", None)
    if len(weights) < len(parts):
        raise state.unknown("estimator_weights_")
    estimates = [part.methods["predict"] for part in parts]

    def predict(X: Any) -> Any:
        answers = np.array([estimate(X) for estimate in estimates]).T
        order = np.argsort(answers, axis=1)
        sums = np.cumsum(weights[order], axis=1)
        median = (sums >= 0.5 * sums[:, -1][:, np.newaxis]).argmax(axis=1)
        rows = np.arange(len(X))
        return answers[rows, order[rows, median]]

    return _part(state, {"predict": predict}, parts, Check(state.name))


# ---- bagging


def bagged_classifier(state: State) -> Part:
    """Return bagging that predicts classes."""
    classes, parts = _classes(state), _parts(state, "predict")
    known = [_class_numbers(state, part, len(classes)) for part in parts]
    columns, groups = _columns(state, parts), _groups(state, len(parts))
    sums = [_summed_votes(parts[group], columns[group], known[group], len(classes)) for group in groups]

    def probabilities(X: Any) -> Any:
        return sum(each(X) for each in sums) / len(parts)

    methods: dict[str, Call] = {
        "predict": lambda X: classes.take(probabilities(X).argmax(axis=1), axis=0),
        "predict_proba": probabilities,
    }
    if "decision_function" in parts[0].methods:
        if not all(len(numbers) == len(classes) for numbers in known):
            raise state.unknown("estimators_")
        methods["decision_function"] = _mean_of(state, "decision_function", parts)
    return replace(_part(state, methods, parts, Check(state.name, unchecked=True)), classes=classes)


def bagged_regressor(state: State) -> Part:
    """Return bagging that predicts numbers."""
    parts = _parts(state, "predict")
    return _part(state, {"predict": _mean_of(state, "predict", parts)}, parts, Check(state.name, unchecked=True))


def _mean_of(state: State, method: str, parts: Sequence[Part]) -> Call:
    if not all(method in part.methods for part in parts):
        raise state.unknown("estimators_")
    calls = [(part.methods[method], chosen) for part, chosen in zip(parts, _columns(state, parts), strict=True)]
    groups = [calls[group] for group in _groups(state, len(parts))]
    return lambda X: sum(sum(call(X[:, chosen]) for call, chosen in group) for group in groups) / len(parts)


def _summed_votes(parts: Sequence[Part], columns: Sequence[Any], known: Sequence[Any], count: int) -> Call:
    """Return a function that adds the probabilities, or the votes, of some of the estimators."""
    members = list(zip(parts, columns, known, strict=True))

    def votes(X: Any) -> Any:
        total = np.zeros((len(X), count))
        for part, chosen, numbers in members:
            if "predict_proba" not in part.methods:
                total[np.arange(len(X)), part.methods["predict"](X[:, chosen])] += 1
            elif len(numbers) == count:
                total += part.methods["predict_proba"](X[:, chosen])
            else:
                total[:, numbers] += part.methods["predict_proba"](X[:, chosen])
        return total

    return votes


def _class_numbers(state: State, part: Part, count: int) -> Any:
    """Return the numbers of the classes that an estimator of the bag was fitted on."""
    numbers = part.classes
    fits = type(numbers) is np.ndarray and numbers.dtype.kind == "i" and numbers.ndim == 1
    if not fits or (np.diff(numbers) <= 0).any() or numbers[0] < 0 or numbers[-1] >= count:
        raise state.unknown("estimators_")
    return numbers


def _columns(state: State, parts: Sequence[Part]) -> list[Any]:
    """Return the columns that each estimator takes."""
    found = state.sequence("estimators_features_", MAX_ESTIMATORS)
    if len(found) != len(parts):
        raise state.unknown("estimators_features_")
    for part, chosen in zip(parts, found, strict=True):
        fits = type(chosen) is np.ndarray and chosen.dtype.kind == "i" and chosen.shape == (part.width,)
        if not fits or chosen.min() < 0 or chosen.max() >= state.columns:
            raise state.unknown("estimators_features_")
    return found


def _groups(state: State, count: int) -> list[slice]:
    """Return which estimators are added before others: each job of `n_jobs` adds its own, and then the sums are added.

    A negative number of jobs depends on the machine.
    """
    state.integer("n_estimators", count, count)
    jobs = 1 if state.values.get("n_jobs") is None else min(state.integer("n_jobs", 1, MAX_JOBS), count)
    sizes = [count // jobs + (job < count % jobs) for job in range(jobs)]
    ends = np.cumsum([0, *sizes]).tolist()
    return [slice(start, end) for start, end in pairwise(ends)]


# ---- both


def _classes(state: State) -> Any:
    """Return the classes. Both ensembles compute with their number too, which is an attribute of its own."""
    classes = state.labels()
    state.integer("n_classes_", len(classes), len(classes))
    return classes


def _parts(state: State, method: str) -> list[Part]:
    parts = state.children("estimators_", MAX_ESTIMATORS)
    if not parts or any(method not in part.methods or part.gives_sparse for part in parts):
        raise state.unknown("estimators_")
    return parts


def _part(state: State, methods: Mapping[str, Call], parts: Sequence[Part], check: Check) -> Part:
    return replace(
        state.part(row_independent=all(part.row_independent for part in parts)),
        methods={name: behind(check.unconverted, call) for name, call in methods.items()},
    )


BOOSTED_KEYS = keys(
    "algorithm base_estimator classes_ estimator estimator_ estimator_errors_ estimator_params estimator_weights_"
    " estimators_ learning_rate loss n_classes_ n_estimators random_state"
)
BAGGED_KEYS = keys(
    "_max_features _max_samples _n_samples _sample_weight _seeds base_estimator bootstrap bootstrap_features classes_"
    " estimator estimator_ estimator_params estimators_ estimators_features_ max_features max_samples n_classes_"
    " n_estimators n_jobs oob_decision_function_ oob_prediction_ oob_score oob_score_ random_state verbose warm_start"
)
FAMILIES: Mapping[str, Family] = {
    "sklearn.ensemble._bagging.BaggingClassifier": Family(bagged_classifier, BAGGED_KEYS),
    "sklearn.ensemble._bagging.BaggingRegressor": Family(bagged_regressor, BAGGED_KEYS),
    "sklearn.ensemble._weight_boosting.AdaBoostClassifier": Family(boosted_classifier, BOOSTED_KEYS),
    "sklearn.ensemble._weight_boosting.AdaBoostRegressor": Family(boosted_regressor, BOOSTED_KEYS),
}
