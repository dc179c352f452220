from __future__ import annotations

import base64

import pytest

from watcher.errors import Rejected
from watcher.stores.client import StoreClient, proxy_for
from watcher.stores.endpoint import Endpoint
from watcher.stores.s3_bucket import S3Bucket

from .fake_store import fake_store, listing


def test_proxy_for_follows_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_for("http://minio:9000") == ""
    monkeypatch.setenv("HTTP_PROXY", "proxy:3128")
    monkeypatch.setenv("NO_PROXY", ".svc,10.0.0.0/8")
    assert proxy_for("http://minio:9000") == "http://proxy:3128"
    assert proxy_for("http://minio.minio.svc:9000") == ""
    assert proxy_for("http://10.1.2.3:9000") == ""
    assert proxy_for("https://minio:9000") == ""


def test_requests_go_through_the_proxy_with_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_store(lambda request: request.send(200, listing(["a"]))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:p%40ss@127.0.0.1:{proxy.server_port}")
        bucket = S3Bucket(StoreClient(Endpoint.of("store.example:9000", secure=False), "us-east-1"), "models")
        assert [item.key for item in bucket.list()] == ["a"]
        bucket.close()
        path, headers = proxy.requests[0]
    assert path.startswith("http://store.example:9000/models?")
    assert base64.b64decode(headers["proxy-authorization"].removeprefix("Basic ")) == b"me:p@ss"


@pytest.mark.parametrize("proxy", ["socks5://proxy:1080", "http://[::1", "http://proxy:port"])
def test_a_proxy_that_cannot_be_used_is_rejected_in_words(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(Rejected, match="HTTP_PROXY or HTTPS_PROXY: expected http://host:port"):
        StoreClient(Endpoint.of("minio:9000", secure=False), "us-east-1")


def test_given_keys_replace_those_of_the_environment() -> None:
    client = StoreClient(Endpoint.of("minio:9000", secure=False), "us-east-1", keys=("own", "other"))
    assert (client.credentials().access_key, client.credentials().secret_key) == ("own", "other")


def test_the_listen_stream_s_request_carries_the_session_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    with fake_store(lambda request: request.send(200, b"{}\n", Content_Type="text/plain")) as server:
        client = StoreClient(server.endpoint, "us-east-1")
        with client.call("following", seconds=None):
            assert client.notifications("models", ["s3:ObjectCreated:*"], 10).read() == b"{}\n"
        client.close()
        path, headers = server.requests[0]
    assert "events=s3%3AObjectCreated%3A%2A" in path
    assert headers["X-Amz-Security-Token"] == "token"
    assert "x-amz-security-token" in headers["Authorization"]
