"""The watcher stops in time and says what is true while a store or an API server does not answer."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .driving import Watcher, eventually

STOP_BOUND = 10
"""Seconds. A stop takes 5 s at most; the rest is for a busy machine. Without the bound it takes more than 30 s."""


@pytest.fixture
def silent() -> Iterator[str]:
    """Return the address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as sock:
        yield f"127.0.0.1:{sock.getsockname()[1]}"


def seconds_to_stop(watcher: Watcher) -> float:
    started = time.monotonic()
    watcher._process.send_signal(signal.SIGTERM)
    assert watcher._process.wait(120) == 0
    return time.monotonic() - started


def connected(watcher: Watcher) -> bool:
    """Return whether the survey is waiting for an answer."""
    return "no survey yet" in watcher.get("/readyz").data.decode()


def test_watcher_with_a_store_that_never_answers_stops_in_time_and_is_healthy(silent: str, tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    arguments = ("--runtime", "local", "--state-dir", str(tmp_path / "state"), "--s3-endpoint", silent)
    with Watcher(tmp_path / "watcher.log", *arguments, **keys) as watcher:
        eventually(lambda: connected(watcher))
        time.sleep(1)  # into the call
        assert (watcher.get("/healthz").status, watcher.get("/readyz").status) == (200, 503)
        assert seconds_to_stop(watcher) < STOP_BOUND


def test_watcher_with_an_api_server_that_never_answers_stops_in_time_and_is_healthy(
    silent: str, bucket: Any, tmp_path: Path
) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": f"http://{silent}"}}],
        "users": [{"name": "x", "user": {"token": "token"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    keys = {"AWS_ACCESS_KEY_ID": bucket.server.access_key, "AWS_SECRET_ACCESS_KEY": bucket.server.secret_key}
    place = ("--s3-endpoint", bucket.server.endpoint, "--bucket", bucket.name)
    with Watcher(tmp_path / "log", "--kubeconfig", str(tmp_path / "kubeconfig"), *place, **keys) as watcher:
        eventually(lambda: connected(watcher))
        time.sleep(1)
        assert (watcher.get("/healthz").status, watcher.get("/readyz").status) == (200, 503)
        assert seconds_to_stop(watcher) < STOP_BOUND


def test_watcher_that_gets_no_answer_to_its_survey_says_so(silent: str, tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    arguments = ("--runtime", "local", "--state-dir", str(tmp_path / "state"), "--s3-endpoint", silent)
    with Watcher(tmp_path / "watcher.log", *arguments, **keys) as watcher:
        eventually(lambda: b"has not answered the survey yet" in watcher.get("/readyz").data, seconds=60)
        assert watcher.get("/healthz").status == 200
        assert 'kubeserve_watcher_source_up{source="poll"} 0.0' in watcher.get("/metrics").data.decode()
