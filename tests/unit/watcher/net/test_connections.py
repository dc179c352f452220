from __future__ import annotations

import socket
import threading
from unittest.mock import Mock

import pytest
import urllib3

from tests.unit.watcher.stores.fake_store import Handler, fake_store
from watcher.net import connections
from watcher.net.calls import CallEnded, Calls
from watcher.net.connections import PROBES, SEND_BYTES, PoolManager

PATIENCE = urllib3.Timeout(300)
"""Seconds. A test in which a call waits this long has failed."""


class DroppingStore:
    """Answers the first request of each connection, and no other one: as if the network had dropped it meanwhile."""

    def __init__(self) -> None:
        self.connections: list[socket.socket] = []
        self.ended = threading.Event()

    def __call__(self, request: Handler) -> None:
        if request.connection in self.connections:
            self.ended.wait(60)
            request.close_connection = True
            return
        self.connections.append(request.connection)
        request.send(200, b"new")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REUSED_SECONDS", 0.2)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_request_on_a_dropped_connection_is_repeated_on_a_new_one(method: str) -> None:
    store, pool = DroppingStore(), PoolManager(maxsize=1, timeout=PATIENCE, retries=False)
    with fake_store(store) as server:
        for _ in range(3):
            body = None if method == "GET" else b"{}"
            assert pool.request(method, server.endpoint.url, body=body).data == b"new"
        store.ended.set()
        pool.clear()
    assert len(store.connections) == 3


@pytest.mark.usefixtures("impatient")
def test_request_that_may_not_be_made_twice_is_not_repeated() -> None:
    store, pool = DroppingStore(), PoolManager(maxsize=1, timeout=urllib3.Timeout(0.5), retries=False)
    with fake_store(store) as server:
        pool.request("GET", server.endpoint.url)
        with pytest.raises(urllib3.exceptions.ReadTimeoutError):
            pool.request("POST", server.endpoint.url, body=b"{}")
        store.ended.set()
        pool.clear()
    assert len(store.connections) == 1


@pytest.mark.usefixtures("impatient")
def test_body_on_a_reused_connection_has_the_whole_time() -> None:
    proceed, pool = threading.Event(), PoolManager(maxsize=1, timeout=PATIENCE, retries=False)

    def answer(request: Handler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "4")
        request.end_headers()
        request.wfile.write(b"b")
        request.wfile.flush()
        proceed.wait(1)
        request.wfile.write(b"ody")

    with fake_store(answer) as server:
        for _ in range(2):
            assert pool.request("GET", server.endpoint.url).data == b"body"
        pool.clear()
        assert len(server.requests) == 2


@pytest.mark.usefixtures("impatient")
def test_call_that_is_ended_does_not_repeat_its_request() -> None:
    store, calls, pool = DroppingStore(), Calls(), PoolManager(maxsize=1, timeout=PATIENCE, retries=False)
    with fake_store(store) as server:
        pool.request("GET", server.endpoint.url)
        with pytest.raises(CallEnded), calls.call(0.1):
            pool.request("GET", server.endpoint.url)
        store.ended.set()
        pool.clear()
    assert len(store.connections) == 1


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux has all of the options")
def test_connection_is_probed_by_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    probe = connections.probe
    monkeypatch.setattr(connections, "probe", lambda sock: (made.append(sock), probe(sock)))
    pool = PoolManager(maxsize=1)
    with fake_store(lambda request: request.send(200)) as server:
        pool.request("GET", server.endpoint.url)
        (sock,) = made
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        found = {name: sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in PROBES}
        pool.clear()
    assert found == PROBES
    assert found["TCP_KEEPIDLE"] + found["TCP_KEEPINTVL"] * found["TCP_KEEPCNT"] <= 15


def test_send_a_large_body_is_in_pieces_so_that_a_slow_line_has_the_timeout_for_each() -> None:
    connection = PoolManager().connection_from_url("http://store.invalid").ConnectionCls("store.invalid")
    connection.sock = Mock()
    body = bytes(range(256)) * 1024
    connection.send(body)
    sent = [bytes(call.args[0]) for call in connection.sock.sendall.call_args_list]
    assert b"".join(sent) == body
    assert max(map(len, sent)) == SEND_BYTES < len(body)
