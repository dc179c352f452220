"""What is recorded is scraped, under the names that docs/reference.md lists."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from dev.docs import REFERENCE
from server import app
from server.inference.predictor import Predictor
from server.model.loader import LoadedModel
from server.schema import Schema
from server.telemetry.feature_stats import MAX_CLASSES, MAX_FEATURES, MAX_SAMPLED_ROWS, FeatureStats
from server.telemetry.metrics import (
    LABELLED,
    MAX_FAST_PATH_RECORDS,
    PHASES,
    REASONS,
    ROWS_PER_RECORD,
    SPECS,
    VALUES,
    Metrics,
)

HERE = {"model_name": "iris", "model_version": "v1"}


def metrics() -> Metrics:
    made = Metrics("iris", "v1", lambda: 7)
    assert made.feature_stats
    made.feature_stats.configure(("a", "b"), 2, ("no", "yes"))
    return made


def test_collect_yields_exactly_the_metrics_of_the_readme() -> None:
    scraped = generate_latest(metrics().registry).decode()
    ours = {
        name
        for name in re.findall(r"^# TYPE (\S+) ", scraped, re.MULTILINE)
        if not name.startswith(("process_", "python_"))
    }
    documented = set(re.findall(r"^\| `((?:kubeserve|request)_\w+)` \|", REFERENCE.read_text(), re.MULTILINE))
    assert ours == {name for name in documented if not name.startswith("kubeserve_watcher_")}
    assert ours == {spec.scraped for spec in SPECS}


def test_specs_name_the_bounds_that_hold() -> None:
    assert f"at most {MAX_SAMPLED_ROWS} rows of each request" in VALUES.meaning
    assert f"more than {MAX_FEATURES} features" in VALUES.meaning
    assert f"more than {MAX_CLASSES} classes" in LABELLED.meaning


def test_record_request_counts_by_endpoint_and_code_and_duration() -> None:
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


def test_record_prediction_wait_and_rejection_are_collected() -> None:
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


def test_collect_shows_the_feature_stats() -> None:
    made = metrics()
    assert made.feature_stats
    made.feature_stats.record(np.array([[1.0, np.nan], [3.0, 5.0]]), np.array(["yes", "no"]))
    made.feature_stats.record(np.array([[2.0, -1.0]]), np.array(["yes"]))
    read = made.registry.get_sample_value
    assert read("kubeserve_predicted_labels_total", {**HERE, "label": "yes"}) == 2
    names = ("values_total", "missing_total", "sum", "min", "max")
    found = {f: [read(f"kubeserve_feature_{name}", {**HERE, "feature": f}) for name in names] for f in ("a", "b")}
    assert found == {"a": [3, 0, 6, 1, 3], "b": [3, 1, 4, -1, 5]}


def test_flush_a_record_that_raises_is_not_processed_again(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_collect_counts_the_labels_of_long_answers_too() -> None:
    made = metrics()
    made.record_answer(np.ones((5000, 2)), np.array(["yes"] * 5000, dtype=object))
    assert made.registry.get_sample_value("kubeserve_predicted_labels_total", {**HERE, "label": "yes"}) == 5000


def test_count_long_answers_lets_the_event_loop_work_after_each_part() -> None:
    made, turns = metrics(), 0

    async def count() -> int:
        counting = asyncio.create_task(made.count_long_answers())
        turns = 0
        while not counting.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    for _ in range(5):
        made.record_answer(np.ones((2000, 2)), np.array(["yes"] * 2000))
    turns = asyncio.run(count())
    assert turns >= 5
    assert made.registry.get_sample_value("kubeserve_predicted_labels_total", {**HERE, "label": "yes"}) == 10_000


def test_collect_without_feature_stats_has_no_feature_metrics() -> None:
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


def test_record_fast_path_is_collected_in_every_metric_of_a_request() -> None:
    made = metrics()
    made.record_fast_path("/predict", np.ones((3, 2)), ["yes", "no", "yes"], (1.0, 3.0, 7.0, 15.0, 31.0))
    read = made.registry.get_sample_value
    here = {**HERE, "endpoint": "/predict"}
    assert read("kubeserve_requests_total", {**here, "code": "200"}) == 1
    assert read("kubeserve_request_duration_seconds_sum", here) == 30
    phases = {phase: read("kubeserve_phase_seconds_sum", {**HERE, "phase": phase}) for phase in PHASES}
    assert phases == {"parse": 4, "wait": 0, "predict": 8, "encode": 16}
    assert read("request_predict_seconds_sum", HERE) == 8
    assert (read("kubeserve_batch_rows_sum", HERE), read("kubeserve_batch_rows_count", HERE)) == (3, 1)
    assert read("kubeserve_predictions_total", HERE) == 3
    assert read("kubeserve_predicted_labels_total", {**HERE, "label": "yes"}) == 2
    assert read("kubeserve_feature_sum", {**HERE, "feature": "a"}) == 3


@pytest.mark.parametrize("rows", [1, 10 * ROWS_PER_RECORD])
def test_record_fast_path_flushes_before_the_buffer_holds_too_much(rows: int) -> None:
    made, X = metrics(), np.ones((rows, 2))
    most = -(-MAX_FAST_PATH_RECORDS // (1 + rows // ROWS_PER_RECORD))
    is_buffered = []
    for _ in range(most):
        made.record_fast_path("/predict", X, ["no"] * rows, (0.0,) * 5)
        is_buffered.append(bool(made._fast_path))
    assert is_buffered == [True] * (most - 1) + [False]


def test_record_fast_path_does_not_keep_the_rows_of_a_large_request() -> None:
    made, X = metrics(), np.ones((1000, 2))
    before = sys.getrefcount(X)
    made.record_fast_path("/predict", X, ["no"] * 1000, (0.0,) * 5)
    assert made._fast_path
    assert sys.getrefcount(X) == before


def test_collect_before_the_first_request_has_a_zero_for_each_rejection_and_the_process() -> None:
    read = metrics().registry.get_sample_value
    assert [read("kubeserve_rejected_total", {**HERE, "reason": reason}) for reason in REASONS] == [0] * len(REASONS)
    assert read("process_resident_memory_bytes", {})


def test_configure_shows_the_model_s_versions_and_digest() -> None:
    made = metrics()
    made.configure(LoadedModel({}, Schema(1), "sklearn 1.9", "sklearn 1.8", "abc", "data"), 2.5)
    labels = {**HERE, "library": "sklearn 1.9", "saved_by": "sklearn 1.8", "digest": "abc", "loaded": "data"}
    assert made.registry.get_sample_value("kubeserve_model_info", labels) == 1
    assert made.registry.get_sample_value("kubeserve_model_load_seconds", HERE) == 2.5


def test_configure_of_a_model_without_predict_counts_no_classes() -> None:
    made = Metrics("encoder", "v1")
    schema = Schema(1, classes=("no", "yes"), methods=frozenset({"transform"}))
    made.configure(LoadedModel({}, schema, "sklearn 1", "sklearn 1", "abc"), 1.0)
    made.record_answer(np.array([[1.0]]), np.array([1]))
    scraped = generate_latest(made.registry).decode()
    assert "kubeserve_predicted_labels_total{" not in scraped
    assert 'kubeserve_feature_sum{feature="0"' in scraped
