"""Slow, many and silent clients of a real server: each is bounded, and none is in the way of others."""

from __future__ import annotations

import gzip
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import joblib
import pytest
from sklearn.linear_model import LogisticRegression

from strict_http.connection_limit import MIN_IDLE

from .driving import eventually
from .serving import STARTUP, Server, running

MB = 1 << 20
BODY = b'{"data": [[1, 1]], "by": "a test"}'
"""Sanic answers it, because of the string."""
LARGE = b'{"by": "test", "data": [' + b"[1, 1]," * 20_000 + b"[1, 1]]}"
LONG_ANSWER = b'{"data": [' + b"[1,1]," * 400_000 + b"[1,1]]}"
"""2 MB, of which `/predict_proba` makes 16 MB: more than the kernel buffers for a client that does not read."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.joblib"
    joblib.dump(LogisticRegression().fit([[0.0, 0.0], [1.0, 1.0]], ["no", "yes"]), path)
    return path


@contextmanager
def started(model: Path, *options: str) -> Iterator[Server]:
    """Yield a server that has loaded its model, and that has no connection open."""
    with running(model, *options) as server:
        eventually(lambda: is_ready(server), STARTUP)
        yield server


def is_ready(server: Server) -> bool:
    """Ask for the health on a connection that the server closes; a client of the test would keep its own."""
    try:
        with connected(server) as client:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            return everything_from(client).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Server]:
    with started(model) as server:
        yield server


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        yield client


def head(size: int, target: str = "/predict") -> bytes:
    return f"POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {size}\r\n\r\n".encode()


def everything_from(client: socket.socket) -> bytes:
    """Return all that the server sends until it closes the connection."""
    return b"".join(iter(lambda: client.recv(65536), b""))


@contextmanager
def dripping(client: socket.socket) -> Iterator[None]:
    """Send a byte now and then, in a thread, until the server closes the connection."""
    over = threading.Event()

    def drip() -> None:
        with suppress(OSError):
            while not over.wait(0.1):
                client.sendall(b"a")

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join(10)


def dripped(client: socket.socket, drops: bytes, pause: float) -> tuple[bytes, float]:
    """Send a byte now and then until the server answers and closes; return its answer, and after how many seconds."""
    began = time.monotonic()
    client.settimeout(pause)
    for at in range(len(drops)):
        client.sendall(drops[at : at + 1])
        try:
            first = client.recv(65536)
        except TimeoutError:
            continue
        client.settimeout(60)
        return first + everything_from(client), time.monotonic() - began
    raise AssertionError(f"no answer within {time.monotonic() - began} s")


def test_head_a_byte_at_a_time_is_answered_408_and_closed(model: Path) -> None:
    with started(model, "--head-timeout", "1") as server, connected(server) as client:
        answer, seconds = dripped(client, b"POST /predict HTTP/1.1\r\nX: " + b"y" * 400, 0.1)
    assert answer.startswith(b"HTTP/1.1 408")
    assert answer.endswith(b'{"error":"the head did not arrive within 1 s"}')
    assert seconds >= 1


def test_body_a_byte_at_a_time_is_answered_408_and_closed_and_counted(model: Path) -> None:
    with started(model, "--body-timeout", "1") as server, connected(server) as client:
        client.sendall(head(100_000))
        answer, seconds = dripped(client, b"{" + b" " * 400, 0.1)
        assert server.counted() == {("/predict", "408"): 1}
    assert answer.startswith(b"HTTP/1.1 408")
    assert answer.endswith(b'{"error":"the body did not arrive within 1 s, nor at 65536 bytes a second"}')
    assert seconds >= 1


@pytest.mark.parametrize("target", ["/nope", "/predict"])
def test_body_that_stalls_is_closed_whoever_reads_it(model: Path, target: str) -> None:
    with started(model, "--body-timeout", "1") as server, connected(server) as client:
        client.sendall(head(100_000, target) + b"{")
        assert everything_from(client).startswith(b"HTTP/1.1 4")


def test_body_at_the_least_rate_may_take_longer_than_the_timeout(model: Path) -> None:
    body = BODY + b" " * 40_000
    with started(model, "--body-timeout", "1", "--min-rate", "1000") as server, connected(server) as client:
        client.sendall(head(len(body)))
        began = time.monotonic()
        for at in range(0, len(body), 4000):
            client.sendall(body[at : at + 4000])
            time.sleep(0.3)
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - began > 2


def test_announced_bodies_that_do_not_arrive_take_nothing_from_others(model: Path) -> None:
    with started(model, "--body-memory", "2000000") as server, ExitStack() as slow:
        for target in ("/predict", "/v2/models/model/infer") * 3:
            slow.enter_context(connected(server)).sendall(head(10 * MB, target) + b"{")
        eventually(lambda: server.in_progress() == 6)
        assert server.send("POST", "/predict", LARGE).status == 200
        assert server.send("POST", "/predict", gzip.compress(LARGE), {"Content-Encoding": "gzip"}).status == 200


@pytest.mark.parametrize(
    "sent", [b"POST /predict HTTP/1.1\r\nHost: ", head(1000) + b"{", head(100_000, "/v2/models/model/infer") + b"{"]
)
def test_stop_does_not_wait_for_clients_that_drip(model: Path, sent: bytes) -> None:
    """A stop waits for the deadline and the last prediction, for nobody here; `process.wait` fails if it does."""
    patient = ("--deadline", "600", "--head-timeout", "600", "--body-timeout", "600")
    with started(model, *patient) as server, ExitStack() as stack:
        for client in [stack.enter_context(connected(server)) for _ in range(20)]:
            client.sendall(sent)
            stack.enter_context(dripping(client))
        assert is_ready(server)
        server.process.terminate()
        assert server.process.wait(60) == 0


def test_stop_waits_for_a_body_at_the_least_rate(model: Path) -> None:
    with started(model, "--deadline", "600", "--min-rate", "1") as server, connected(server) as client:
        client.sendall(head(len(BODY)) + BODY[:-20])
        eventually(lambda: server.in_progress() == 1)
        server.close()
        server.process.terminate()
        for at in range(20, 0, -1):
            time.sleep(0.2)
            client.sendall(BODY[len(BODY) - at : len(BODY) - at + 1])
        assert everything_from(client).startswith(b"HTTP/1.1 200")
        assert server.process.wait(60) == 0


def test_connections_beyond_the_limit_get_503_but_health_checks_and_metrics_are_answered(model: Path) -> None:
    with started(model, "--max-connections", "4") as server, ExitStack() as busy:
        clients = [busy.enter_context(connected(server)) for _ in range(4)]
        for client in clients:
            client.sendall(head(len(BODY)) + BODY[:-1])
        with closing(socket.create_connection(("127.0.0.1", server.port))) as silent:
            for _ in range(3):
                refused = server.send("POST", "/predict", BODY)
                assert (refused.status, refused.headers["Connection"]) == (503, "close")
                assert refused.headers["Retry-After"] == "1"
                assert refused.json()["error"].startswith("4 connections are open")
                assert server.healthy()
            assert re.findall(r'rejected_total{.*reason="connections"} (.*)', server.metrics()) == ["3.0"]
            silent.settimeout(60)
            assert silent.recv(1) == b""  # a place of the reserve is not kept by silence
        clients[0].sendall(BODY[-1:])
        assert clients[0].recv(65536).startswith(b"HTTP/1.1 200")
        clients[0].close()
        eventually(lambda: server.send("POST", "/predict", BODY).status == 200)


def test_connection_beyond_the_limit_takes_the_place_of_an_idle_one(model: Path) -> None:
    with started(model, "--max-connections", "2") as server, connected(server) as first, connected(server) as second:
        for client in (first, second):
            client.sendall(head(len(BODY)) + BODY)
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
        time.sleep(MIN_IDLE)
        assert server.send("POST", "/predict", BODY).status == 200
        assert first.recv(1) == b""
        second.sendall(head(len(BODY)) + BODY)
        assert second.recv(65536).startswith(b"HTTP/1.1 200")


def test_answers_that_are_not_read_are_bounded_and_given_up(model: Path) -> None:
    options = ("--answer-memory", "1000000", "--answer-timeout", "3", "--deadline", "60")
    with started(model, *options) as server, closing(socket.socket()) as unread:
        unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        unread.settimeout(60)
        unread.connect(("127.0.0.1", server.port))
        unread.sendall(head(len(LONG_ANSWER), "/predict_proba") + LONG_ANSWER)
        assert unread.recv(12) == b"HTTP/1.1 200"
        refused = long_answer_of(server)
        assert refused.startswith(b"HTTP/1.1 503")
        assert b"answers that other clients have not read take" in refused
        assert server.send("POST", "/predict", BODY).status == 200
        assert 'reason="answers"} 1.0' in server.metrics()
        eventually(lambda: long_answer_of(server).startswith(b"HTTP/1.1 200"))


def long_answer_of(server: Server) -> bytes:
    with connected(server) as client:
        client.sendall(
            head(len(LONG_ANSWER), "/predict_proba").replace(b"Host", b"Connection: close\r\nHost") + LONG_ANSWER
        )
        return everything_from(client)


@pytest.mark.parametrize(
    ("request_head", "code"),
    [
        (head(20 * MB), b"413"),
        (head(20 * MB).replace(b"Host", b"Host: b\r\nHost"), b"400"),
        (head(20 * MB, "/v2/models/model/infer"), b"413"),
        (b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % (20 * MB), b"413"),
        (b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n", b"400"),
        (b"POST /predict HTTP/1.1\r\nX: " + b"y" * 9000, b"431"),
    ],
    ids=["too large", "two hosts", "too large by V2", "too large a chunk", "odd chunk", "too large a head"],
)
def test_error_reaches_a_client_that_sends_all_of_its_body_first(
    server: Server, request_head: bytes, code: bytes
) -> None:
    with connected(server) as client:
        client.sendall(request_head)
        for _ in range(20):
            client.sendall(b" " * MB)
        answer = everything_from(client)
    assert answer.startswith(b"HTTP/1.1 " + code)
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.endswith(b"}")
