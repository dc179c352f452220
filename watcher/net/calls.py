"""HTTP calls that end: after a limit in seconds, or when the client is closed, whatever the other side does.

urllib3's timeouts bound each wait for bytes. A server that sends one byte every ten seconds never exceeds them, and no
timeout ends early when the watcher stops. So each call records the connections that it uses, and another thread can
shut down their sockets, which ends the wait in `recv` immediately.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from urllib3.connection import HTTPConnection

CALL_SECONDS = 30.0
"""Seconds. A page of a listing, or a small file, arrives in a fraction of one; the next survey tries again."""
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
"""Seconds without a byte of an answer. The store's and the API server's calls are small: what is silent for longer is
dead, or too slow to work with, and the status says so."""


class CallEnded(Exception):  # noqa: N818 - not an error of the call: it was ended
    """A call was ended before its answer was complete; the message says why."""


class Calls:
    """The calls of one client. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: set[Call] = set()
        self._closed = False

    @contextmanager
    def call(self, seconds: float | None = CALL_SECONDS) -> Iterator[None]:
        """Run one call with a limit, or without one for a stream. A call includes the reading of its answer.

        Raises:
            CallEnded: the limit was reached, or `close` was called. What was read so far may be incomplete.

        """
        call = Call()
        with self._lock:
            if self._closed:
                raise CallEnded("the client is closed")
            self._active.add(call)
        timer = _timer(seconds, call) if seconds else None
        token = _CURRENT.set(call)
        try:
            yield
        except Exception as error:
            if ended := call.finish():
                raise CallEnded(ended) from error
            raise
        finally:
            _CURRENT.reset(token)
            if timer:
                timer.cancel()
            with self._lock:
                self._active.discard(call)
        if ended := call.finish():  # a body without a length looks complete when its connection is shut down
            raise CallEnded(ended)

    def close(self) -> None:
        """End every call now, and each later one at its start. Safe to repeat."""
        with self._lock:
            self._closed = True
            active = list(self._active)
        for call in active:
            call.end("the client is closed")


class Call:
    """The connections that one call uses, and why it was ended ("" while it was not).

    The sockets are kept as well: http.client takes the socket away from a connection whose response says
    `Connection: close`, while the body is still to be read from it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: list[HTTPConnection] = []
        self._sockets: list[Any] = []
        self._ended = ""
        self._finished = False

    def use(self, connection: HTTPConnection) -> None:
        """Register a connection. Raise CallEnded if the call was ended already."""
        with self._lock:
            if self._ended:
                raise CallEnded(self._ended)
            self._connections.append(connection)
            self._sockets.append(connection.sock)

    def end(self, reason: str) -> None:
        """Shut down the connections, unless the call has finished: they may serve another one by now."""
        with self._lock:
            if self._finished or self._ended:
                return
            self._ended = reason
            for sock in [*self._sockets, *(connection.sock for connection in self._connections)]:
                _shut_down(sock)

    def finish(self) -> str:
        """Return why the call was ended, or "". It can no longer be ended afterwards."""
        with self._lock:
            self._finished = True
            return self._ended


def _shut_down(sock: Any) -> None:
    """Wake the thread that waits for bytes. SSLSocket's own shutdown would change its state during that read."""
    if sock is not None:
        with suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _timer(seconds: float, call: Call) -> threading.Timer:
    timer = threading.Timer(seconds, call.end, [f"no complete answer within {seconds:g} s"])
    timer.daemon = True
    timer.start()
    return timer


_CURRENT: ContextVar[Call | None] = ContextVar("current call", default=None)


def register(connection: HTTPConnection) -> None:
    """Register a connection with the call of this thread: urllib3 creates and picks connections by itself."""
    if call := _CURRENT.get():
        call.use(connection)
