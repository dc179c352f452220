"""Requests without an answer: at a stop, at a timeout, and when their client leaves.

The model waits for a file, so that each test decides what happens first, and none depends on the machine's speed.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import joblib
import pytest
import urllib3

from server.http.shutdown import LAST_PREDICTION

from .driving import eventually
from .serving import Server, running

GATED = '''
import time

class Gated:
    """Answers soon, but a row of a million only when the file `gate` exists."""

    n_features_in_ = 1

    def __init__(self, gate):
        self.gate = gate

    def predict(self, X):
        time.sleep(0.005)  # long enough that the server predicts in the thread
        while X[0, 0] == 1e6 and not self.gate.exists():
            time.sleep(0.01)
        return X[:, 0]
'''
AT_THE_GATE, ONE, TWO = (json.dumps({"data": rows}).encode() for rows in ([[1e6]], [[1.0]], [[1.0], [2.0]]))

HEAD = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"

IMPATIENT = "import sys; from server import __main__, app; app.LONGEST_PREDICTION = 0; sys.exit(__main__.main())"
"""The server, but a request has its deadline and not five minutes more."""


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "gate"


@pytest.fixture
def model(tmp_path: Path, gate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "gated_model.py").write_text(GATED)
    monkeypatch.syspath_prepend(str(packages))
    import gated_model  # type: ignore[import-not-found]

    joblib.dump(gated_model.Gated(gate), tmp_path / "model.joblib")
    del sys.modules["gated_model"]  # not by monkeypatch, which would put it back after the test
    return tmp_path / "model.joblib"


def in_progress(server: Server, count: int) -> bool:
    """Return whether this many requests have no answer yet."""
    return server.in_progress() == count


def has_begun_to_stop(server: Server) -> bool:
    """Return whether the server accepts no more connections: a stop begins with that."""
    try:
        socket.create_connection(("127.0.0.1", server.port)).close()
    except OSError:
        return True
    return False


@contextmanager
def asked(server: Server, *bodies: bytes) -> Iterator[list[Future[urllib3.BaseHTTPResponse]]]:
    """Send the requests in this order, and yield their answers as futures."""
    with ThreadPoolExecutor(len(bodies)) as clients:
        coming = []
        for count, body in enumerate(bodies, 1):
            coming.append(clients.submit(server.send, "POST", "/predict", body))
            eventually(partial(in_progress, server, count))
        yield coming


def test_stop_answers_running_and_queued_requests_first(
    model: Path, gate: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with running(model) as server:
        server.wait()
        with asked(server, AT_THE_GATE, ONE, TWO) as coming:
            server.process.send_signal(signal.SIGTERM)
            eventually(lambda: has_begun_to_stop(server))
            gate.touch()
        assert server.process.wait(10) == 0  # although none of the three connections was closed by its client
    answers = [each.result() for each in coming]
    assert [(each.status, each.json()["predictions"]) for each in answers] == [(200, [1e6]), (200, [1]), (200, [1, 2])]
    assert {each.headers["Connection"] for each in answers} == {"close"}
    assert "Traceback" not in capfd.readouterr().err


def test_stop_waits_for_a_prediction_longer_than_the_deadline(model: Path, gate: Path) -> None:
    with running(model, "--deadline", "0.5") as server:
        server.wait()
        with asked(server, AT_THE_GATE) as (coming,):
            server.process.send_signal(signal.SIGTERM)
            eventually(lambda: has_begun_to_stop(server))
            time.sleep(1.5)  # a stop that waited for the deadline alone would be over by now
            gate.touch()
        assert coming.result().status == 200
        assert server.process.wait(10) == 0


def test_stop_with_a_prediction_that_never_ends_exits_after_deadline_and_last_prediction(model: Path) -> None:
    with running(model, "--deadline", "1") as server:
        server.wait()
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(HEAD % len(AT_THE_GATE) + AT_THE_GATE)
            eventually(partial(in_progress, server, 1))
            server.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            server.process.wait(60)
    assert 1 < time.monotonic() - began < 1 + LAST_PREDICTION + 5  # 5: a busy machine; the chart's grace is 30 at least


def test_prediction_beyond_the_response_timeout_is_answered_and_counted_as_503(model: Path) -> None:
    with running(model, "--deadline", "1", program=("-c", IMPATIENT)) as server:
        server.wait()
        answer = server.send("POST", "/predict", AT_THE_GATE)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json()["error"].startswith("no answer within 1 s: the model takes too long")
        assert server.counted() == {("/predict", "503"): 1}
        assert in_progress(server, 0)


def test_client_that_left_is_counted_as_499(model: Path) -> None:
    with running(model) as server:
        server.wait()
        runs, waits = (socket.create_connection(("127.0.0.1", server.port)) for _ in range(2))
        with closing(runs), closing(waits):
            for connection, body in ((runs, AT_THE_GATE), (waits, ONE)):
                connection.sendall(HEAD % len(body) + body)
            eventually(lambda: in_progress(server, 2))
        eventually(lambda: in_progress(server, 0))
        assert server.counted() == {("/predict", "499"): 2}


def test_client_that_closed_its_sending_side_after_a_whole_request_is_answered(model: Path) -> None:
    with running(model) as server:
        server.wait()
        assert half_closed(server, HEAD % len(ONE) + ONE).endswith(b'{"predictions":[1.0]}')
        assert half_closed(server, (HEAD % len(ONE) + ONE) * 2).count(b"HTTP/1.1 200") == 2
        assert half_closed(server, HEAD % len(ONE) + ONE[:-1]) == b""
        assert half_closed(server, AT_THE_GATE) == b""
        assert half_closed(server, HEAD % len(AT_THE_GATE) + AT_THE_GATE) == b""  # no answer within the time for it
        eventually(lambda: in_progress(server, 0))
        assert server.counted() == {("/predict", "200"): 3, ("/predict", "499"): 2}


def half_closed(server: Server, data: bytes) -> bytes:
    """Return all that the server sends after these bytes and the end of the client's side."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))
