"""The one table of estimators that are known as data.

An estimator is known by the full name of its exact type: a subclass may do anything. A new entry needs a fitted model
in tests/unit/server/model/families/; the tests compare every bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.model.families import (
    boosting_ensembles,
    calibrated,
    column_transformer,
    compose,
    decomposition,
    delegates,
    dicts,
    discretizer,
    discriminant,
    dummy,
    encoders,
    function_transformer,
    glm,
    gradient_boosting,
    hist_gradient_boosting,
    imputers,
    isolation_forest,
    isotonic,
    kmeans,
    lightgbm,
    linear,
    linear_classifiers,
    mixture,
    mlp,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    polynomial,
    quantile_power,
    scalers,
    selection,
    sgd,
    stacking,
    svm,
    target,
    text,
    thresholds,
    trees,
    voting,
    xgboost,
)
from server.model.families.base import Part
from server.model.families.state import Family, State
from server.model.pickledata.records import Unknown, as_record, name_of

KNOWN: Mapping[str, Family] = {
    **boosting_ensembles.FAMILIES,
    **calibrated.FAMILIES,
    **column_transformer.FAMILIES,
    **compose.FAMILIES,
    **decomposition.FAMILIES,
    **delegates.FAMILIES,
    **dicts.FAMILIES,
    **discretizer.FAMILIES,
    **discriminant.FAMILIES,
    **dummy.FAMILIES,
    **encoders.FAMILIES,
    **function_transformer.FAMILIES,
    **glm.FAMILIES,
    **gradient_boosting.FAMILIES,
    **hist_gradient_boosting.FAMILIES,
    **imputers.FAMILIES,
    **isolation_forest.FAMILIES,
    **isotonic.FAMILIES,
    **kmeans.FAMILIES,
    **lightgbm.FAMILIES,
    **linear.FAMILIES,
    **linear_classifiers.FAMILIES,
    **mixture.FAMILIES,
    **mlp.FAMILIES,
    **multiclass.FAMILIES,
    **multioutput.FAMILIES,
    **naive_bayes.FAMILIES,
    **neighbors.FAMILIES,
    **polynomial.FAMILIES,
    **quantile_power.FAMILIES,
    **scalers.FAMILIES,
    **selection.FAMILIES,
    **sgd.FAMILIES,
    **stacking.FAMILIES,
    **svm.FAMILIES,
    **target.FAMILIES,
    **text.FAMILIES,
    **thresholds.FAMILIES,
    **trees.FAMILIES,
    **voting.FAMILIES,
    **xgboost.FAMILIES,
}

MAX_PARTS = 10_000
"""Estimators in one model. A file may name one estimator in many places, and each place counts."""

MAX_DEPTH = 20
"""Estimators inside one another."""


def part_of(value: Any, classes: dict[str, None] | None = None) -> Part:
    """Return the part that an estimator or its record describes. `classes` receives the names of all classes in it.

    Raises:
        Unknown: it is not known as data; the message names the first thing that is not.

    """
    part = _Builder({} if classes is None else classes).build(value)
    if part.lacks:
        raise Unknown(f"{', '.join(sorted(part.lacks))} of {part.name} is not known as data")
    return part


class _Builder:
    def __init__(self, classes: dict[str, None]) -> None:
        self._classes = classes
        self._parts = 0
        self._depth = 0

    def build(self, value: Any) -> Part:
        """Return the part of one estimator, and of those inside it."""
        self._parts += 1
        if self._parts > MAX_PARTS or self._depth >= MAX_DEPTH:
            raise Unknown("a model of so many parts is not known as data")
        family = KNOWN.get(name_of(value))
        if family is None:
            raise Unknown(f"{_shown(value)} is not known as data")
        self._classes[_shown(value)] = None
        self._depth += 1
        try:
            return family.part(State(as_record(value), family.keys, self.build))
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            MemoryError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise Unknown(f"{_shown(value)} has a state that is not known as data ({type(error).__name__})") from error
        finally:
            self._depth -= 1


def _shown(value: Any) -> str:
    """Return an estimator's class for error texts."""
    return name_of(value).rpartition(".")[2][:80]
