"""The queries of `--prometheus-url`, answered by the engine of a real Prometheus: promtool contains it.

promtool compares each answer with what is expected here, so the figures are known beforehand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from watcher.control.prometheus import QUERIES, version_queries
from watcher.core.types import ModelId

from .promtool import Promtool

MODEL = {"namespace": "team", "model_name": "iris"}
SERVICE, CANARY, OTHER = "iris-model-serving", "iris-model-serving-canary", "wine-model-serving"
NOW = "10m"
"""When the queries are asked. The series have a sample every 15 seconds, from 0 on."""
WINDOW = 300.0


def series(metric: str, step: float, **labels: str) -> dict[str, str]:
    """Return a counter that grows by `step` every 15 seconds."""
    text = ",".join(f'{name}="{value}"' for name, value in {**MODEL, "endpoint": "/predict", **labels}.items())
    return {"series": f"{metric}{{{text}}}", "values": f"0+{step}x60"}


def of_version(
    job: str, version: str, *, answered: float, failed: float, fast: float, slow: float
) -> list[dict[str, str]]:
    """Return what is scraped of a Service: codes, and how many requests take 10 ms (`fast`) and 100 ms (`slow`)."""
    requests, buckets = "kubeserve_requests_total", "kubeserve_request_duration_seconds_bucket"
    own = {"job": job, "model_version": version}
    return [
        series(requests, answered, code="200", **own),
        series(requests, failed, code="503", **own),
        series(requests, 100, code="200", endpoint="/health", **own),
        series(buckets, fast, le="0.01", **own),
        series(buckets, fast + slow, le="0.1", **own),
        series(buckets, fast + slow, le="+Inf", **own),
    ]


def expects(query: str, *samples: tuple[dict[str, str], float]) -> dict[str, Any]:
    """Return a question with its answer in the words of `promtool test rules`."""
    shown = [
        {"labels": "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}", "value": value}
        for labels, value in samples
    ]
    return {"expr": query, "eval_time": NOW, "exp_samples": shown}


def test_queries_of_models_and_of_versions_give_their_figures(promtool: Promtool, tmp_path: Path) -> None:
    v1, v2 = {"job": SERVICE, "model_version": "v1"}, {"job": CANARY, "model_version": "v2"}
    wine = {"namespace": "team", "model_name": "wine"}
    versions = version_queries(ModelId("team", "iris"), WINDOW)
    questions = [
        expects(QUERIES["rate"], (MODEL, 10.0), (wine, 2.0)),  # 120 + 30 requests every 15 seconds
        expects(QUERIES["errors"], (MODEL, 0.02), (wine, 1.0)),
        expects(QUERIES["p99"], (MODEL, 0.0955), (wine, 0.0991)),  # linear within the bucket from 10 to 100 ms
        expects(versions["requests"], (v1, 2400.0), (v2, 600.0)),  # 20 times 120 and 30
        expects(versions["failures"], (v1, 0.0), (v2, 60.0)),
        expects(versions["p99"], (v1, 0.0099), (v2, 0.0991)),
        expects(version_queries(ModelId("other", "iris"), WINDOW)["requests"]),
    ]
    exported = [
        *of_version(SERVICE, "v1", answered=120, failed=0, fast=120, slow=0),
        *of_version(CANARY, "v2", answered=27, failed=3, fast=0, slow=30),
        *of_version(OTHER, "v1", answered=0, failed=30, fast=0, slow=30),  # which says that it is iris too
    ]
    tests = tmp_path / "queries.yaml"
    test = {"interval": "15s", "input_series": exported, "promql_expr_test": questions}
    tests.write_text(yaml.safe_dump({"fuzzy_compare": True, "tests": [test]}))  # floats: the last bit may differ
    code, output = promtool.run("test", "rules", str(tests))
    assert code == 0, output
