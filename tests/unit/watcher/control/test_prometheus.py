from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from watcher.control.prometheus import QUERIES, Prometheus, version_queries
from watcher.control.status_board import StatusBoard
from watcher.core.traffic import Traffic
from watcher.core.types import ModelId, ModelStatus, State
from watcher.core.verdict import Figures
from watcher.errors import Retryable

IRIS, WINE = ModelId("team", "iris"), ModelId("team", "wine")


class Answers:
    """Stands in for the network: the answers of Prometheus' HTTP API by query."""

    def __init__(self, queries: Mapping[str, str] = QUERIES, **bodies: Any) -> None:
        self.bodies = {queries[name]: body for name, body in bodies.items()}

    def get(self, url: str, *, seconds: float, most: int) -> bytes | None:
        parts = urlsplit(url)
        assert (parts.netloc, parts.path) == ("prometheus:9090", "/api/v1/query")
        body = self.bodies[parse_qs(parts.query)["query"][0]]
        return json.dumps(body).encode() if isinstance(body, dict) else body

    def close(self) -> None: ...


def vector(**values: str) -> dict[str, Any]:
    """Return an answer as Prometheus documents it."""
    result = [
        {"metric": {"namespace": "team", "model_name": name}, "value": [1796011305.7, value]}
        for name, value in values.items()
    ]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def models() -> list[ModelStatus]:
    board = StatusBoard()
    for model in (IRIS, WINE):
        board.set(model, State.READY, url=f"http://{model.name}")
    return board.models()


def measured(**bodies: Any) -> Any:
    return Prometheus("http://prometheus:9090/", Answers(**bodies)).measure(models())  # type: ignore[arg-type]


def test_measure_returns_the_figures_of_each_model() -> None:
    found = measured(
        rate=vector(iris="2.5", wine="0", other="7"),
        p99=vector(iris="0.004", wine="NaN"),
        errors=vector(wine="NaN"),
    )
    assert found == {IRIS: Traffic(2.5, 0.004, 0.0), WINE: Traffic(0.0, None, None)}


def test_measure_shows_no_more_errors_than_requests() -> None:
    # PromQL extrapolates each counter by itself.
    found = measured(rate=vector(iris="2.5"), p99=vector(), errors=vector(iris="1.01"))
    assert found[IRIS].errors == 1.0


@pytest.mark.parametrize(
    "body",
    [None, b"", b"<html>", {"status": "error", "error": "bad"}, {"data": []}, {"data": {"result": [{"metric": 1}]}}],
)
def test_measure_of_what_is_no_prometheus_is_retryable(body: Any) -> None:
    with pytest.raises(Retryable, match=r"no Prometheus answers at http://prometheus:9090 \(--prometheus-url\)"):
        measured(rate=body, p99=body, errors=body)


def test_versions_returns_the_figures_of_each_version_of_a_model_by_its_track() -> None:
    def of(**values: str) -> dict[str, Any]:
        jobs = {"v1": "iris-model-serving", "v2": "iris-model-serving-canary", "v3": "iris-model-serving"}
        result = [
            {"metric": {"job": jobs[name], "model_version": name}, "value": [1796011305.7, value]}
            for name, value in values.items()
        ]
        return {"status": "success", "data": {"resultType": "vector", "result": result}}

    bodies = {"requests": of(v1="400", v2="50", v3="0"), "failures": of(v2="50.1"), "p99": of(v1="0.01", v2="NaN")}
    answers = Answers(version_queries(IRIS, 600), **bodies)
    found = Prometheus("http://prometheus:9090", answers).versions(IRIS, 600)  # type: ignore[arg-type]
    assert found == {("", "v1"): Figures(400, 0.0, 0.01), ("canary", "v2"): Figures(50, 1.0, None)}


def test_queries_take_the_model_from_the_target_and_never_from_what_it_exports() -> None:
    assert QUERIES["p99"] == (
        "histogram_quantile(0.99, sum by (namespace, model_name, le) (label_replace("
        'rate(kubeserve_request_duration_seconds_bucket{job=~".+-model-serving(-canary)?",endpoint=~"/(predict|'
        'predict_proba|transform|invocations|v1/models/.+:predict|v2/models/.+/infer)"}[2m]), '
        '"model_name", "$1", "job", "(.+)-model-serving(?:-canary)?")))'
    )
    assert version_queries(IRIS, 60)["requests"].startswith(
        "sum by (job, model_version) (increase(kubeserve_requests_total"
        '{namespace="team",job=~"iris-model-serving|iris-model-serving-canary",endpoint='
    )
