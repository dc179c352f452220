"""What moved the answer to a row: the score as a base and one contribution for each feature of the input."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from server.inputs.named_table import NamedTable
from server.labels import as_json
from server.model.explanation.additive import Additive, additive_of
from server.model.explanation.origins import Origin, origins_after
from server.model.explanation.unexplained import UnexplainedError
from server.model.families.compose import does_nothing
from server.model.families.registry import part_of
from server.model.pickledata.records import Unknown, as_record, name_of
from server.schema import TABLES, Schema

TOLERANCE = 1e-5
"""Relative to the sum of all sizes. XGBoost adds float32 values, which have seven digits."""

MAX_CONTRIBUTIONS = 100
"""Features that are listed; the others are added up."""

SEARCHES = "sklearn.model_selection._search"
"""The modules of the searches, which answer as their best estimator does."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature adds to the score."""

    feature: str
    value: Any
    """The value in the row, as JSON has it; None for a word of a text."""
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What moved one answer. `base`, the contributions and `others` add up to `score`."""

    of: str
    """What the score is: the prediction, the probability or the score of `label`."""
    label: Any
    score: float
    base: float
    contributions: tuple[Contribution, ...]
    """The largest first."""
    others: float
    """The sum of those that are not listed."""
    unlisted: int


class Explainer:
    """The steps of one model, rebuilt."""

    def __init__(self, estimator: Any, schema: Schema) -> None:
        """Take an estimator or its record. Raise UnexplainedError, with the reason, where it is no sum."""
        before, last = _steps_of(estimator)
        self._schema = schema
        self._last: Additive = additive_of(last)
        origins = [Origin(column) for column in range(schema.features or 0)] if schema.form in TABLES else []
        for step in before:
            origins = origins_after(step, origins)
        self._origins = origins if self._last.order is None else [origins[at] for at in self._last.order]
        try:
            self._transforms = [part_of(step).methods["transform"] for step in before]
        except Unknown as error:
            raise UnexplainedError(str(error).replace(" is not known as data", " is not known")) from error
        self.method, self.meaning = self._last.method, self._last.meaning

    def explain(self, X: Any, row: int, label: Any) -> Explanation:
        """Return what moved the answer `label` to one row of X, which is the schema's input with NamedTables.

        Raises:
            UnexplainedError: the contributions do not add up to the model's own score.

        """
        given = _row(X, row)
        X = given
        for transform in self._transforms:
            X = transform(X)
        output, about = self._output(label)
        prepared = self._last.rows(X)
        if len(prepared) != len(self._origins):
            raise UnexplainedError("a step of it makes columns that are not known")
        base, parts = self._last.decompose(prepared, output)
        score = float(np.ravel(self._last.scores(X))[output])
        size = 1.0 + abs(base) + float(np.abs(parts).sum())
        if not abs(base + float(parts.sum()) - score) <= TOLERANCE * size:  # written so that NaN is refused
            raise UnexplainedError("the contributions do not add up to its score")
        return self._explanation(given, about, score, base, parts)

    def _output(self, label: Any) -> tuple[int, Any]:
        """Return the number of the sum that is explained, and the class that it is of."""
        classes = self._last.classes
        if classes is None:
            return 0, None
        if isinstance(classes, list) or np.ndim(label):
            raise UnexplainedError("it predicts several values")
        if self._last.outputs == 1:  # of two classes
            return 0, as_json(classes[-1])
        found = [at for at, each in enumerate(classes.tolist()) if each == label or as_json(each) == as_json(label)]
        if not found:
            raise UnexplainedError("its answer is none of its classes")
        return found[0], as_json(label)

    def _explanation(self, given: Any, label: Any, score: float, base: float, parts: Any) -> Explanation:
        sums: dict[Origin, float] = defaultdict(float)
        for at in np.flatnonzero(parts).tolist():
            sums[self._origins[at]] += float(parts[at])
        found = [Contribution(*self._shown(given, origin), each) for origin, each in sums.items()]
        found.sort(key=lambda each: -abs(each.contribution))
        listed, rest = found[:MAX_CONTRIBUTIONS], found[MAX_CONTRIBUTIONS:]
        others = sum(each.contribution for each in rest)
        return Explanation(self._last.of, label, score, float(base), tuple(listed), others, len(rest))

    def _shown(self, given: Any, origin: Origin) -> tuple[str, Any]:
        """Return the name of a feature, and its value in the row."""
        if origin.column is None:
            value = given[0].get(origin.item) if isinstance(given[0], dict) else None
            return origin.item, as_json(value)
        name = self._schema.columns[origin.column]
        if origin.item:
            return f"{name}: {origin.item}", None
        value = given.columns[origin.column][0] if type(given) is NamedTable else given[0, origin.column]
        return name, as_json(value)


def _row(X: Any, row: int) -> Any:
    """Return one row of the input as an input of its own."""
    if type(X) is NamedTable:
        return NamedTable(X.names, [column[row : row + 1] for column in X.columns])
    return X[row : row + 1]


def _steps_of(estimator: Any) -> tuple[list[Any], Any]:
    """Return the transformers of a model, and its last step."""
    name = name_of(estimator)
    if name.startswith(SEARCHES):
        return _steps_of(as_record(estimator).state["best_estimator_"])
    if name != "sklearn.pipeline.Pipeline":
        return [], estimator
    steps = [step for _, step in as_record(estimator).state["steps"] if not does_nothing(step)]
    before, last = _steps_of(steps[-1])
    return [*steps[:-1], *before], last
