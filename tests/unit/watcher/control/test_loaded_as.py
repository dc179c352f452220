from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from watcher.control import loaded_as
from watcher.control.loaded_as import LoadedAs, ask_health
from watcher.control.status_board import StatusBoard
from watcher.core.types import ModelId, State

IRIS = ModelId("team", "iris")


@contextmanager
def answering(content: bytes | Callable[[socket.socket], None]) -> Iterator[str]:
    """Answer every connection with these bytes, or by this function, and yield the URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(1000)
                        if callable(content):
                            content(connection)
                        else:
                            connection.sendall(content)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(60)


def http(body: bytes, head: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (http(b'{"status": "ok", "loaded": "data"}'), "data"),
        (http(b'{"status": "ok", "loaded": "code"}'), "code"),
        (http(b'{"loaded": "\\u001b[31m"}'), ""),
        (http(b'{"loaded": ["data"]}'), ""),
        (http(b'{"status": "ok"}'), ""),
        (http(b"[]"), ""),
        (http(b"data"), ""),
        (http(b"[" * 4096), ""),  # deeper than the parser goes
        (http(b'{"loaded": "data", "a": "' + b"x" * 10_000 + b'"}'), ""),
        (http(b"", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/"), ""),
        (b"nothing of HTTP\r\n\r\n", ""),
        (b"", ""),
    ],
)
def test_ask_health_returns_only_the_known_words(content: bytes, expected: str) -> None:
    with answering(content) as url:
        assert ask_health(url) == expected


def test_ask_health_of_nothing_is_empty() -> None:
    assert ask_health("http://127.0.0.1:1") == ""


def test_ask_health_of_a_server_that_drips_ends_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded_as, "WHOLE_TIMEOUT", 0.1)
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not ended.wait(0.02):
            connection.sendall(b"x")

    with answering(drip) as url:
        assert ask_health(url) == ""
    ended.set()


def test_a_ready_model_is_asked_once_until_its_status_changes() -> None:
    board, asked, says = StatusBoard(), list[str](), ["data"]
    watched = LoadedAs(board, lambda url: asked.append(url) or says[0])
    board.set(IRIS, State.PROGRESSING, url="http://a")
    watched.ask_all()
    assert (asked, board.models()[0].loaded) == ([], "")
    board.set(IRIS, State.READY, url="http://a")
    watched.ask_all()
    watched.ask_all()
    assert (asked, board.models()[0].loaded) == (["http://a"], "data")
    says[0] = "code"
    board.set(IRIS, State.READY, version="v2", url="http://a")
    assert board.models()[0].loaded == ""
    watched.ask_all()
    assert (len(asked), board.models()[0].loaded) == (2, "code")


def test_a_model_is_asked_at_its_address_inside_the_cluster() -> None:
    board, asked = StatusBoard(), list[str]()
    board.set(IRIS, State.READY, url="https://models.example.com/team/iris")
    LoadedAs(board, lambda url: asked.append(url) or "", lambda status: f"http://{status.model}").ask_all()
    assert asked == ["http://iris"]


def test_a_model_that_did_not_say_is_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    board, asked = StatusBoard(), list[str]()
    watched = LoadedAs(board, lambda url: asked.append(url) or "")
    board.set(IRIS, State.READY, url="http://a")
    watched.ask_all()
    watched.ask_all()
    assert len(asked) == 1
    monkeypatch.setattr(loaded_as, "ASK_AGAIN", 0.0)
    watched.ask_all()
    assert len(asked) == 2


def test_a_model_that_is_gone_is_forgotten() -> None:
    board = StatusBoard()
    watched = LoadedAs(board, lambda _: "data")
    board.set(IRIS, State.READY, url="http://a")
    watched.ask_all()
    board.drop(IRIS)
    watched.ask_all()
    assert watched._asked == {}


def test_start_asks_in_a_thread_until_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded_as, "INTERVAL", 0.001)
    board, asked = StatusBoard(), threading.Event()
    board.set(IRIS, State.READY, url="http://a")
    watched = LoadedAs(board, lambda _: asked.set() or "data")
    watched.start()
    assert asked.wait(60)
    watched.stop()
    watched._thread.join(60)
    assert not watched._thread.is_alive()
