"""Every metric that the server declares is observed: driven by real requests to a real model, each one changes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sklearn.linear_model import LogisticRegression

from server.telemetry.metrics import FEATURES, PHASES, SPECS, Spec

from .driving import eventually
from .serving import Server, running

GATED = '''
import time
from pathlib import Path

from sklearn.ensemble import HistGradientBoostingClassifier

FOLDER = Path(__file__).parent


def wait_for(name):
    end = time.monotonic() + 300
    while not (FOLDER / name).exists() and time.monotonic() < end:
        time.sleep(0.01)


wait_for("loadable")


class Gated(HistGradientBoostingClassifier):
    """A real model that is slow enough for the thread, and waits for a file when it sees 1e6."""

    def predict(self, X):
        time.sleep(0.005)
        if (X == 1e6).any():
            (FOLDER / "predicting").touch()
            wait_for("answerable")
        return super().predict(X)
'''
X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, np.nan], [3.0, 5.0]] * 10)
LABELS = ["no", "yes", "no", "yes"] * 10
REASONS = ("queue", "deadline", "bodies")
"""The others need thousands of connections or slow readers: `test_connection_limits.py` causes them."""
PATIENCE = 120
"""Seconds to wait for progress, on a busy machine too."""

Samples = dict[tuple[str, str], float]
"""Values by a sample's name and its labels."""


def samples(server: Server) -> Samples:
    families = text_string_to_metric_families(server.metrics())
    return {(each.name, str(each.labels)): each.value for family in families for each in family.samples}


def changed(before: Samples, after: list[Samples]) -> set[tuple[str, str]]:
    """Return the samples that have another value in one of the later scrapes, or are new there."""
    return {key for scrape in after for key, value in scrape.items() if before.get(key, 0.0) != value}


def unchanged(specs: tuple[Spec, ...], before: Samples, after: list[Samples]) -> list[str]:
    """Return the names of the metrics of which no sample changed."""
    names = {name for name, _ in changed(before, after)}
    return [spec.name for spec in specs if not {spec.scraped, f"{spec.scraped}_count"} & names]


def body(*rows: list[float | None], size: int = 0) -> bytes:
    """Return a body for `/predict`, padded to `size` bytes."""
    return json.dumps({"data": rows}).encode().ljust(size)


def ask_every_protocol(server: Server, *rows: list[float | None]) -> None:
    """Send rows by each protocol, and requests that cannot be answered."""
    for path, sent in (
        ("/predict", {"data": rows}),
        ("/predict_proba", {"data": rows}),
        ("/v1/models/model:predict", {"instances": rows}),
        ("/v2/models/model/infer", {"inputs": [two_rows_of_zeros()]}),
        ("/invocations", {"inputs": rows}),
    ):
        status, answer = server.ask("POST", path, json.dumps(sent).encode(), {"Content-Type": "application/json"})
        assert status == 200, (path, answer)
    assert server.ask("POST", "/predict", b"{")[0] == 400
    assert server.ask("POST", "/v1/models/other:predict", body([0.0, 0.0]))[0] == 404


def two_rows_of_zeros() -> dict[str, object]:
    return {"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [0, 0, 0, 0]}


@pytest.fixture
def gated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "gated_boosting.py").write_text(GATED)
    (packages / "loadable").touch()
    monkeypatch.syspath_prepend(str(packages))
    import gated_boosting  # type: ignore[import-not-found]

    joblib.dump(gated_boosting.Gated(max_iter=5, min_samples_leaf=1).fit(X, LABELS), tmp_path / "model.joblib")
    del sys.modules["gated_boosting"]  # not by monkeypatch, which would put it back after the test
    (packages / "loadable").unlink()
    return tmp_path / "model.joblib"


def has_queued(server: Server, rows: int) -> Callable[[], bool]:
    return lambda: any(value == rows for (name, _), value in samples(server).items() if name == "kubeserve_queue_rows")


def overload(server: Server, answerable: Path) -> Samples:
    """Cause one rejection of each reason, and return the samples from the middle of it."""
    with ThreadPoolExecutor(3) as clients:
        running_one = clients.submit(server.send, "POST", "/predict", body([1e6, 0.0], size=70_000))
        eventually(answerable.with_name("predicting").exists, PATIENCE)
        queued_one = clients.submit(server.send, "POST", "/predict", body([1.0, 0.0]))
        eventually(has_queued(server, 1), PATIENCE)
        scrape = samples(server)
        too_many_rows = server.send("POST", "/predict", body([1.0, 0.0], [1.0, 0.0]))
        too_large = server.send("POST", "/predict", body([1.0, 0.0], size=70_000))
        statuses = [too_many_rows.status, too_large.status, queued_one.result().status]
        answerable.touch()
        assert [*statuses, running_one.result().status] == [503, 503, 503, 200]
    return scrape


def test_metrics_of_a_driven_server_all_change(gated: Path) -> None:
    packages = gated.parent / "packages"
    with running(gated, "--deadline", "2", "--queue-rows", "2", "--body-memory", "100000") as server:
        eventually(lambda: server.send("GET", "/metrics").status == 200, PATIENCE)
        before = samples(server)
        (packages / "loadable").touch()
        eventually(server.healthy, PATIENCE)
        ask_every_protocol(server, [-1.0, None], [3.0, 1.0])
        after = [overload(server, packages / "answerable"), samples(server)]
    assert unchanged(SPECS, before, after) == []
    labels = " ".join(labels for _, labels in changed(before, after))
    assert [
        value for value in (*PHASES, *REASONS, "yes", "no", "400", "404", "503") if f"'{value}'" not in labels
    ] == []


def test_metrics_of_the_fast_path_all_change(tmp_path: Path) -> None:
    joblib.dump(LogisticRegression().fit(X[:2], LABELS[:2]), tmp_path / "model.joblib")
    with running(tmp_path / "model.joblib") as server:
        eventually(server.healthy, PATIENCE)
        before = samples(server)
        for path, name in (("/predict", "data"), ("/v1/models/model:predict", "instances")):
            assert server.ask("POST", path, json.dumps({name: [[2.0, 1.0], [1.0, 3.0]]}).encode())[0] == 200
        after = [samples(server)]
    features = tuple(spec for spec, _ in FEATURES if spec.name != "kubeserve_feature_missing")
    fast = ("requests", "request_duration_seconds", "phase_seconds", "batch_rows", "predictions", "predicted_labels")
    specs = tuple(spec for spec in SPECS if spec.name.removeprefix("kubeserve_") in (*fast, "request_predict_seconds"))
    assert unchanged((*specs, *features), before, after) == []
    labels = " ".join(labels for _, labels in changed(before, after))
    assert [phase for phase in PHASES if f"'{phase}'" not in labels] == ["wait"]
