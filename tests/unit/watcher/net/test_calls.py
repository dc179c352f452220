from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import urllib3

from tests.unit.watcher.stores.fake_store import Handler, fake_store, silent_port
from watcher.errors import Retryable
from watcher.net.calls import CallEnded, Calls
from watcher.net.connections import PoolManager
from watcher.stores.client import StoreClient
from watcher.stores.s3_bucket import S3Bucket


def drip_body(request: Handler) -> None:
    """Send a byte at a time, without end: no wait for bytes is ever long."""
    request.send_response(200)
    request.send_header("Connection", "close")
    request.end_headers()
    while True:
        request.wfile.write(b"x")
        time.sleep(0.05)


def drip_head(request: Handler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        request.wfile.write(b"x")
        request.wfile.flush()
        time.sleep(0.05)


@pytest.mark.parametrize("answer", [drip_body, drip_head])
def test_call_a_server_that_drips_ends_at_the_limit(answer: Callable[[Handler], None]) -> None:
    calls = Calls()
    pool = PoolManager(timeout=urllib3.Timeout(5), retries=urllib3.Retry(2))
    ended = pytest.raises(CallEnded, match=r"no complete answer within 0\.3 s")
    with fake_store(answer) as server, ended, calls.call(0.3):
        pool.request("GET", server.endpoint.url)


def test_call_within_the_limit_leaves_the_connection_usable() -> None:
    calls, pool = Calls(), PoolManager(maxsize=1)
    with fake_store(lambda request: request.send(200, b"ok")) as server:
        for _ in range(2):
            with calls.call(1.0):
                assert pool.request("GET", server.endpoint.url).data == b"ok"
            time.sleep(1.1)  # longer than the limit: a call that is over must not be ended
        opened = pool.connection_from_url(server.endpoint.url).num_connections  # type: ignore[attr-defined]
    pool.clear()
    assert opened == 1


def test_close_ends_a_call_that_waits_and_every_later_one() -> None:
    with silent_port() as endpoint:
        bucket = S3Bucket(StoreClient(endpoint, "us-east-1"), "models")
        errors: list[BaseException] = []

        def run() -> None:
            try:
                bucket.list()
            except Retryable as error:
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        time.sleep(0.3)
        started = time.monotonic()
        bucket.close()
        thread.join(10)
        assert not thread.is_alive()
        assert time.monotonic() - started < 5
        with pytest.raises(Retryable, match="the client is closed"):
            bucket.list()
    assert ["the client is closed" in str(error) for error in errors] == [True]
