"""What comes in and what goes out, summarised: to see that the world has moved away from the training data.

A request appends its arrays to a list; the one that fills it sums them all up, or the clock does so before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

KEPT_ROWS = 512
"""Rows kept at most before they are summed up: 4 KB a feature, and 0.2 ms."""

SAMPLE = 32
"""Rows looked at of one request, evenly spaced: enough for a mean, and nothing beside what they cost to predict."""

MOST_LABELS = 100
MOST_FEATURES = 200
"""Beyond these there are no series: a metrics store pays for each one, for ever."""

OTHER = "other"
"""The label of predictions that are none of the model's classes: a model's own code may give a score instead."""

LARGEST_SUMMED = 1e280
"""A value counts as no more in the mean: a few of 1e308 would make the sum infinite, and it would stay so."""


class FeatureStats:
    """Counts by predicted class, and count, missing, mean, min, max by feature."""

    def __init__(self) -> None:
        self._inputs: list[np.ndarray[Any, Any]] = []
        self._answers: list[np.ndarray[Any, Any]] = []
        self._lists: list[list[Any]] = []
        self._kept = 0
        self._names: tuple[str, ...] = ()
        self._classes: tuple[Any, ...] = ()
        self.labels: Counter[str] = Counter()

    def configure(self, names: tuple[str, ...], features: int | None, classes: tuple[Any, ...]) -> None:
        """Tell what the model takes and gives; without it nothing is summed up."""
        count = features or len(names)
        named = names if len(names) == count else tuple(map(str, range(count)))
        self._names = named if count <= MOST_FEATURES else ()
        self._classes = classes if len(classes) <= MOST_LABELS else ()
        self._by_text = {str(label): str(label) for label in self._classes}
        self._by_value = {label: str(label) for label in self._classes}
        self._count, self._missing, self._sum = np.zeros((3, len(self._names)))
        self._least, self._largest = np.full(len(self._names), np.inf), np.full(len(self._names), -np.inf)

    def record(self, X: Any, answer: Any) -> None:
        """Keep a request's rows and labels; of what is no matrix of floats, or gives no label a row, nothing."""
        self._see_rows(X)
        if self._classes and type(answer) is np.ndarray and answer.ndim == 1:
            self._answers.append(answer)

    def record_many(self, inputs: Iterable[Any], answers: Iterable[list[Any]]) -> None:
        for X in inputs:
            self._see_rows(X)
        if self._classes:
            self._lists.extend(answers)

    def _see_rows(self, X: Any) -> None:
        # The width is the model's own affair: what does not suit is answered by it, and not summed up here.
        if self._names and type(X) is np.ndarray and X.dtype == np.float64 and X.shape[1:] == (len(self._names),):
            self._inputs.append(sample(X))
        self._kept += min(len(X), SAMPLE)
        if self._kept > KEPT_ROWS:
            self.flush()

    def flush(self) -> None:
        """Sum up what was kept."""
        inputs, answers, lists = self._inputs, self._answers, self._lists
        self._inputs, self._answers, self._lists, self._kept = [], [], [], 0
        if inputs:
            self._add(np.concatenate(inputs))
        for kind in {answer.dtype for answer in answers}:
            for label, count in counted(np.concatenate([answer for answer in answers if answer.dtype == kind])):
                self.labels[self._name(label)] += count
        for label, count in Counter(chain.from_iterable(lists)).items():
            self.labels[self._name(label)] += count

    def _name(self, label: Any) -> str:
        """Its class: 1.0 is the class 1; a date is its text."""
        try:
            return self._by_value[label]
        except (KeyError, TypeError):  # a TypeError: a list, which may stand in an array of objects
            return self._by_text.get(str(label), OTHER)

    def _add(self, X: np.ndarray[Any, Any]) -> None:
        missing = np.isnan(X)
        self._count += len(X)
        self._missing += missing.sum(axis=0)
        self._sum += np.where(missing, 0.0, X).clip(-LARGEST_SUMMED, LARGEST_SUMMED).sum(axis=0)
        self._least = np.fmin(self._least, np.fmin.reduce(X, axis=0))
        self._largest = np.fmax(self._largest, np.fmax.reduce(X, axis=0))

    def features(self) -> Iterator[tuple[str, float, float, float, float, float]]:
        """Name, count, missing, mean, min, max of each feature that was seen."""
        for i, name in enumerate(self._names):
            known = self._count[i] - self._missing[i]
            if known:
                mean = self._sum[i] / known
                yield name, self._count[i], self._missing[i], mean, self._least[i], self._largest[i]


def sample(X: Any) -> Any:
    """The rows of a request that are looked at: a copy, where the request would be kept alive for a few of many."""
    return X if len(X) <= SAMPLE else X[:: -(-len(X) // SAMPLE)].copy()


def counted(labels: np.ndarray[Any, Any]) -> Iterable[tuple[Any, int]]:
    """Each label and how often it is there; those that cannot be compared one by one."""
    if labels.dtype.kind in "iub":
        values, counts = np.unique(labels, return_counts=True)
        return zip(values.tolist(), counts.tolist(), strict=True)
    found = labels.tolist()
    try:
        return Counter(found).items()
    except TypeError:  # a list, which may stand in an array of objects
        return ((label, 1) for label in found)
