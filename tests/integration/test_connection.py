"""The fast path on real connections: pieces, pipelines, turns with refused requests, the drain, and the metrics."""

from __future__ import annotations

import gzip
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import joblib
import pytest
from sklearn.linear_model import LogisticRegression

from .driving import eventually
from .serving import Server, running

BODY = b'{"data": [[1, 1]]}'
BY_NAME = b'{"data": [{"a": 1}]}'
ANSWER = b'{"predictions":["yes"]}'


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.joblib"
    joblib.dump(LogisticRegression().fit([[0.0, 0.0], [1.0, 1.0]], ["no", "yes"]), path)
    return path


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Server]:
    with running(model) as started:
        started.wait()
        yield started


class Client:
    """A bare connection: the bytes arrive as they are sent."""

    def __init__(self, connected: socket.socket, answers: BinaryIO) -> None:
        self._socket, self._answers = connected, answers

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._socket.sendall(piece)

    def answer(self) -> tuple[bytes, bytes]:
        """Return the head and the body of the next answer."""
        head = b"".join(iter(self._answers.readline, b"\r\n"))
        found = re.search(rb"content-length: (\d+)", head)
        return head, self._answers.read(int(found[1])) if found else b""

    def ended(self) -> bool:
        return self._answers.read() == b""


@contextmanager
def connected(server: Server) -> Iterator[Client]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as made, made.makefile("rb") as answers:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Client(made, answers)


def request(body: bytes = BODY, target: str = "/predict", fields: str = "") -> bytes:
    head = f"POST {target} HTTP/1.1\r\nHost: test\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_fast_path_answer_equals_sanics_byte_by_byte(server: Server) -> None:
    with connected(server) as client:
        client.send(request(target="/predict?sanics=1"))
        sanics = client.answer()
        client.send(request())
        assert client.answer() == sanics
    assert sanics[1] == ANSWER


def test_fast_path_requests_in_any_pieces_are_answered(server: Server) -> None:
    whole = request()
    with connected(server) as client:
        client.send(*(whole[at : at + 1] for at in range(len(whole))))
        assert client.answer()[1] == ANSWER
        client.send(whole[: -len(BODY)], BODY)
        assert client.answer()[1] == ANSWER
        client.send(whole * 3)
        assert [client.answer()[1] for _ in range(3)] == [ANSWER] * 3
        client.send(whole + whole[:50], whole[50:])
        assert [client.answer()[1] for _ in range(2)] == [ANSWER] * 2


def test_fast_path_and_sanic_take_turns_on_one_connection(server: Server) -> None:
    with connected(server) as client:
        for _ in range(3):
            client.send(request())
            assert client.answer()[1] == ANSWER
            client.send(request(BY_NAME)[:-3], request(BY_NAME)[-3:])
            assert client.answer()[0].startswith(b"HTTP/1.1 400")
            client.send(request(b'{"instances": [[1, 1]]}', "/v1/models/model:predict"))
            assert client.answer()[1] == ANSWER


def test_refused_request_body_is_not_read_as_the_next_request(server: Server) -> None:
    hidden = request()
    with connected(server) as client:
        client.send(request(hidden, "/nope")[: -len(hidden)])
        assert client.answer()[0].startswith(b"HTTP/1.1 404")
        client.send(hidden)
        client.send(request(b"{", "/predict"))
        assert client.answer()[0].startswith(b"HTTP/1.1 400")


def test_connection_close_ends_the_connection_after_the_answer(server: Server) -> None:
    with connected(server) as client:
        client.send(request(fields="Connection: close\r\n"))
        head, body = client.answer()
        assert (b"connection: close" in head, body) == (True, ANSWER)
        assert client.ended()


def test_metrics_count_fast_path_and_sanic_as_one_endpoint(model: Path) -> None:
    with running(model) as server:
        server.wait()
        for target, key in (("/predict", b"data"), ("/v1/models/model:predict", b"instances")):
            for body in (b'{"%b": [[1, 1]]}' % key, b'{"%b": [[1, 1]], "more": "words"}' % key):
                assert server.ask("POST", target, body)[0] == 200
        counted, text = server.counted(), server.metrics()
    assert counted == {("/predict", "200"): 2, ("/v1/models/{model}:predict", "200"): 2}
    timed = dict(re.findall(r'kubeserve_request_duration_seconds_count{endpoint="([^"]+)",.*} (\d+)', text))
    assert {timed[endpoint] for endpoint, _ in counted} == {"2"}


def test_drain_partial_request_is_answered_and_its_connection_closed(model: Path) -> None:
    with running(model, "--drain-seconds", "30") as server:
        server.wait()
        with connected(server) as client:
            client.send(request()[:-1])
            eventually(lambda: b"200" in client_of(server))
            server.process.send_signal(signal.SIGTERM)
            eventually(lambda: b"connection: close" in client_of(server))
            client.send(request()[-1:])
            head, body = client.answer()
        assert (b"connection: close" in head, body) == (True, ANSWER)


LARGE = b'{"by": "test", "data": [' + b"[1, 1]," * 20_000 + b"[1, 1]]}"
"""140 KB, with a string in it, so that Sanic answers it."""
INFER = b'{"inputs": [{"name": "x", "shape": [150000, 2], "datatype": "FP64", "data": [' + b"1," * 299_999 + b"1]}]}"
"""600 KB: received by large_body."""


@pytest.mark.parametrize("target", ["/predict", "/v2/models/model/infer"])
def test_body_memory_beyond_the_limit_is_rejected_until_the_others_are_gone(model: Path, target: str) -> None:
    body = LARGE if target == "/predict" else INFER
    with running(model, "--body-memory", "250000") as server:
        server.wait()
        with connected(server) as client:
            client.send(request(LARGE)[:-100])
            eventually(server.in_progress)
            refused = server.send("POST", target, body)
            assert refused.status == 503
            assert refused.headers["Retry-After"] == "1"
            assert "of 250000 bytes" in refused.json()["error"]
            packed = server.send("POST", target, gzip.compress(body), {"Content-Encoding": "gzip"})
            assert packed.status == 503
            chunks = b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(
                b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:70_000], body[70_000:], b"")
            )
            with connected(server) as other:
                other.send(request(target=target).partition(b"Content-Length")[0], chunks)
                assert other.answer()[0].startswith(b"HTTP/1.1 503")
            client.send(request(LARGE)[-100:])
            assert client.answer()[0].startswith(b"HTTP/1.1 200")
        assert server.send("POST", target, body).status == 200
        assert server.send("POST", target, gzip.compress(body), {"Content-Encoding": "gzip"}).status == 200
        scraped = server.metrics()
    assert 'kubeserve_rejected_total{model_name="model",model_version="",reason="bodies"} 3.0' in scraped


def client_of(server: Server) -> bytes:
    """Return the head of an answer on another connection."""
    with connected(server) as client:
        client.send(request())
        return client.answer()[0]
