"""`python -m server` as its pod runs it, over loopback: answers, counts, start and stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import joblib
import pytest
from sklearn.linear_model import LinearRegression

from dev.processes import free_port

from .driving import eventually
from .serving import command, running

SMALL = ("--max-body-size", "8192")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.joblib"
    joblib.dump(LinearRegression().fit([[0.0, 0.0], [1.0, 1.0]], [0.0, 2.0]), path)
    return path


def test_server_answers_and_errors_are_json(model: Path) -> None:
    with running(model, *SMALL) as server:
        server.wait()
        status, answer = server.ask("POST", "/predict", b'{"data": [[1, 1]]}')
        assert (status, answer["predictions"]) == (200, pytest.approx([2.0]))
        wanted = [("POST", "/predict", b"{", 400), ("GET", "/nope", None, 404), ("GET", "/predict", None, 405)]
        for method, path, body, code in [*wanted, ("POST", "/predict", b" " * 9000, 413)]:
            status, answer = server.ask(method, path, body)
            assert (status, list(answer)) == (code, ["error"])


def test_metrics_count_each_request_once_by_route_and_code(model: Path) -> None:
    with running(model, *SMALL) as server:
        server.wait()
        good, by_name, large = b'{"data": [[1, 1]]}', b'{"data": [{"a": 1}]}', b" " * 9000
        for path, body in [("/predict", good)] * 2 + [("/predict", by_name), ("/predict", large), ("/nope/1", good)]:
            server.send("POST", path, body)
        counted, text = server.counted(), server.metrics()
    assert counted == {("/predict", "200"): 2, ("/predict", "400"): 1, ("/predict", "413"): 1, ("other", "404"): 1}
    assert 'kubeserve_phase_seconds_count{model_name="model",model_version="",phase="encode"} 2.0' in text


def test_health_until_the_model_is_loaded_is_503(model: Path) -> None:
    with running(model, *SMALL) as server:
        status, answer = eventually(lambda: server.ask("GET", "/health"))
        assert (status, answer["status"]) == (503, "loading")
        server.wait()


def test_stop_with_an_idle_connection_exits_soon(model: Path) -> None:
    with running(model, *SMALL) as server:
        server.wait()
        with socket.create_connection(("127.0.0.1", server.port)) as idle:
            idle.sendall(b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n")
            assert idle.recv(4096).startswith(b"HTTP/1.1 200")
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(10) == 0


@pytest.mark.parametrize("content", [None, b"garbage"])
def test_broken_model_ends_the_process_with_one_line(tmp_path: Path, content: bytes | None) -> None:
    path, words = tmp_path / "model.joblib", tmp_path / "termination-log"
    words.touch()
    if content is not None:
        path.write_bytes(content)
    env = {**os.environ, "KUBESERVE_TERMINATION_LOG": str(words)}
    done = subprocess.run(
        command(path, free_port(), *SMALL), env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "model.joblib" in words.read_text()


def test_model_that_cannot_be_described_ends_the_process_with_one_line(model: Path) -> None:
    estimator = joblib.load(model)
    estimator.classes_ = 5
    joblib.dump(estimator, model)
    done = subprocess.run(command(model, free_port()), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "the model cannot be described: TypeError: 'int' object is not iterable" in done.stderr
