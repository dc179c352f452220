"""HTTP connections: strict ones that count the memory they take, and one that also has a fast path.

The fast path answers plain POSTs to known endpoints inside `data_received`; everything else is passed to Sanic
unchanged. Of the 48 µs that a small request takes through Sanic, 32 go into waking the connection's task, making a
request and a response with their headers, and looking up the route. Nothing is answered here that Sanic would refuse
(docs/adr/0007).
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

from server.http.fast_path import FastPath
from server.http.request_head import HEAD
from strict_http.sanic_connection import StrictConnection, max_head_size

RESPONSE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: keep-alive\r\n\r\n%b"
)

MAX_BUFFERED = 64 * 1024
"""Bytes. Many clients send the body after the head: up to this size it is buffered here. Sanic receives larger ones."""


class Connection(StrictConnection):
    """A connection whose buffers count in the app's budgets."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Override: stop reading while the buffers of all connections take too much."""
        super().data_received(data)
        if not self.count_buffered() and not self.transport.is_closing():
            self.transport.pause_reading()  # Sanic resumes it when it has taken what is there

    def count_buffered(self) -> bool:
        """Count what was received and not taken by a request yet; return whether it fits into the memory."""
        return bool(self.app.ctx.body_budget.hold(self, self.buffered_size))

    def connection_lost(self, exc: Exception | None) -> None:
        """Override: give back the memory."""
        super().connection_lost(exc)
        self.app.ctx.body_budget.release(self)
        self.app.ctx.answer_budget.release(self)

    def record_refusal(self) -> None:
        """Override: count it in the metrics."""
        self.app.ctx.metrics.record_rejection("connections")

    def admit_answer(self, size: int) -> None:
        """Override: refuse an answer for which there is no memory. Raise Overloaded."""
        if not self.is_lost:
            self.app.ctx.answer_budget.admit(self, size)

    def after_answer(self) -> None:
        """Override: forget an answer that went out at once, or nearly."""
        if self.can_write:
            self.app.ctx.answer_budget.release(self)

    def resume_writing(self) -> None:
        """Override: forget an answer that was read, but for its end."""
        self.app.ctx.answer_budget.release(self)
        super().resume_writing()  # type: ignore[no-untyped-call]


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
                self._count_or_pass_on()
                return
            data = self._taken()
        # Sanic refuses a head with max_head_size() bytes before its blank line, whose four bytes the match includes.
        head = HEAD.match(data, 0, max_head_size() + 3) if self.awaits_request() else None
        missing = head.end() + int(head["length"]) - len(data) if head else -1
        if head and not missing and (body := self._answer_of(head["target"], data[head.end() :], began)) is not None:
            self.restart_timeout()
            self.transport.write(RESPONSE % (len(body), body))
        elif head and 0 < missing <= MAX_BUFFERED - len(data) and head["target"] in self._fast_path.endpoints:
            self.restart_timeout()
            self._buffer, self._expected = bytearray(data), len(data) + missing
            self._count_or_pass_on()
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
        self.hurry()
        return False

    def idle_since(self) -> float | None:
        """Override: a connection with a partial request is not idle."""
        return None if self._buffer else super().idle_since()

    @property
    def _fast_path(self) -> FastPath:
        return self.app.ctx.fast_path  # type: ignore[no-any-return]

    def _count_or_pass_on(self) -> None:
        """Count the partial request. Where there is no memory for it, Sanic gets it, which then refuses it."""
        if not self.app.ctx.body_budget.hold(self, len(self._buffer)):
            super().data_received(self._taken())

    def _taken(self) -> bytes:
        taken, self._buffer = bytes(self._buffer), bytearray()
        self.app.ctx.body_budget.hold(self, 0)
        return taken

    def _answer_of(self, target: bytes, body: bytes, began: float) -> bytes | None:
        """Return the answer's body, or None if this is not a request for the fast path."""
        return self._fast_path.answer(target, body, began) if len(body) <= self.max_body_size else None
