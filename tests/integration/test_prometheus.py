"""A real Prometheus scrapes a real watcher and real servers: every panel, every rule, and the status page's figures."""

from __future__ import annotations

import functools
import json
import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from tests.promql import dashboards, expressions, rules
from watcher.control.prometheus import Prometheus
from watcher.control.status_board import StatusBoard
from watcher.core.types import ModelId, State

from .driving import Watcher, dumped, eventually
from .helm import Helm
from .prometheus_server import (
    PrometheusServer,
    hastened_rules,
    labels_of,
    model_target,
    of_operator,
    shipped_job,
    target,
    without_discovery,
)
from .serving import running

X = np.array([[0.0], [1.0]])
GOOD = LogisticRegression().fit(X, ["no", "yes"])
TABLE = make_pipeline(
    FunctionTransformer(functools.partial(np.asarray, dtype="int64")),
    FunctionTransformer(functools.partial(np.take, np.arange(10.0))),
    LogisticRegression(),
).fit(X, ["no", "yes"])
"""A model that fails by an IndexError for numbers above 9."""

PAST = re.compile(r"\boffset 1[hd]\b")
"""What an expression has about a time before the test. Only these have no answer here."""
FIRING = {
    ("KubeServeModelFailed", "iris"),
    ("KubeServeModelRejected", "rejected"),
    ("KubeServeErrorRateHigh", "table"),
}
"""The alerts that fire, with their models. tests/alerts has the others."""


@dataclass(frozen=True)
class World:
    """A watcher, its models, and the Prometheus that scrapes them all."""

    watcher: Watcher
    prometheus: PrometheusServer


@pytest.fixture(scope="module")
def world(prometheus_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Serve `iris`, whose v2 is broken, and `table`, half of whose requests fail. Both are asked all the time."""
    folder = tmp_path_factory.mktemp("prometheus")
    models, store = folder / "bucket" / "team", f"folder:{folder / 'bucket'}"
    prometheus = PrometheusServer(folder / "prometheus")
    flags = ("--runtime", "local", "--store", store, "--state-dir", str(folder / "state"), "--traffic-interval", "1")
    for name, model in (("iris", GOOD), ("table", TABLE), ("gone", GOOD)):
        put(models / name / "v1" / "model.joblib", dumped(model))
    with Watcher(folder / "log", *flags, "--prometheus-url", prometheus.url) as watcher:
        for name in ("iris", "table", "gone"):
            eventually(lambda name=name: watcher.state(name) == "Ready")  # type: ignore[misc]
        eventually(lambda: prometheus.url in watcher.status()["traffic"]["problem"])
        urls = {name: watcher.model(name)["url"] for name in ("iris", "table")}
        targets = [
            target(f"127.0.0.1:{watcher.port}", "kubeserve", "kubeserve", labels_of("kubeserve", "kubeserve"), {}),
            *(model_target(url.removeprefix("http://"), "team", name, "v1") for name, url in urls.items()),
        ]
        with (
            asking(urls["iris"], [[0.0], [1.0], [None]]),
            asking(urls["table"], [[1.0]]),
            asking(urls["table"], [[99.0]]),
        ):
            prometheus.start(without_discovery(shipped_job(), targets), [hastened_rules(folder)])
            try:
                eventually(lambda: len(prometheus.query("up == 1")) == len(targets))
                put(models / "late" / "v1" / "model.joblib", dumped(GOOD))
                put(models / "iris" / "v2" / "model.joblib", b"no model")
                put(models / "refused" / "model.joblib", b"at a wrong depth")
                put(models / "rejected" / "v1" / "model.joblib", dumped(GOOD))
                put(models / "rejected" / "values.yaml", b"autoscaling: {maxReplicas: many}")
                (models / "gone" / "v1" / "model.joblib").unlink()
                eventually(lambda: watcher.state("iris") == "Failed")
                eventually(lambda: watcher.state("late") == "Ready")
                eventually(lambda: watcher.state("rejected") == "Rejected")
                eventually(lambda: watcher.state("gone") is None)
                yield World(watcher, prometheus)
            finally:
                prometheus.stop()


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@contextmanager
def asking(url: str, rows: list[list[float | None]]) -> Iterator[None]:
    """Ask a model for predictions, about twenty times a second, until the end."""
    halt, body = threading.Event(), json.dumps({"data": rows}).encode()

    def ask() -> None:
        with urllib3.PoolManager(retries=False, timeout=60) as pool:
            while not halt.wait(0.05):
                pool.request("POST", f"{url}/predict", body=body).drain_conn()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        halt.set()
        thread.join()


def asked() -> dict[str, str]:
    """Return each query of the dashboards, and each recording rule, by a name."""
    found: dict[str, str] = {}
    for file, dashboard in dashboards().items():
        for number, (title, expression) in enumerate(expressions(dashboard)):
            found[f"{file}: {title} ({number})"] = expression
    return found | {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}


def test_every_panel_and_record_has_an_answer_from_what_traffic_leaves(world: World) -> None:
    wanted = asked()
    without_past = {name for name, expression in wanted.items() if PAST.search(expression)}

    def unanswered() -> set[str]:
        return {
            name
            for name, expression in wanted.items()
            if all(math.isnan(value) for _, value in world.prometheus.query(expression))
        }

    eventually(lambda: unanswered() == without_past)


def test_every_rule_is_evaluated_without_an_error(world: World) -> None:
    def evaluated() -> bool:
        found = [rule for group in world.prometheus.get("rules")["groups"] for rule in group["rules"]]
        assert {rule["lastError"] for rule in found if "lastError" in rule} == set()
        assert {rule["name"] for rule in found} == {rule.get("alert") or rule["record"] for rule in rules()}
        return {rule["health"] for rule in found} == {"ok"}

    eventually(evaluated)


def test_alerts_fire_for_the_broken_version_the_failing_model_and_nothing_else(world: World) -> None:
    eventually(lambda: world.prometheus.firing() == FIRING)
    for expression in (rule["expr"] for rule in rules() if "alert" in rule):
        world.prometheus.query(expression)
    (failed,) = world.prometheus.query('ALERTS{alertname="KubeServeModelFailed"}')
    assert (failed[0]["model_version"], failed[0]["namespace"], failed[0]["severity"]) == ("v2", "team", "warning")


def test_status_shows_the_figures_of_prometheus(world: World) -> None:
    def figures() -> bool:
        assert world.watcher.status()["traffic"]["problem"] == ""
        iris, table = (world.watcher.model(name)["traffic"] for name in ("iris", "table"))
        return bool(iris["rate"] and iris["p99"] and iris["errors"] == 0 and 0.2 < (table["errors"] or 0) < 0.8)

    eventually(figures)
    assert world.watcher.model("rejected")["traffic"] == {"rate": None, "p99": None, "errors": None}


def from_file(_: pytest.FixtureRequest) -> dict[str, Any]:
    return shipped_job()


def from_chart(request: pytest.FixtureRequest) -> dict[str, Any]:
    helm: Helm = request.getfixturevalue("helm")
    values = "{s3: {endpoint: e, existingSecret: s}, watch: {namespaces: [a]}, serviceMonitor: {enabled: true}}"
    found = [item for item in helm.template("watch", "kubeserve", "home", values) if item["kind"] == "ServiceMonitor"]
    return of_operator(found[1])


@pytest.mark.parametrize("job_of", [from_file, from_chart])
def test_metrics_belong_to_the_model_that_kubernetes_names_whatever_it_says_itself(
    job_of: Callable[[pytest.FixtureRequest], dict[str, Any]],
    request: pytest.FixtureRequest,
    prometheus: PrometheusServer,
    tmp_path: Path,
) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(dumped(GOOD))
    with running(path, "--name", "iris", "--version", "v1") as server:
        server.wait()
        targets = [
            model_target(server.address, "team", "iris", "v1"),
            model_target(server.address.replace("127.0.0.1", "localhost"), "team", "wine", "v9"),
        ]
        prometheus.start(without_discovery(job_of(request), targets))
        with asking(f"http://{server.address}", [[0.0]]):
            source = Prometheus(prometheus.url)
            iris, wine = ModelId("team", "iris"), ModelId("team", "wine")
            board = StatusBoard()
            for model in (iris, wine):
                board.set(model, State.READY)
            eventually(lambda: all(found.rate for found in source.measure(board.models()).values()))
            assert set(source.versions(wine, 60)) == {("", "v9")}
        for labels, _ in prometheus.query('kubeserve_requests_total{endpoint="/predict"}'):
            name, version = {"iris": ("iris", "v1"), "wine": ("wine", "v9")}[labels["job"].partition("-")[0]]
            assert (labels["model_name"], labels["model_version"], labels["namespace"]) == (name, version, "team")
            assert not [label for label in labels if label.startswith("exported_")]
