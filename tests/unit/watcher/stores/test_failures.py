from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from watcher.errors import WatcherError
from watcher.stores.client import StoreClient
from watcher.stores.endpoint import Endpoint
from watcher.stores.s3_bucket import S3Bucket

from .fake_store import FakeStore, fake_store, listing


def failure(endpoint: str) -> str:
    bucket = S3Bucket(StoreClient(Endpoint.of(endpoint, secure=False), "us-east-1"), "models")
    with pytest.raises(WatcherError) as caught:
        bucket.list()
    bucket.close()
    message = str(caught.value)
    assert message.startswith("listing bucket models: ")
    assert "\n" not in message
    return message


@contextmanager
def tls_store(authority: trustme.CA) -> Iterator[FakeStore]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with FakeStore(lambda request: request.send(200, listing(["a"]))) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_closed_port_is_named() -> None:
    assert "nothing listens on that port (connection refused)" in failure("127.0.0.1:1")


def test_a_host_without_dns_is_named() -> None:
    assert "the host name 'nowhere.invalid' is unknown (DNS)" in failure("nowhere.invalid:9000")


def test_a_certificate_of_another_authority_is_named_and_aws_ca_bundle_trusts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    with tls_store(authority) as server:
        assert "its certificate is not trusted" in failure(f"https://127.0.0.1:{server.server_port}")
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        endpoint = Endpoint.of(f"https://127.0.0.1:{server.server_port}", secure=False)
        bucket = S3Bucket(StoreClient(endpoint, "us-east-1"), "models")
        assert [item.key for item in bucket.list()] == ["a"]
        bucket.close()


def test_tls_spoken_to_a_plain_port_is_named() -> None:
    with fake_store(lambda request: request.send(200)) as server:
        assert "the port does not speak TLS" in failure(f"https://127.0.0.1:{server.server_port}")


def test_plain_http_spoken_to_a_tls_port_is_named() -> None:
    go_answer = b"Client sent an HTTP request to an HTTPS server.\n"
    with fake_store(lambda request: request.send(400, go_answer, Content_Type="text/plain")) as server:
        assert "use https:// in the endpoint" in failure(f"127.0.0.1:{server.server_port}")


def test_a_dead_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert "the proxy fails: nothing listens on that port" in failure("store.example:9000")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert "the proxy fails: nothing listens on that port" in failure("https://store.example:9000")
