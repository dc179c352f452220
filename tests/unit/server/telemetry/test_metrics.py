"""What is recorded is scraped, under the names that the README lists."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from dev.docs import README
from server import app
from server.inference.predictor import Predictor
from server.telemetry.feature_stats import MAX_CLASSES, MAX_FEATURES, MAX_SAMPLED_ROWS, FeatureStats
from server.telemetry.metrics import LABELLED, SPECS, VALUES, Metrics

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
    documented = set(re.findall(r"^\| `((?:kubeserve|request)_\w+)` \|", README.read_text(), re.MULTILINE))
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
