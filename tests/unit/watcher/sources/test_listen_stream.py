from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.unit.watcher.stores.fake_store import Handler, fake_store, silent_port
from watcher.control.source_health import SourceHealth
from watcher.errors import Retryable
from watcher.sources import listen_stream
from watcher.sources.base import Reporter
from watcher.sources.listen_stream import UNSUPPORTED, ListenStream, pause_after
from watcher.stores.endpoint import Endpoint

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
EVENT = b'{"Records": [{"s3": {"bucket": {"name": "models"}, "object": {"key": "a/b"}}}]}\n'


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@contextmanager
def following(endpoint: Endpoint) -> Iterator[tuple[list[str], Callable[[], Any]]]:
    """Follow the stream at `endpoint` with a ping of a second; return the hints and the status of the source."""
    hints: list[str] = []
    health = SourceHealth()
    stream = ListenStream(endpoint, "us-east-1", "models", 1, Reporter("listen", hints.append, health))
    stream.start()
    yield hints, lambda: health.all()[0]
    started = time.monotonic()
    stream.stop()
    stream.join(60)
    assert not stream.is_alive()
    assert time.monotonic() - started < 3  # a stop does not wait for the store


def eventually(look: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not look():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_stream_that_sends_an_event_is_live_and_its_hints_are_counted() -> None:
    seen = threading.Event()

    def send_event_and_wait(request: Handler) -> None:
        request.wfile.write(HEAD + EVENT)
        request.wfile.flush()
        seen.wait(60)
        request.close_connection = True

    with fake_store(send_event_and_wait) as server, following(server.endpoint) as (hints, status):
        eventually(lambda: hints == ["", "a/b"])
        eventually(lambda: (status().live, status().hints) == (True, 2))
        seen.set()
        eventually(lambda: status().detail == "the store closed the stream")
        assert not status().live


def test_a_stream_without_bytes_is_not_live_and_says_for_how_long() -> None:
    with silent_port() as endpoint, following(endpoint) as (hints, status):
        eventually(lambda: "no bytes for 3 s" in status().detail)
        assert (status().live, hints) == (False, [])


@pytest.mark.parametrize(
    ("code", "headers", "reason"),
    [
        (200, {"Content-Type": "application/xml"}, "the store has no listen stream"),
        (400, {"Content-Type": "text/plain"}, "HTTP 400 that is not S3's"),
    ],
)
def test_a_store_without_the_stream_is_reported(code: int, headers: dict[str, str], reason: str) -> None:
    store = fake_store(lambda request: request.send(code, b"<a/>", **headers))
    with store as server, following(server.endpoint) as (_, status):
        eventually(lambda: reason in status().detail)


def test_an_event_that_nests_too_deep_does_not_end_the_stream() -> None:
    def answer(request: Handler) -> None:
        request.wfile.write(HEAD + b"[" * 100_000 + b"\n" + EVENT)
        time.sleep(2)

    with fake_store(answer) as server, following(server.endpoint) as (hints, _):
        eventually(lambda: hints == ["", "a/b"])


def test_pause_is_a_second_at_least_and_long_only_where_there_is_no_stream() -> None:
    pauses = {
        reason: [pause_after(failures, Retryable(reason, "")) for failures in range(1, 100)]
        for reason in ("StreamEnded", "StoreUnreachable", UNSUPPORTED)
    }
    assert min(map(min, pauses.values())) >= 1
    assert max(pauses["StreamEnded"] + pauses["StoreUnreachable"]) <= 5
    assert max(pauses[UNSUPPORTED]) > 40


def test_a_stream_that_ends_again_and_again_is_followed_with_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    monkeypatch.setattr(listen_stream, "pause_after", lambda failures, _: counted.append(failures) or 0.01)

    def end(request: Handler) -> None:
        request.wfile.write(HEAD + b" \n")
        request.close_connection = True

    with fake_store(end) as server, following(server.endpoint):
        eventually(lambda: len(counted) >= 4)
    assert counted[:4] == [1, 2, 3, 4]


def test_a_stream_that_lasted_is_followed_again_after_the_shortest_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    monkeypatch.setattr(listen_stream, "pause_after", lambda failures, _: counted.append(failures) or 0.01)
    monkeypatch.setattr(listen_stream, "LASTING_SECONDS", 0)

    def end(request: Handler) -> None:
        request.wfile.write(HEAD + b" \n")
        request.close_connection = True

    with fake_store(end) as server, following(server.endpoint):
        eventually(lambda: len(counted) >= 3)
    assert counted[:3] == [1, 1, 1]
