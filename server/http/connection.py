"""HTTP connections: Sanic's with a bound on slow bodies, and one that also has a fast path.

The fast path answers plain POSTs to known endpoints inside `data_received`; everything else is passed to Sanic
unchanged. Of the 48 µs that a small request takes through Sanic, 32 go into waking the connection's task, making a
request and a response with their headers, and looking up the route. Nothing is answered here that Sanic would refuse
(docs/adr/0007).
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

from sanic.exceptions import RequestTimeout

from server.http.fast_path import FastPath
from server.http.request_head import HEAD
from server.http.sanic_internals import SanicConnection, max_head_size

RESPONSE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: keep-alive\r\n\r\n%b"
)

MAX_BUFFERED = 64 * 1024
"""Bytes. Many clients send the body after the head: up to this size it is buffered here. Sanic receives larger ones."""

LINGER = 1.0
"""Seconds between the answer to a timed-out request and the close of its connection. An immediate close may reset the
connection while the client still sends, and the client then cannot read the answer."""


class Connection(SanicConnection):
    """Sanic's connection, with a bound on the wait for the rest of a body."""

    __slots__ = ()

    def check_timeouts(self) -> None:
        """Override: answer 408 when a body stalls, and close the connection after any timeout.

        Sanic gives each piece of a body as long as a prediction may take, which is minutes, while the body takes of the
        memory that all requests share. After a timeout it waits for the rest of the body without a limit.
        """
        if self.body_stalls():
            self.cancel_request(RequestTimeout(f"no more of the body came within {self.piece_timeout} s"))
        else:
            super().check_timeouts()  # type: ignore[no-untyped-call]
        if self.was_cancelled():
            self.loop.call_later(LINGER, self.close)


class FastPathConnection(Connection):
    """A connection on which `app.ctx.fast_path` answers what it can while Sanic waits for the next request."""

    __slots__ = ("_buffer", "_expected")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._buffer = bytearray()
        """The first part of a request of `_expected` bytes."""
        self._expected = 0

    def data_received(self, data: bytes) -> None:
        """Override: answer a whole plain request, buffer the first part of one, and pass all else to Sanic."""
        began = perf_counter()
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._expected:
                self.restart_timeout()
                return
            data = self._taken()
        # Sanic refuses a larger head by where its blank line begins.
        head = HEAD.match(data, 0, max_head_size() + 3) if self.awaits_request() else None
        missing = head.end() + int(head["length"]) - len(data) if head else -1
        if head and not missing and (body := self._answer(head["target"], data[head.end() :], began)) is not None:
            self.restart_timeout()
            self.transport.write(RESPONSE % (len(body), body))
        elif head and 0 < missing <= MAX_BUFFERED - len(data) and head["target"] in self._fast_path.endpoints:
            self.restart_timeout()
            self._buffer, self._expected = bytearray(data), len(data) + missing
        else:
            super().data_received(data)

    def check_timeouts(self) -> None:
        """Override: pass a buffered partial request to Sanic first; otherwise Sanic would treat it as an idle wait."""
        if self._buffer:
            super().data_received(self._taken())
        super().check_timeouts()

    def close_if_idle(self) -> bool:
        """Override: when the server stops, a connection with a partial request is not idle."""
        if not self._buffer:
            return bool(super().close_if_idle())
        super().data_received(self._taken())
        return False

    @property
    def _fast_path(self) -> FastPath:
        return self.app.ctx.fast_path  # type: ignore[no-any-return]

    def _taken(self) -> bytes:
        taken, self._buffer = bytes(self._buffer), bytearray()
        return taken

    def _answer(self, target: bytes, body: bytes, began: float) -> bytes | None:
        """Return the answer's body, or None if this is not a request for the fast path."""
        return self._fast_path.answer(target, body, began) if len(body) <= self.max_body_size else None
