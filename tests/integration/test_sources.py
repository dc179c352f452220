"""The hint sources against a real MinIO: each alone brings an upload to the watcher, and says when it cannot."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3
from minio.credentials import AssumeRoleProvider

from .driving import Uploads, Watcher, eventually, lines_of

SLOW_POLL = ("--poll-interval", "600")


@pytest.fixture
def watcher_of(minio_server: Any, bucket: Any, tmp_path: Path) -> Any:
    def make(*arguments: str, **env: str) -> Watcher:
        credentials = {"AWS_ACCESS_KEY_ID": minio_server.access_key, "AWS_SECRET_ACCESS_KEY": minio_server.secret_key}
        return Watcher(
            tmp_path / "watcher.log",
            *("--runtime", "local", "--state-dir", str(tmp_path / "state")),
            *("--s3-endpoint", minio_server.endpoint, "--bucket", bucket.name),
            *arguments,
            **(credentials | env),
        )

    return make


def source(watcher: Watcher, name: str) -> dict[str, Any]:
    """Return the source's status; the watcher answers a moment before its sources have reported."""
    eventually(lambda: name in {item["name"] for item in watcher.status()["sources"]})
    return next(item for item in watcher.status()["sources"] if item["name"] == name)


def test_a_stream_without_bytes_is_shown_as_not_live_and_the_poll_finds_the_upload(
    watcher_of: Any, bucket: Any, tmp_path: Path
) -> None:
    """The newest MinIO sends neither headers nor events until 4 KB have gathered."""
    with watcher_of("--listen-ping", "1") as watcher:
        eventually(lambda: "no bytes for 3 s" in source(watcher, "listen")["detail"])
        assert not source(watcher, "listen")["live"]
        assert 'kubeserve_watcher_source_up{source="listen"} 0.0' in watcher.get("/metrics").data.decode()
        Uploads(bucket.client, bucket.name).put("team/iris/v1/model.joblib")
        eventually(lambda: watcher.state("iris"))
    assert any(line["event"] == "listen stream is not live" for line in lines_of(tmp_path / "watcher.log"))


def test_temporary_credentials_are_accepted_by_every_source(watcher_of: Any, bucket: Any, minio_server: Any) -> None:
    """Each request must carry the session token: MinIO rejects the access key without it."""
    keys = AssumeRoleProvider(
        sts_endpoint=minio_server.url, access_key=minio_server.access_key, secret_key=minio_server.secret_key
    ).retrieve()
    environment = {
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_SESSION_TOKEN": keys.session_token,
    }
    with watcher_of("--listen-ping", "1", **environment) as watcher:
        eventually(lambda: source(watcher, "poll")["live"])
        eventually(lambda: "no bytes for 3 s" in source(watcher, "listen")["detail"])  # accepted; see the test above


def test_events_of_the_listen_stream_give_hints_before_the_poll(watcher_of: Any, bucket: Any) -> None:
    """Even that MinIO lets events out once 4 KB have gathered: enough uploads are heard, long before a poll."""
    with watcher_of(*SLOW_POLL, "--listen-ping", "20") as watcher:
        eventually(lambda: source(watcher, "poll")["live"])
        for number in range(12):
            Uploads(bucket.client, bucket.name).put(f"team/m{number}/v1/model.joblib")
        eventually(lambda: source(watcher, "listen")["live"] and source(watcher, "listen")["hints"])
        eventually(lambda: watcher.state("m0"))


def notify(watcher: Watcher, bucket: str, key: str, token: str) -> int:
    body = {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}
    url = f"http://127.0.0.1:{watcher.port}/events"
    return urllib3.request("POST", url, json=body, headers={"Authorization": f"Bearer {token}"}).status


def test_a_notification_with_the_token_gives_a_hint_before_the_poll(watcher_of: Any, bucket: Any) -> None:
    with watcher_of(*SLOW_POLL, KUBESERVE_WEBHOOK_TOKEN="right") as watcher:
        eventually(lambda: source(watcher, "poll")["live"])
        Uploads(bucket.client, bucket.name).put("team/iris/v1/model.joblib")
        assert notify(watcher, bucket.name, "team%2Firis%2Fv1%2Fmodel.joblib", "wrong") == 401
        assert watcher.state("iris") is None
        assert notify(watcher, bucket.name, "team%2Firis%2Fv1%2Fmodel.joblib", "right") == 200
        eventually(lambda: watcher.state("iris"))


def test_a_notification_to_a_watcher_without_a_token_is_rejected(watcher_of: Any, bucket: Any) -> None:
    with watcher_of() as watcher:
        assert notify(watcher, bucket.name, "a", "") == 401
        assert "KUBESERVE_WEBHOOK_TOKEN" in source(watcher, "webhook")["detail"]


def test_a_store_that_is_down_is_shown_with_the_cause(watcher_of: Any) -> None:
    with watcher_of("--s3-endpoint", "127.0.0.1:1") as watcher:
        eventually(lambda: "nothing listens on that port" in source(watcher, "poll")["detail"])
        assert watcher.get("/readyz").status == 503
        assert watcher.get("/healthz").status == 200


class WebPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html><br>not S3</html>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_an_endpoint_that_is_not_a_store_is_shown(watcher_of: Any) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), WebPage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with watcher_of("--s3-endpoint", f"127.0.0.1:{server.server_port}") as watcher:
            eventually(lambda: "is not an S3 store" in source(watcher, "poll")["detail"])
        server.shutdown()


def test_missing_credentials_are_shown_with_what_to_set(watcher_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with watcher_of(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", HOME="/nonexistent") as watcher:
        eventually(lambda: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in source(watcher, "poll")["detail"])


def test_a_folder_that_does_not_exist_is_shown_and_never_created(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    arguments = ("--runtime", "local", "--store", f"folder:{bucket}", "--state-dir", str(tmp_path / "state"))
    with Watcher(tmp_path / "watcher.log", *arguments) as watcher:
        eventually(lambda: "there is no folder" in source(watcher, "folder")["detail"])
        assert not bucket.exists()
        (bucket / "team/iris/v1").mkdir(parents=True)
        (bucket / "team/iris/v1/model.joblib").write_bytes(b"x")
        eventually(lambda: source(watcher, "folder")["live"] and watcher.state("iris"))
