"""Features and classes are summarised, whatever rows and labels a model's own code accepts and returns."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from server.telemetry import feature_stats
from server.telemetry.feature_stats import (
    MAX_BUFFERED_ROWS,
    MAX_CLASSES,
    MAX_FEATURES,
    MAX_SAMPLED_ROWS,
    FeatureStats,
    sample,
)


def stats(names: tuple[str, ...], features: int | None = None, classes: tuple[Any, ...] = ()) -> FeatureStats:
    made = FeatureStats()
    made.configure(names, features, classes)
    return made


def test_flush_summarises_each_feature_and_counts_each_class() -> None:
    made = stats(("a", "b"), 2, ("no", "yes"))
    made.record(np.array([[1.0, np.nan], [3.0, 5.0]]), np.array(["yes", "no"]))
    made.record(np.array([[2.0, -1.0]]), np.array(["yes"]))
    made.flush()
    made.flush()
    assert dict(made.class_counts) == {"yes": 2, "no": 1}
    assert list(made.summaries()) == [("a", 3, 0, 6, 1, 3), ("b", 3, 1, 4, -1, 5)]


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_flush_summarises_matrices_of_other_types_than_float64(dtype: str) -> None:
    made = stats(("a", "b"), 2)
    made.record(np.array([[1, 2], [3, 5]], dtype), np.array([0, 1]))
    made.flush()
    assert list(made.summaries()) == [("a", 2, 0, 4, 1, 3), ("b", 2, 0, 7, 2, 5)]


def test_record_many_counts_the_rows_and_labels_of_each_request() -> None:
    made = stats(("a",), 1, ("no", "yes"))
    made.record_many([np.array([[1.0], [2.0]]), np.array([[3.0]])], [["yes", "no"], ["yes"]])
    made.flush()
    assert dict(made.class_counts) == {"no": 1, "yes": 2}
    assert list(made.summaries()) == [("a", 3, 0, 6, 1, 3)]


def test_record_before_configure_summarises_nothing() -> None:
    made = FeatureStats()
    made.record(np.ones((1, 1)), np.array([1]))
    made.flush()
    assert (list(made.summaries()), dict(made.class_counts)) == ([], {})


def test_record_flushes_when_enough_rows_are_buffered() -> None:
    made = stats(("a",), 1)
    for _ in range(MAX_BUFFERED_ROWS // MAX_SAMPLED_ROWS + 1):
        made.record(np.ones((MAX_SAMPLED_ROWS, 1)), None)
    ((_, values, *_rest),) = made.summaries()
    assert values == MAX_BUFFERED_ROWS + MAX_SAMPLED_ROWS


def test_record_rows_of_another_width_or_shape_are_not_summarised() -> None:
    made = stats(("a", "b"))
    for X in (np.ones((1, 3)), np.ones(2), np.ones((0, 3)), np.ones((1, 2), dtype=object), [[1, 2]]):
        made.record(X, np.array([1.0]))
    made.record(np.array([[1.0, 2.0]]), np.array([1.0]))
    made.flush()
    assert list(made.summaries()) == [("a", 1, 0, 1, 1, 1), ("b", 1, 0, 2, 2, 2)]


def test_summaries_omit_a_feature_whose_values_are_all_missing() -> None:
    made = stats(("a", "b"), 2)
    made.record(np.array([[np.nan, 1.0]]), None)
    made.flush()
    assert [summary.name for summary in made.summaries()] == ["b"]


def test_configure_names_that_do_not_match_the_number_of_features_are_replaced() -> None:
    made = stats(("a", "b"), 3)
    made.record(np.array([[1.0, 2.0, 3.0]]), None)
    made.flush()
    assert [summary.name for summary in made.summaries()] == ["0", "1", "2"]


@pytest.mark.parametrize(("features", "known"), [(MAX_FEATURES, MAX_FEATURES), (MAX_FEATURES + 1, 0)])
def test_configure_more_than_the_most_features_records_none(features: int, known: int) -> None:
    made = stats((), features)
    made.record(np.ones((1, features)), None)
    made.flush()
    assert len(list(made.summaries())) == known


@pytest.mark.parametrize(("classes", "counts"), [(MAX_CLASSES, {"0": 1}), (MAX_CLASSES + 1, {})])
def test_configure_more_than_the_most_classes_counts_none(classes: int, counts: dict[str, int]) -> None:
    made = stats((), 1, tuple(range(classes)))
    made.record(np.ones((1, 1)), np.array([0]))
    made.record_many([np.ones((1, 1))], [])
    made.flush()
    assert dict(made.class_counts) == counts


def test_flush_counts_labels_of_every_type_by_their_class() -> None:
    made = stats((), 1, (0, 1))
    for answer in (np.array([0, 1, 1]), np.array([True]), np.array([0.0, 1.0]), np.array([1], dtype=object)):
        made.record(np.ones((len(answer), 1)), answer)
    made.record_many([np.ones((2, 1))], [[0, 1.0]])
    made.record(np.ones((1, 1)), np.array([[0, 1]]))  # of several outputs: no class each
    made.flush()
    assert dict(made.class_counts) == {"0": 3, "1": 6}


def test_flush_counts_what_is_no_class_as_other() -> None:
    made = stats((), 1, (0, 1, "2026-01-01"))
    made.record(np.ones((4, 1)), np.array([0.1, 0.2, 1.0, np.nan]))
    made.record(np.ones((3, 1)), np.array([1, date(2026, 1, 1), []], dtype=object))
    made.record_many([np.ones((2, 1))], [[[], 1]])
    made.flush()
    assert dict(made.class_counts) == {"other": 5, "1": 3, "2026-01-01": 1}


def test_long_answers_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_stats, "STEP", 1000)
    made = stats((), 1, ("no", "yes"))
    for dtype in (object, "U3"):
        made.record(np.ones((1250, 1)), np.array(["yes", "no", "yes", "yes", "yes"], dtype).repeat(250))
    made.flush()
    assert not made.class_counts
    total = [sum(made.class_counts.values()) for _ in made.count_long_answers()]
    assert total == [1000, 1250, 2250, 2500]
    assert dict(made.class_counts) == {"no": 500, "yes": 2000}


def test_flush_values_near_the_largest_float_keep_the_sum_finite() -> None:
    made = stats(("a",), 1)
    for _ in range(3):
        made.record(np.full((2, 1), 1e308), None)
        made.flush()
    assert list(made.summaries()) == [("a", 6, 0, pytest.approx(6e280), 1e308, 1e308)]


def test_sample_of_many_rows_is_a_copy_of_evenly_spaced_ones() -> None:
    many = np.arange(100.0).reshape(-1, 1)
    sampled = sample(many)
    assert sampled[:, 0].tolist() == list(range(0, 100, 4))
    assert sampled.base is None
    few = many[:MAX_SAMPLED_ROWS]
    assert sample(few) is few
