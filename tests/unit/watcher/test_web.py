"""The web side over a real socket: any bytes get an answer in one line, and no traceback is logged."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watcher import status_routes
from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard
from watcher.core.types import ModelId, Pods, State
from watcher.metrics import Metrics
from watcher.web import BODY_LIMIT, address_of, fill_gauges, open_socket

TOKEN = {"Authorization": "Bearer tok"}


def request(port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with closing(connection):
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()


def raw(port: int, data: bytes) -> bytes:
    """Return the first bytes of the answer to bytes that need not be HTTP."""
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        try:
            return sock.recv(65536)
        except ConnectionResetError:
            return b""


def is_one_line_error(answer: bytes) -> bool:
    return b"\n" not in answer and set(json.loads(answer)) == {"error"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", 200),
        (b'{"Records": 5}', 400),
        (b'{"Records": NaN}', 400),
        (b"[" * 100_000, 400),
        (b"\xff\xfe", 400),
        (b"x" * (BODY_LIMIT + 1), 413),
        (b"x" * 10 * BODY_LIMIT, 413),
    ],
)
def test_events_any_body_gets_an_answer_in_one_line(port: int, body: bytes, status: int) -> None:
    try:
        found, answer = request(port, "POST", "/events", body, TOKEN)
    except (BrokenPipeError, ConnectionResetError):
        assert status == 413  # the connection may be closed before all of a large body is sent
        return
    assert found == status
    assert status == 200 or is_one_line_error(answer)


def test_events_a_chunked_body_in_any_content_type_is_read(port: int) -> None:
    headers = {**TOKEN, "Content-Type": "image/png"}
    assert request(port, "POST", "/events", iter([b'{"Rec', b'ords": []}']), headers) == (200, b'{"hints":0}')


@pytest.mark.parametrize("header", ["Bearer \xe9", "Basic tok", "", "Bearer tok2"])
def test_events_a_wrong_token_is_unauthorized(port: int, header: str) -> None:
    status, answer = request(port, "POST", "/events", b"{}", {"Authorization": header})
    assert status == 401
    assert is_one_line_error(answer)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/pages/", 404),
        ("GET", "/pages/nothing.js", 404),
        ("GET", "/pages/../web.py", 404),
        ("GET", "/pages/%2e%2e%2fweb.py", 404),
        ("GET", "/pages/vendor/uplot/LICENSE", 404),
        ("POST", "/", 405),
        ("DELETE", "/status", 405),
        ("PUT", "/events", 405),
        ("GET", "/a%0ab", 404),
        ("GET", "/status/team/irs", 404),
        ("GET", "/status/%00/%0a", 404),
        ("GET", "/timeline?limit=0", 400),
        ("GET", "/timeline?limit=99999999999999999999", 400),
        ("GET", "/timeline?limit=-1", 400),
    ],
)
def test_an_unknown_path_or_method_is_a_json_error(port: int, method: str, path: str, status: int) -> None:
    found, answer = request(port, method, path)
    assert found == status
    assert is_one_line_error(answer)


@pytest.mark.parametrize(
    "path", ["/", "/pages/status.css", "/status", "/timeline", "/traffic", "/metrics", "/healthz", "/readyz", "/events"]
)
def test_head_is_answered_like_get_without_the_body(port: int, path: str) -> None:
    status, _ = request(port, "GET", path)
    assert request(port, "HEAD", path) == (status, b"")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=300),
    st.sampled_from(
        [
            b"",
            b"POST /events HTTP/1.1\r\nHost: a\r\nAuthorization: ",
            b"POST /events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer tok\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST /events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer tok\r\nContent-Length: 300\r\n\r\n",
            b"GET /",
        ]
    ),
)
def test_any_bytes_get_no_500_and_no_traceback(port: int, caplog: pytest.LogCaptureFixture, data: bytes, head: bytes) -> None:  # fmt: skip # noqa: E501
    caplog.clear()
    answer = raw(port, head + data)
    assert not answer.startswith(b"HTTP/1.1 5"), answer
    assert not [record for record in caplog.records if record.exc_info], caplog.text


def test_status_shows_what_others_wrote_clean_and_bounded(port: int, board: StatusBoard) -> None:
    board.set(ModelId("t", "m"), State.FAILED, reason="a\x1b[31m\nb" + "x" * 100_000)
    _, answer = request(port, "GET", "/status")
    reason = json.loads(answer)["models"][0]["reason"]
    assert reason.startswith("a [31m b")
    assert len(reason) < 5000
    board.drop(ModelId("t", "m"))


@pytest.mark.parametrize(("address", "clients"), [("[::]:0", ("::1", "127.0.0.1")), (":0", ("::1", "127.0.0.1")), ("[::1]:0", ("::1",)), ("localhost:0", ("localhost",))])  # fmt: skip # noqa: E501
def test_open_socket_listens_on_ipv6_and_ipv4(address: str, clients: tuple[str, ...]) -> None:
    with open_socket(address) as sock:
        port = sock.getsockname()[1]
        assert address_of(sock).endswith(f":{port}")
        for client in clients:
            socket.create_connection((client, port), 10).close()


def test_model_and_timeline_are_answered(port: int, board: StatusBoard) -> None:
    board.set(ModelId("t", "m"), State.READY, version="v1")
    _, answer = request(port, "GET", "/status/t/m")
    assert json.loads(answer)["events"][0]["state"] == "Ready"
    _, answer = request(port, "GET", "/timeline?limit=1")
    assert [event["model"] for event in json.loads(answer)["events"]] == ["m"]
    status, answer = request(port, "GET", "/status/t/n")
    assert (status, json.loads(answer)) == (404, {"error": "no model 'n': there is only m"})
    board.drop(ModelId("t", "m"))


@contextmanager
def streaming(port: int) -> Iterator[http.client.HTTPResponse]:
    """Open a stream, as soon as the server has seen the end of those before."""
    status = 503
    while status == 503:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        with closing(connection):
            connection.request("GET", "/stream")
            response = connection.getresponse()
            status = response.status
            if status == 200:
                yield response


def event_of(response: http.client.HTTPResponse) -> Any:
    """Return the data of the next event."""
    return next(json.loads(line.removeprefix(b"data: ")) for line in response if line.startswith(b"data: "))


def test_stream_sends_the_status_now_and_after_each_change(port: int, board: StatusBoard) -> None:
    with streaming(port) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert event_of(response)["models"] == []
        board.set(ModelId("t", "m"), State.READY, version="v1")
        assert [model["version"] for model in event_of(response)["models"]] == ["v1"]
    board.drop(ModelId("t", "m"))


def test_stream_without_a_change_sends_comments(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_routes, "LOOK_SECONDS", 0.001)
    with streaming(port) as response:
        event_of(response)
        assert [response.readline() for _ in range(2)] == [b"\n", b": still here\n"]


def test_streams_beyond_the_limit_are_refused_until_a_client_leaves(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_routes, "MOST_STREAMS", 1)
    monkeypatch.setattr(status_routes, "LOOK_SECONDS", 0.001)
    with streaming(port):
        status, answer = request(port, "GET", "/stream")
        assert status == 503
        assert is_one_line_error(answer)
    with streaming(port) as response:
        assert event_of(response)["models"] == []


def gauges(metrics: Metrics) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return the samples of the gauges of models, by name."""
    return {
        family.name.removeprefix("kubeserve_watcher_"): [(sample.labels, sample.value) for sample in family.samples]
        for family in metrics.registry.collect()
        if family.name.startswith("kubeserve_watcher_model")
    }


def test_fill_gauges_shows_the_state_and_the_pods_that_are_known_of_each_model() -> None:
    board, metrics = StatusBoard(), Metrics()
    iris, new = ModelId("team", "iris"), ModelId("team", "new")
    board.set(iris, State.FAILED, version="v2", pods=Pods("v1", 1, 2))
    board.set(new, State.APPLIED, version="v1")
    fill_gauges(metrics, board, SourceHealth())
    name = {"model_namespace": "team", "model_name": "iris"}
    assert gauges(metrics) == {
        "models": [({"state": "Failed"}, 1.0), ({"state": "Applied"}, 1.0)],
        "model_state": [
            ({**name, "model_version": "v2", "state": "Failed"}, 1.0),
            ({**name, "model_name": "new", "model_version": "v1", "state": "Applied"}, 1.0),
        ],
        "model_ready_pods": [(name, 1.0)],
        "model_wanted_pods": [(name, 2.0)],
    }


def test_fill_gauges_forgets_a_model_and_a_state_that_are_gone() -> None:
    board, metrics = StatusBoard(), Metrics()
    iris = ModelId("team", "iris")
    board.set(iris, State.READY, version="v1", pods=Pods("v1", 1, 1))
    fill_gauges(metrics, board, SourceHealth())
    board.drop(iris)
    fill_gauges(metrics, board, SourceHealth())
    assert gauges(metrics) == {"models": [], "model_state": [], "model_ready_pods": [], "model_wanted_pods": []}


def test_fill_gauges_has_no_gauge_for_a_source_that_is_off() -> None:
    metrics, sources = Metrics(), SourceHealth()
    sources.report("listen", live=False, detail="the store is away")
    sources.report("webhook", live=False, detail="off: set KUBESERVE_WEBHOOK_TOKEN", wanted=False)
    fill_gauges(metrics, StatusBoard(), sources)
    samples = next(item for item in metrics.registry.collect() if item.name == "kubeserve_watcher_source_up").samples
    assert [(sample.labels["source"], sample.value) for sample in samples] == [("listen", 0.0)]
