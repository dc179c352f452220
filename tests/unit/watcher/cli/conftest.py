"""A watcher's HTTP side with the answers that a test gives it, and an environment without contexts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import structlog

SINCE = "2026-11-30T10:00:00+00:00"


def row(model: str = "iris", version: str = "v1", state: str = "Ready", **others: Any) -> dict[str, Any]:
    """Return one model of `GET /status`, as a watcher before the versions and replicas shows it."""
    found = {"namespace": "team", "model": model, "version": version, "state": state, "reason": "", "url": "http://m"}
    return {**found, "since": SINCE, "loaded": "data", **others}


class StubWatcher:
    """Answers `GET /status` with `models`, and `GET /status/{namespace}/{model}` with one of them if it has events."""

    def __init__(self) -> None:
        self.models: list[dict[str, Any]] = []
        self.refused: list[dict[str, str]] = []
        self.sources: list[dict[str, Any]] = []
        self.about: dict[str, str] = {}
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str) -> tuple[int, Any]:
        self.asked.append(path)
        if path == "/status":
            return 200, {**self.about, "models": self.models, "refused": self.refused, "sources": self.sources}
        for item in self.models:
            if path == f"/status/{item['namespace']}/{item['model']}" and "events" in item:
                return 200, item
        return 404, {"error": f"no {path}"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = stub.answer(self.path)
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@pytest.fixture
def watcher() -> Iterator[StubWatcher]:
    found = StubWatcher()
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture(autouse=True)
def without_contexts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBESERVE_CONFIG", str(tmp_path / "contexts.yaml"))
    names = ("KUBESERVE_NAMESPACE", "KUBESERVE_BUCKET", "KUBESERVE_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    for name in names:
        monkeypatch.delenv(name, raising=False)


class Bucket:
    """A folder that the commands take for the bucket, with models of the namespace `team`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, key: str, content: str = "bytes of a model") -> None:
        (self.root / key).parent.mkdir(parents=True, exist_ok=True)
        (self.root / key).write_text(content)

    def model(self, name: str, *versions: str) -> None:
        for version in versions:
            self.put(f"team/{name}/{version}/model.joblib")

    def text(self, key: str) -> str:
        return (self.root / key).read_text()

    def has(self, key: str) -> bool:
        return (self.root / key).exists()

    def keys(self) -> list[str]:
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, watcher: StubWatcher) -> Bucket:
    """Return an empty bucket. The environment names it, the stub watcher and the namespace `team`."""
    (tmp_path / "bucket").mkdir()
    monkeypatch.setenv("KUBESERVE_STORE", f"folder:{tmp_path / 'bucket'}")
    monkeypatch.setenv("KUBESERVE_URL", watcher.url)
    monkeypatch.setenv("KUBESERVE_NAMESPACE", "team")
    return Bucket(tmp_path / "bucket")


@pytest.fixture(autouse=True)
def log_configuration() -> Iterator[None]:
    """Undo what a command configures: its log goes to the standard error of a runner that is gone."""
    yield
    structlog.reset_defaults()
