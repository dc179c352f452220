"""What is counted is scraped, under the names that the README gives."""

from __future__ import annotations

import asyncio
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from dev.docs import README
from server import app
from server.inference.predictor import Predictor
from server.telemetry.feature_stats import MOST_FEATURES, MOST_LABELS, SAMPLE, FeatureStats
from server.telemetry.metrics import LABELLED, SPECS, VALUES, Distribution, Metrics

HERE = {"model_name": "iris", "model_version": "v1"}


def metrics() -> Metrics:
    made = Metrics("iris", "v1", lambda: 7)
    assert made.feature_stats
    made.feature_stats.configure(("a", "b"), 2, ("no", "yes"))
    return made


def test_every_scraped_metric_of_ours_is_in_the_readme_and_the_other_way_round() -> None:
    scraped = generate_latest(metrics().registry).decode()
    ours = {
        name
        for name in re.findall(r"^# TYPE (\S+) ", scraped, re.MULTILINE)
        if not name.startswith(("process_", "python_"))
    }
    documented = set(re.findall(r"^\| `((?:kubeserve|request)_\w+)` \|", README.read_text(), re.MULTILINE))
    assert ours == {name for name in documented if not name.startswith("kubeserve_watcher_")}
    assert ours == {spec.scraped for spec in SPECS}


def test_the_texts_name_the_bounds_that_hold() -> None:
    assert f"at most {SAMPLE} rows of a request" in VALUES.meaning
    assert f"more than {MOST_FEATURES} features" in VALUES.meaning
    assert f"more than {MOST_LABELS} classes" in LABELLED.meaning


def test_requests_are_counted_by_endpoint_and_code_and_timed() -> None:
    made = metrics()
    made.record_request("/predict", 200, 0.0004)
    made.record_request("/predict", 200, 0.003)
    made.record_request("/predict", 400, 20)
    read = made.registry.get_sample_value
    assert read("kubeserve_requests_total", {**HERE, "endpoint": "/predict", "code": "200"}) == 2
    latency = {**HERE, "endpoint": "/predict"}
    assert read("kubeserve_request_duration_seconds_bucket", {**latency, "le": "0.0005"}) == 1
    assert read("kubeserve_request_duration_seconds_bucket", {**latency, "le": "0.005"}) == 2
    assert read("kubeserve_request_duration_seconds_count", latency) == 3


def test_a_value_on_a_bound_is_in_its_bucket_and_none_is_lost_between_scrapes() -> None:
    made = Distribution((1.0, 2.0))
    for value in (1.0, 1.5):
        made.observe(value)
    made.flush()
    made.observe(3.0)
    made.flush()
    assert made.buckets() == [("1.0", 1), ("2.0", 2), ("+Inf", 3)]
    assert made.sum == 5.5


def test_predictions_are_seen_by_phase_rows_and_batch() -> None:
    made = metrics()
    made.record_prediction(3, 0.01, requests=2)
    made.record_prediction(1, 0.01)
    made.record_wait(0.2)
    made.record_rejection("queue")
    read = made.registry.get_sample_value
    assert read("kubeserve_predictions_total", HERE) == 4
    assert read("kubeserve_batch_rows_bucket", {**HERE, "le": "1.0"}) == 1
    assert read("kubeserve_phase_seconds_sum", {**HERE, "phase": "wait"}) == 0.2
    assert read("kubeserve_phase_seconds_count", {**HERE, "phase": "predict"}) == 2
    assert read("request_predict_seconds_count", HERE) == 3
    assert read("kubeserve_queue_rows", HERE) == 7
    assert read("kubeserve_rejected_total", {**HERE, "reason": "queue"}) == 1


def test_drift_is_summed_up_by_feature_and_by_class() -> None:
    made = metrics()
    assert made.feature_stats
    made.feature_stats.record(np.array([[1.0, np.nan], [3.0, 5.0]]), np.array(["yes", "no"]))
    made.feature_stats.record(np.array([[2.0, -1.0]]), np.array(["yes"]))
    read = made.registry.get_sample_value
    assert read("kubeserve_predicted_labels_total", {**HERE, "label": "yes"}) == 2
    names = ("values_total", "missing_total", "mean", "min", "max")
    found = {f: [read(f"kubeserve_feature_{name}", {**HERE, "feature": f}) for name in names] for f in ("a", "b")}
    assert found == {"a": [3, 0, 2, 1, 3], "b": [3, 1, 2, -1, 5]}


def test_record_many_counts_each_request_s_rows_and_labels() -> None:
    drift = FeatureStats()
    drift.configure(("a",), 1, ("no", "yes"))
    drift.record_many([np.array([[1.0], [2.0]]), np.array([[3.0]])], [["yes", "no"], ["yes"]])
    drift.flush()
    assert dict(drift.labels) == {"no": 1, "yes": 2}
    assert list(drift.features()) == [("a", 3, 0, 2, 1, 3)]


def test_rows_of_a_width_that_does_not_suit_are_not_summed_up() -> None:
    drift = FeatureStats()
    drift.configure(("a", "b"), None, ())
    for X in (np.ones((1, 3)), np.ones(2), np.ones((0, 3)), np.array([[1.0, 2.0]])):
        drift.record(X, np.array([1.0]))
    drift.flush()
    assert list(drift.features()) == [("a", 1, 0, 1, 1, 1), ("b", 1, 0, 2, 2, 2)]


def test_names_that_are_not_as_many_as_the_features_are_not_used() -> None:
    drift = FeatureStats()
    drift.configure(("a", "b"), 3, ())
    drift.record(np.array([[1.0, 2.0, 3.0]]), None)
    drift.flush()
    assert [name for name, *_ in drift.features()] == ["0", "1", "2"]


def test_labels_of_all_kinds_are_counted_by_their_class() -> None:
    drift = FeatureStats()
    drift.configure((), 1, (0, 1))
    for answer in (np.array([0, 1, 1]), np.array([True]), np.array([0.0, 1.0]), np.array([1], dtype=object)):
        drift.record(np.ones((len(answer), 1)), answer)
    drift.flush()
    assert dict(drift.labels) == {"0": 2, "1": 5}


def test_what_is_no_class_is_counted_as_other() -> None:
    drift = FeatureStats()
    drift.configure((), 1, (0, 1, "2026-01-01"))
    drift.record(np.ones((4, 1)), np.array([0.1, 0.2, 1.0, np.nan]))
    drift.record(np.ones((3, 1)), np.array([1, date(2026, 1, 1), []], dtype=object))
    drift.flush()
    assert dict(drift.labels) == {"other": 4, "1": 2, "2026-01-01": 1}


def test_values_near_the_largest_do_not_spoil_the_mean_for_ever() -> None:
    drift = FeatureStats()
    drift.configure(("a",), 1, ())
    for _ in range(3):
        drift.record(np.full((2, 1), 1e308), None)
        drift.flush()
    assert list(drift.features()) == [("a", 6, 0, 1e280, 1e308, 1e308)]


def test_what_cannot_be_summed_up_is_not_counted_again_at_each_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = metrics()
    with monkeypatch.context() as patched:
        patched.setattr(FeatureStats, "record_many", None)
        made.record_fast_path("/predict", np.ones((1, 2)), ["no"], (0.0,) * 5)
        with pytest.raises(TypeError):
            made.flush()
    made.record_fast_path("/predict", np.ones((1, 2)), ["yes"], (0.0,) * 5)
    made.flush()
    read = made.registry.get_sample_value
    assert read("kubeserve_requests_total", {**HERE, "endpoint": "/predict", "code": "200"}) == 2
    assert read("kubeserve_predicted_labels_total", {**HERE, "label": "yes"}) == 1


def test_drift_can_be_switched_off() -> None:
    text = generate_latest(Metrics("iris", "v1", feature_stats=False).registry).decode()
    assert "kubeserve_feature" not in text
    assert "kubeserve_requests" in text


def test_a_fault_in_summing_up_is_told_in_a_line_and_the_next_time_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "FLUSH_INTERVAL", 0.0)
    counted, settled = metrics(), asyncio.Event()
    outcomes = iter([ZeroDivisionError("odd")])

    def flush() -> None:
        if error := next(outcomes, None):
            raise error
        settled.set()

    monkeypatch.setattr(counted, "flush", flush)

    async def until_settled() -> None:
        task = asyncio.create_task(app.keep_up(counted, Predictor(Path("model.joblib"))))
        await asyncio.wait_for(settled.wait(), 5)
        task.cancel()

    with capture_logs() as logged:
        asyncio.run(until_settled())
    assert logged == [{"event": "flushing metrics failed", "error": "ZeroDivisionError: odd", "log_level": "error"}]
