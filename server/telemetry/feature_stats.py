"""Statistics of inputs by feature and of predictions by class, to notice data that differs from the training data.

A request only appends its rows and labels to lists. They are summarised when enough of them wait, and at each flush.
Long answers are counted a part at a time, between which the event loop does other work.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from server.labels import array_as_json, writable
from server.short_steps import STEP

MAX_BUFFERED_ROWS = 512
"""Rows buffered before they are summarised: 4 KB a feature, and 0.2 ms."""

MAX_SAMPLED_ROWS = 32
"""Rows of one request that are summarised, evenly spaced: enough for a mean, and far cheaper than their prediction."""

MAX_COUNTED_AT_ONCE = 1024
"""Labels. A longer answer is counted by `count_long_answers`: a million labels would stop the event loop for 100 ms."""

MAX_CLASSES = 100
MAX_FEATURES = 200
"""Models with more have no such series: each one takes memory in the metrics store."""

OTHER = "other"
"""The label of a prediction that is none of the model's classes: a model's own code may return a score instead."""

LARGEST_SUMMED = 1e280
"""Larger values count as this one in the sum: a few values of 1e308 would make it infinite, and it would stay so."""


class FeatureSummary(NamedTuple):
    """What was recorded of one feature since the start."""

    name: str
    values: float
    missing: float
    sum: float
    """Of the values that are not missing."""
    min: float
    max: float


class FeatureStats:
    """Summaries of each feature, and the number of predictions of each class."""

    def __init__(self) -> None:
        self._rows: list[np.ndarray[Any, Any]] = []
        self._buffered_rows = 0
        self._answers: list[np.ndarray[Any, Any]] = []
        self._long_answers: deque[np.ndarray[Any, Any]] = deque()
        self._labels: list[list[Any]] = []
        self._names: tuple[str, ...] = ()
        self._classes: tuple[Any, ...] = ()
        self.class_counts: Counter[str] = Counter()

    def configure(self, names: tuple[str, ...], features: int | None, classes: tuple[Any, ...]) -> None:
        """Set the model's features and classes. Nothing is recorded before."""
        count = features or len(names)
        named = names if len(names) == count else tuple(map(str, range(count)))
        self._names = named if count <= MAX_FEATURES else ()
        self._classes = classes if len(classes) <= MAX_CLASSES else ()
        self._class_by_text = {str(label): writable(str(label)) for label in self._classes}
        self._class_by_value = {label: writable(str(label)) for label in self._classes}
        self._values, self._missing, self._sum = np.zeros((3, len(self._names)))
        self._min, self._max = np.full(len(self._names), np.inf), np.full(len(self._names), -np.inf)

    def record(self, X: Any, answer: Any) -> None:
        """Buffer the rows and labels of one request, if they are a matrix of numbers and one label a row."""
        self._record_rows(X)
        if self._classes and type(answer) is np.ndarray and answer.ndim == 1:
            (self._long_answers if len(answer) > MAX_COUNTED_AT_ONCE else self._answers).append(answer)

    def record_many(self, inputs: Iterable[Any], labels: Iterable[list[Any]]) -> None:
        """Buffer the rows and labels of several requests."""
        for X in inputs:
            self._record_rows(X)
        if self._classes:
            self._labels.extend(labels)

    def _record_rows(self, X: Any) -> None:
        # The model accepts or refuses rows of another width; they are not summarised here.
        if self._names and type(X) is np.ndarray and X.dtype.kind in "fi" and X.shape[1:] == (len(self._names),):
            self._rows.append(sample(X))
        self._buffered_rows += min(len(X), MAX_SAMPLED_ROWS)  # in any case: the labels are buffered as well
        if self._buffered_rows > MAX_BUFFERED_ROWS:
            self.flush()

    def flush(self) -> None:
        """Summarise what is buffered, but for long answers."""
        # Swap the buffers first: a record that raises must not be processed again on the next flush.
        rows, answers, labels = self._rows, self._answers, self._labels
        self._rows, self._answers, self._labels, self._buffered_rows = [], [], [], 0
        if rows:
            self._summarise(np.concatenate(rows, dtype=np.float64))
        self._count(_count_list(list(chain.from_iterable(labels))))
        for dtype in {answer.dtype for answer in answers}:
            self._count(_count_array(np.concatenate([answer for answer in answers if answer.dtype == dtype])))

    def count_long_answers(self) -> Iterator[None]:
        """Count the long answers that are buffered; yield after each part of them, which takes a few milliseconds."""
        while self._long_answers:
            answer = self._long_answers.popleft()
            if len(answer) > STEP:
                self._long_answers.appendleft(answer[STEP:])
            self._count(_count_array(answer[:STEP]))
            yield

    def _count(self, counts: Iterable[tuple[Any, int]]) -> None:
        for label, count in counts:
            self.class_counts[self._class_of(label)] += count

    def _class_of(self, label: Any) -> str:
        """Return the class that equals the label, as 1 equals 1.0. Otherwise compare their texts, as for dates."""
        try:
            return self._class_by_value[label]
        except (KeyError, TypeError):  # TypeError: a list, which an array of objects may hold
            return self._class_by_text.get(str(label), OTHER)

    def _summarise(self, X: np.ndarray[Any, Any]) -> None:
        missing = np.isnan(X)
        self._values += len(X)
        self._missing += missing.sum(axis=0)
        self._sum += np.where(missing, 0.0, X).clip(-LARGEST_SUMMED, LARGEST_SUMMED).sum(axis=0)
        self._min = np.fmin(self._min, np.fmin.reduce(X, axis=0))
        self._max = np.fmax(self._max, np.fmax.reduce(X, axis=0))

    def summaries(self) -> Iterator[FeatureSummary]:
        """Yield the summary of each feature that had a value which is not missing."""
        columns = (self._names, self._values, self._missing, self._sum, self._min, self._max) if self._names else ()
        for name, *numbers in zip(*columns, strict=True):
            summary = FeatureSummary(name, *map(float, numbers))
            if summary.values > summary.missing:
                yield summary


def sample(X: Any) -> Any:
    """Return the rows to summarise: a copy, since a view would keep all rows of a large request in memory."""
    return X if len(X) <= MAX_SAMPLED_ROWS else X[:: -(-len(X) // MAX_SAMPLED_ROWS)].copy()


def _count_array(labels: np.ndarray[Any, Any]) -> Iterable[tuple[Any, int]]:
    if labels.dtype.kind not in "iub":
        return _count_list(array_as_json(labels))
    values, counts = np.unique(labels, return_counts=True)
    return zip(values.tolist(), counts.tolist(), strict=True)


def _count_list(labels: list[Any]) -> Iterable[tuple[Any, int]]:
    try:
        return Counter(labels).items()
    except TypeError:  # a list, which an array of objects may hold
        return [(label, 1) for label in labels]
