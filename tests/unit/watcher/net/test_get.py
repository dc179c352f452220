from __future__ import annotations

import socket
import threading
import time

import pytest

from tests.unit.watcher.control.test_loaded_as import answering, http
from watcher.net.get import Getter


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (http(b"fine"), b"fine"),
        (http(b""), b""),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (http(b"x" * 1001), None),
        (http(b"moved", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/"), None),
        (http(b"busy", b"HTTP/1.1 503 Unavailable"), None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", None),
        (b"nothing of HTTP\r\n\r\n", None),
        (b"", None),
    ],
)
def test_get_returns_a_whole_answer_within_the_limit(content: bytes, expected: bytes | None) -> None:
    with answering(content) as url:
        assert Getter().get(url, seconds=30, most=1000) == expected


def test_get_of_nothing_is_none() -> None:
    assert Getter().get("http://127.0.0.1:1", seconds=30, most=1000) is None
    assert Getter().get("no url at all", seconds=30, most=1000) is None


def begin_and_wait(connection: socket.socket) -> None:
    """Send the beginning of an answer, and nothing more until the client ends the connection."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    while connection.recv(1000):
        pass


def test_get_ends_when_it_is_closed_and_makes_no_other() -> None:
    getter, found = Getter(), list[bytes | None]()
    with answering(begin_and_wait) as url:
        thread = threading.Thread(target=lambda: found.append(getter.get(url, seconds=600, most=1000)))
        thread.start()
        while not getter._calls._active:
            time.sleep(0.001)
        getter.close()
        thread.join(60)
        assert found == [None]
        assert getter.get(url, seconds=600, most=1000) is None
