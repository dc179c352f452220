"""The parts of a fitted model that read its input, and the columns that each of them gets. The model is not called.

A pipeline passes its input to its first step, a ColumnTransformer some columns to each of its transformers, a grid
search everything to its best estimator, and so on. What these parts were fitted on is what the model's input is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from server.model.estimator_types import is_of_scikit_learn, library_of

PASSTHROUGH = (None, "passthrough")
DROPPED = "drop"

NUMERIC_LIBRARIES = frozenset({"sklearn", "xgboost", "lightgbm", "imblearn"})
"""Libraries whose estimators take numbers, unless they say otherwise."""

INNER: Mapping[str, tuple[str, ...]] = {
    "BaseSearchCV": ("best_estimator_",),
    "CalibratedClassifierCV": ("calibrated_classifiers_",),
    "_CalibratedClassifier": ("estimator",),
    "FixedThresholdClassifier": ("estimator_",),
    "FrozenEstimator": ("estimator",),
    "OneVsRestClassifier": ("estimators_",),
    "TransformedTargetRegressor": ("regressor_",),
    "TunedThresholdClassifierCV": ("estimator_",),
    "_BaseHeterogeneousEnsemble": ("estimators_",),
    "_MultiOutputEstimator": ("estimators_",),
}
"""The classes of scikit-learn that pass their input on as it is, and where the estimators are that get it."""

MAX_MEMBERS = 8
"""Members of an ensemble that are looked at: those of a MultiOutputClassifier, one for each target, are alike."""


@dataclass(frozen=True, slots=True)
class Part:
    """A fitted estimator, and what it reads."""

    estimator: Any
    columns: tuple[int, ...]
    """The columns of the input, by position; empty where the model does not say how many it has."""
    unchanged: bool = True
    """Whether it gets exactly these columns. Otherwise they are among others that steps before it made."""


def parts_of(estimator: Any, columns: tuple[int, ...], names: tuple[str, ...]) -> list[Part]:
    """Return the parts that read the input's columns."""
    return list(_walk((estimator,), columns, names, unchanged=True))


def input_attribute(estimator: Any, name: str) -> Any:
    """Return `feature_names_in_` or `n_features_in_` of the first part that has it, or None.

    After the estimator itself, its first step or member is asked, and so on. scikit-learn's own Pipeline does not look
    past a first step that is "passthrough".
    """
    found = getattr(estimator, name, None)
    if found is None:
        for inner in (*_steps(estimator)[:1], *_members(estimator)[:1]):
            return input_attribute(inner, name)
    return found


def selects_columns(estimator: Any) -> bool:
    """Return whether the first step is a ColumnTransformer."""
    if hasattr(estimator, "transformers_"):
        return True
    inner = (*_steps(estimator)[:1], *_members(estimator))
    return any(selects_columns(part) for part in inner)


def passes_values_on(step: Any) -> bool:
    """Return whether the step is a FunctionTransformer without a function."""
    return is_of_scikit_learn(step, "FunctionTransformer") and step.func is None


def computes_numbers(step: Any) -> bool:
    """Return whether the step is a FunctionTransformer of numbers: it checks them itself, or NumPy's function does."""
    return is_of_scikit_learn(step, "FunctionTransformer") and (step.validate or isinstance(step.func, np.ufunc))


def _walk(
    chain: tuple[Any, ...], columns: tuple[int, ...], names: tuple[str, ...], *, unchanged: bool
) -> Iterator[Part]:
    """Yield the parts that read these columns, beginning with the first step of the chain."""
    if not chain:
        return
    step, rest = chain[0], chain[1:]
    # A FunctionTransformer that was fitted on a table has recorded its number of columns. Without columns the rows are
    # no table, but for example single texts, and the next step shows their form.
    if _passes(step) or (not columns and is_of_scikit_learn(step, "FunctionTransformer")):
        yield from _walk(rest, columns, names, unchanged=unchanged)
    elif _steps(step):
        yield from _walk((*_steps(step), *rest), columns, names, unchanged=unchanged)
    elif hasattr(step, "transformers_") or hasattr(step, "transformer_list"):
        if unchanged:  # otherwise its selection means the columns that steps before it made
            for inner, read in _branches(step, columns, names):
                yield from _walk_branch(inner, rest, read, names)
    elif _members(step):
        for inner in _members(step):
            yield from _walk((inner, *rest), columns, names, unchanged=unchanged)
    else:
        yield Part(step, columns, unchanged)
        if _keeps_some_columns(step):
            same = unchanged and is_of_scikit_learn(step, "SimpleImputer")
            yield from _walk(rest, columns, names, unchanged=same)


def _branches(step: Any, columns: tuple[int, ...], names: tuple[str, ...]) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """Yield the transformers of a ColumnTransformer or a FeatureUnion, and the columns that each reads."""
    if hasattr(step, "transformers_"):
        for _, inner, selection in step.transformers_:
            read = selected(selection, columns, names)
            if read:
                yield inner, read
    else:
        for _, inner in step.transformer_list:
            yield inner, columns


def _keeps_some_columns(step: Any) -> bool:
    """Return whether columns reach the next step as they are: past an imputer, or past an encoder of other columns."""
    return is_of_scikit_learn(step, "SimpleImputer") or library_of(step) == "category_encoders"


def _walk_branch(inner: Any, rest: tuple[Any, ...], columns: tuple[int, ...], names: tuple[str, ...]) -> Iterator[Part]:
    """Yield the parts of one branch. What passes through it reaches the next step among the columns of others."""
    if isinstance(inner, str) and inner == DROPPED:
        return
    if _passes(inner):
        yield from _walk(rest, columns, names, unchanged=False)
    else:
        yield from _walk((inner,), columns, names, unchanged=True)


def _passes(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough") or passes_values_on(step)


def _steps(estimator: Any) -> tuple[Any, ...]:
    """Return a pipeline's steps without those that pass everything on."""
    steps = getattr(estimator, "steps", None)
    if not isinstance(steps, list) or not all(isinstance(step, tuple) and len(step) == 2 for step in steps):  # noqa: PLR2004 - name and step
        return ()
    return tuple(step for _, step in steps if not _passes(step))


def _members(estimator: Any) -> tuple[Any, ...]:
    """Return the fitted estimators that get this estimator's input as it is."""
    found = [
        attribute
        for name, attributes in INNER.items()
        for attribute in attributes
        if is_of_scikit_learn(estimator, name)
    ]
    members = [getattr(estimator, attribute, None) for attribute in found]
    flat = [one for member in members for one in (member if isinstance(member, list | tuple) else [member])]
    return tuple(one for one in flat if one is not None and not isinstance(one, str))[:MAX_MEMBERS]


def selected(selection: Any, columns: tuple[int, ...], names: tuple[str, ...]) -> tuple[int, ...]:
    """Return a ColumnTransformer's selection (names, positions, a slice or a mask) as positions.

    All columns are returned for a selection that cannot be read.
    """
    if isinstance(selection, str):
        selection = [selection]
    try:
        if isinstance(selection, slice) and isinstance(selection.start or selection.stop, str):
            picked: Any = np.asarray(columns)[_slice_of_names(selection, names)]
        elif _all_strings(selection):
            where = {name: index for index, name in enumerate(names)}
            picked = [where[name] for name in selection]
        else:
            picked = np.asarray(columns)[selection]
    except (KeyError, IndexError, TypeError, ValueError):
        return columns
    return tuple(int(index) for index in np.atleast_1d(picked))


def _slice_of_names(selection: slice, names: tuple[str, ...]) -> slice:
    """Return a slice of names, whose end counts, as one of positions."""
    start = None if selection.start is None else names.index(selection.start)
    stop = None if selection.stop is None else names.index(selection.stop) + 1
    return slice(start, stop, selection.step)


def _all_strings(selection: Any) -> bool:
    if isinstance(selection, slice | int) or len(selection) == 0:
        return False
    return all(isinstance(item, str) for item in selection)
