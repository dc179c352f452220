"""The traffic of a model, from the metrics that a real server exports."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from dev import sample
from watcher.core.traffic import pace, read_scrape, traffic

from .serving import running

JSON = {"Content-Type": "application/json"}
ROWS = [sample.INSTANCE]
TENSOR = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": sample.INSTANCE}]}
REQUESTS = {
    "/predict": {"data": ROWS},
    "/predict_proba": {"data": ROWS},
    "/invocations": {"inputs": ROWS},
    "/v1/models/model:predict": {"instances": ROWS},
    "/v2/models/model/infer": TENSOR,
}
"""A prediction by each protocol."""


def test_predictions_of_every_protocol_count_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(sample.first())
    with running(tmp_path / "model.joblib") as server:
        server.wait()
        before = read_scrape(server.metrics(), time.monotonic())
        assert before
        assert (before.requests, before.failures, before.buckets) == (0, 0, {})
        for path, body in REQUESTS.items():
            assert server.ask("POST", path, json.dumps(body).encode(), JSON)[0] == 200
        assert server.ask("POST", "/predict", b"{}", JSON)[0] == 400
        for path in ("/health", "/v2/health/ready", "/v2/models/model/ready", "/v1/models/model", "/nothing"):
            server.send("GET", path)
        after = read_scrape(server.metrics(), before.at + 10)
        assert after
        assert (after.requests, after.failures) == (len(REQUESTS) + 1, 0)
        assert after.process == before.process
        found = traffic(filter(None, [pace(before, after)]), 1)
        assert found.rate == pytest.approx(0.6)
        assert found.errors == 0
        assert found.p99
        assert 0 < found.p99 < 10
