"""Connections that a network drops without closing them: noticed within seconds, shown, and replaced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .driving import Watcher, eventually
from .kubernetes_setup import Setup
from .proxies import Line, line
from .test_sources import notify, source

NOTICED = 25
"""Seconds. It takes 5 s on an idle machine; waiting for the old connections would take 30 s and more."""


@pytest.fixture
def store(setup: Setup) -> Iterator[Line]:
    with line(setup.minio.endpoint) as made:
        yield made


@pytest.fixture
def api(setup: Setup) -> Iterator[Line]:
    with line(setup.control_plane.server.removeprefix("https://")) as made:
        yield made


@pytest.fixture
def watcher(setup: Setup, store: Line, api: Line, tmp_path: Path) -> Iterator[Watcher]:
    """Start a watcher behind both lines. It has used several connections to each."""
    document = json.loads(setup.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["server"] = f"https://{api.address}"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(document))
    paths = ("--kubeconfig", str(kubeconfig), "--s3-endpoint", store.address)
    with setup.watcher(*paths, KUBESERVE_WEBHOOK_TOKEN="right") as started:
        for model in "abcdef":
            upload(setup, started, model, "v1")
        eventually(lambda: all(setup.cluster.version(model) == "v1" for model in "abcdef"))
        eventually(lambda: source(started, "poll")["live"])
        yield started


def upload(setup: Setup, watcher: Watcher, model: str, version: str) -> None:
    key = f"{model}/{version}/model.joblib"
    setup.put(key)
    assert notify(watcher, setup.uploads.bucket, f"{setup.cluster.namespace}/{key}", "right") == 200


def test_upload_does_not_wait_for_dropped_connections(setup: Setup, watcher: Watcher, store: Line, api: Line) -> None:
    for dropped in (store, api):
        dropped.drop()
        version = f"v{dropped.connections}0"
        upload(setup, watcher, "a", version)
        eventually(lambda version=version: setup.cluster.version("a") == version, NOTICED)


def test_silent_store_is_shown_and_an_upload_follows_its_return(setup: Setup, watcher: Watcher, store: Line) -> None:
    store.silent = True
    upload(setup, watcher, "a", "v2")
    eventually(lambda: not source(watcher, "poll")["live"], NOTICED)
    store.silent = False
    store.drop()
    eventually(lambda: setup.cluster.version("a") == "v2", NOTICED)
    eventually(lambda: source(watcher, "poll")["live"], NOTICED)
