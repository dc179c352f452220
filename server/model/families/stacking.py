"""StackingClassifier and StackingRegressor: an estimator of other estimators' answers.

Source: sklearn/ensemble/_stacking.py (`_transform`, `_concatenate_predictions`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from server.model.families.base import Call, Part
from server.model.families.compose import TRANSFORM, dense_beside, require_plain, require_width
from server.model.families.label_encoding import are_codes, require_encoder
from server.model.families.probabilities import BINARY
from server.model.families.state import Family, State, keys

SCORES = ("predict_proba", "decision_function", "predict")


def classifier(state: State) -> Part:
    """Return the final classifier's methods, with the labels of the whole."""
    classes = state.labels()
    require_encoder(state, "_label_encoder", classes)
    return _stacking(state, ("predict", "predict_proba", "decision_function"), classes)


def regressor(state: State) -> Part:
    """Return the final regressor's predictions."""
    return _stacking(state, ("predict",), None)


def _stacking(state: State, passed: Sequence[str], classes: Any) -> Part:
    final, members = state.child("final_estimator_"), state.children("estimators_")
    asked = state.sequence("stack_method_")
    _require_known(state, members, asked, None if classes is None else len(classes))
    if classes is not None and not are_codes(final.classes, len(classes)):
        raise state.unknown("final_estimator_")
    through = state.flag("passthrough")
    pairs = list(zip(members, asked, strict=True))
    # Of two columns only the second is stacked: the first is one minus it.
    second = [name == "predict_proba" and classes is not None and len(classes) == BINARY for name in asked]
    stack = _stack([part.methods[name] for part, name in pairs], second, through=through)
    methods = {name: _after(stack, final, name, classes) for name in passed if name in final.methods}
    direct: dict[str, Call] = {}
    if all(name in part.direct for part, name in pairs):
        quick = _stack([part.direct[name] for part, name in pairs], second, through=through)
        direct = {name: _directly(quick, final, name, classes) for name in passed if name in final.direct}
        direct[TRANSFORM] = quick
    if "predict" not in methods:
        raise state.unknown("final_estimator_")
    return Part(
        state.name,
        {**methods, TRANSFORM: stack},
        direct,
        width=members[0].width,
        names=members[0].names,
        classes=classes,
        row_independent=all(part.row_independent for part in [final, *members]),
    )


def _require_known(state: State, members: Sequence[Part], asked: Sequence[Any], classes: int | None) -> None:
    """Raise `Unknown` unless each member has the method that it is asked for, and answers in numbers."""
    if not members or len(members) != len(asked) or len({part.width for part in members}) > 1:
        raise state.unknown("estimators_")
    for part, name in zip(members, asked, strict=True):
        if name not in SCORES or name not in part.methods or type(part.classes) is list:
            raise state.unknown("stack_method_")
        if classes is not None and part.classes is not None and len(part.classes) != classes:
            raise state.unknown("estimators_")
        if part.classes is not None and name == "predict" and part.classes.dtype.kind not in "biuf":
            raise state.unknown("stack_method_")


def _stack(calls: Sequence[Call], second: Sequence[bool], *, through: bool) -> Call:
    """Return the answers of all members next to each other; with `through` the input after them."""

    def transform(X: Any) -> Any:
        found = []
        for call, only_second in zip(calls, second, strict=True):
            answer = call(X)
            answer = answer.reshape(-1, 1) if answer.ndim == 1 else answer
            found.append(answer[:, 1:] if only_second else answer)
        return dense_beside([*found, X] if through else found)

    return transform


def _after(stack: Call, final: Part, name: str, classes: Any) -> Call:
    """Return a method of the final estimator, after the answers of the members."""
    return _labelled(stack, final.methods[name], lambda X: require_width(X, final), _labels(name, classes))


def _directly(stack: Call, final: Part, name: str, classes: Any) -> Call:
    """Return a direct method of the final estimator, after direct answers of the members."""
    return _labelled(stack, final.direct[name], lambda X: require_plain(X, final.width), _labels(name, classes))


def _labels(name: str, classes: Any) -> Any:
    """Return the classes that this method's answers are indices of, or None."""
    return classes if name == "predict" else None


def _labelled(stack: Call, call: Call, check: Call, labels: Any) -> Call:
    def ask(X: Any) -> Any:
        stacked = stack(X)
        check(stacked)
        found = call(stacked)
        return found if labels is None else labels.take(found)

    return ask


STACKING_KEYS = (
    "estimators final_estimator cv stack_method n_jobs passthrough verbose estimators_ final_estimator_ stack_method_"
    " named_estimators_ _n_feature_outs"
)

FAMILIES: Mapping[str, Family] = {
    "sklearn.ensemble._stacking.StackingClassifier": Family(
        classifier, keys(f"{STACKING_KEYS} classes_ _label_encoder")
    ),
    "sklearn.ensemble._stacking.StackingRegressor": Family(regressor, keys(STACKING_KEYS)),
}
