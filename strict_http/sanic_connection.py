"""Sanic's HTTP/1.1 and connection, made strict. The only module here that uses what Sanic does not document.

Each such attribute is listed in INTERNALS. `test_sanic_internals.py` fails in words if Sanic renames one of them, or if
another module uses one. Sanic's minor version is pinned in pyproject.toml.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from http import HTTPStatus
from time import monotonic
from typing import Any

from sanic import Sanic
from sanic.exceptions import BadRequest, BadURL, PayloadTooLarge, RequestTimeout, SanicException, ServiceUnavailable
from sanic.http import Http, Stage
from sanic.server.protocols.http_protocol import HttpProtocol

from strict_http.chunks import ChunkError, Chunks
from strict_http.connection_limit import ConnectionLimit
from strict_http.head import is_hopeless, refusal_of
from strict_http.limits import Limits
from strict_http.lingering import MAX_SECONDS, Lingering
from strict_http.pace import Pace


@dataclass(frozen=True, slots=True)
class Internal:
    """An attribute that Sanic does not document, and what it is used for here."""

    owner: type
    name: str
    use: str


INTERNALS = (
    Internal(HttpProtocol, "HTTP_CLASS", "replaced by StrictHttp"),
    Internal(HttpProtocol, "_time", "the time of the last byte, from which timeouts are computed"),
    Internal(HttpProtocol, "_task", "the task that serves the connection; cancelled to answer with a timeout"),
    Internal(HttpProtocol, "_can_write", "whether the client reads what was sent"),
    Internal(HttpProtocol, "_callback_check_timeouts", "the timer of the next check, which `close` cancels"),
    Internal(HttpProtocol, "recv_buffer", "received bytes that no request has taken yet"),
    Internal(HttpProtocol, "http", "the state of the connection's request"),
    Internal(HttpProtocol, "keep_alive_timeout", "seconds that a connection may be idle"),
    Internal(HttpProtocol, "response_timeout", "seconds until a request without an answer gets 503"),
    Internal(HttpProtocol, "request_max_size", "the largest body"),
    Internal(HttpProtocol, "check_timeouts", "overridden: called from time to time"),
    Internal(HttpProtocol, "close_if_idle", "overridden: called once when the server stops"),
    Internal(Http, "HEADER_MAX_SIZE", "the largest head"),
    Internal(Http, "http1_request_header", "overridden: reads a head"),
    Internal(Http, "http1_response_header", "overridden: sends an answer, or its first part"),
    Internal(Http, "read", "overridden: reads a part of a body"),
    Internal(Http, "_receive_more", "waits for bytes"),
    Internal(Http, "_send", "sends bytes, here 100 Continue"),
    Internal(Http, "expecting_continue", "whether the client waits for 100 Continue"),
    Internal(Http, "stage", "whether a request is read, handled or answered"),
    Internal(Http, "keep_alive", "whether the connection stays open after the answer"),
    Internal(Http, "exception", "what a cancelled request is answered with"),
    Internal(Http, "request", "the request, once its head is read"),
    Internal(Http, "url", "the request's target, for the answer to a head that cannot be read"),
    Internal(Http, "response", "the answer, once there is one"),
    Internal(Http, "protocol", "the connection"),
    Internal(Http, "request_body", "None after the body's end; 'chunked' if its size is not announced"),
    Internal(Http, "request_bytes", "the body's size as far as it is known"),
    Internal(Http, "request_bytes_left", "how much of the body, or of its chunk, is still to come"),
    Internal(Http, "request_max_size", "the largest body; Sanic lifts the limit for streaming routes"),
)

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

CHECKS = 4
"""Checks within the shortest time limit: a limit is exceeded by a quarter of that one at most."""

HALF_CLOSED_SECONDS = 0.5
"""Seconds in which a request is still answered after its client has closed its sending side (docs/adr/0019). A client
that has left sends the same segment, so this long its request goes on for nobody."""

RESERVED_SECONDS = 2.0
"""Seconds that a connection beyond the limit has for its one request."""

STOPPING_SECONDS = 1.0
"""Seconds that a head, a body and an answer have when the server stops, and a client to stop sending. A transfer at the
least rate still takes as long as it needs; a stop does not wait for one that drips."""


class StrictHttp(Http):
    """Sanic's HTTP/1.1, but what a proxy may read in another way is refused, and the connection closed."""

    __slots__ = ("_chunks",)
    protocol: StrictConnection
    recv_buffer: bytearray
    request_body: Any
    _receive_more: Any
    _send: Any

    async def http1_request_header(self) -> None:
        """Override: wait for the head, refuse it or let Sanic read it, and start the time of the body."""
        self.protocol.begin_head()
        head = await self._whole_head()
        refusal = refusal_of(head)
        if refusal:
            self.protocol.linger()
            raise BadRequest(refusal)
        try:
            await super().http1_request_header()  # type: ignore[no-untyped-call]
        except BadURL as error:
            self.url = None  # otherwise Sanic would fail with it again, log a traceback, and not answer
            self.protocol.linger()
            raise BadRequest("the target of the request is neither a path nor a URL") from error
        if self.request_body == "chunked":
            del self.recv_buffer[:2]  # Sanic leaves the head's last line end for its own reader of chunks
            self._chunks = Chunks()
        self.protocol.begin_request(self)

    async def _whole_head(self) -> bytes:
        buffer, seen = self.recv_buffer, 0
        while (end := buffer.find(b"\r\n\r\n", max(0, seen - 3))) < 0:
            if is_hopeless(buffer, max(0, seen - 1)):
                end = len(buffer)
                break
            seen = len(buffer)
            if seen >= self.HEADER_MAX_SIZE + 3:
                break
            await self._receive_more()
        if not 0 <= end < self.HEADER_MAX_SIZE:
            self.protocol.linger()
            too_large = f"the head is larger than {self.HEADER_MAX_SIZE} bytes"
            raise SanicException(too_large, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        return bytes(buffer[:end])

    async def read(self) -> bytes | None:
        """Override: read chunks strictly, and leave the rest of a body to the connection's end if that is next."""
        if self.stage is Stage.IDLE and not self.keep_alive:  # answered, and about to close
            self.request_body = None
            self.protocol.linger()
            return None
        return await self._read_chunks() if self.request_body == "chunked" else await super().read()

    async def _read_chunks(self) -> bytes | None:
        if self.expecting_continue:
            self.expecting_continue = False
            await self._send(CONTINUE)
        chunks = self._chunks
        while True:
            try:
                data = chunks.take(self.recv_buffer, self.request_max_size)
            except ChunkError as error:
                self._give_up()
                raise BadRequest(str(error)) from error
            self.request_bytes, self.request_bytes_left = chunks.announced, chunks.left
            if self.request_bytes > self.request_max_size:
                self._give_up()
                raise PayloadTooLarge(f"the body is larger than {self.request_max_size} bytes")
            if data:
                return data
            if chunks.ended:
                self.request_body = None
                return None
            await self._receive_more()

    async def http1_response_header(self, data: bytes, end_stream: bool) -> None:
        """Override: ask the connection before an answer is sent, and tell it afterwards."""
        response: Any = self.response
        self.protocol.admit_answer(len(data or getattr(response, "body", None) or b""))
        await super().http1_response_header(data, end_stream)
        self.protocol.after_answer()

    def _give_up(self) -> None:
        """Read no more of this body, and close the connection after the answer."""
        self.keep_alive = False
        self.request_body = None
        self.protocol.linger()


class StrictConnection(HttpProtocol):
    """Sanic's connection with time limits on heads, bodies and answers, and a place in the app's ConnectionLimit.

    Sanic measures from one piece to the next, so a client that sends a byte now and then may go on for days.
    """

    __slots__ = (
        *("_answer", "_body", "_head_began", "_is_ending", "_is_reserved", "_linger_seconds", "_lingers", "_unsent"),
        *("is_lost", "limits"),
    )
    HTTP_CLASS = StrictHttp
    transport: Any
    _task: Any

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.limits: Limits = self.app.ctx.limits
        self._linger_seconds = MAX_SECONDS
        self._head_began = 0.0
        self._body: Pace | None = None
        self._answer: Pace | None = None
        self._unsent = 0
        self._is_reserved = self._lingers = self._is_ending = self.is_lost = False

    def connection_made(self, transport: Any) -> None:
        """Override: take one of the places, or one of the reserve."""
        super().connection_made(transport)  # type: ignore[no-untyped-call]
        self._time = monotonic()
        self._is_reserved = self.app.ctx.connection_limit.add(self, self._time)

    def connection_lost(self, exc: Exception | None) -> None:
        """Override: give the place back."""
        self.is_lost = True
        self.app.ctx.connection_limit.remove(self)
        super().connection_lost(exc)  # type: ignore[no-untyped-call]

    def data_received(self, data: bytes) -> None:
        """Override: count what arrives of a body."""
        if self._body is not None:
            self._body.record(monotonic(), len(data))
        super().data_received(data)

    def eof_received(self) -> bool:
        """Override: keep the connection for a moment if a whole request has no answer yet; otherwise let it close."""
        http = self.http
        if http is None or http.stage not in (Stage.HANDLER, Stage.RESPONSE) or http.request_body is not None:
            return False
        self.loop.call_later(HALF_CLOSED_SECONDS, self._end_half_closed)
        return True

    def _end_half_closed(self) -> None:
        """Close the connection, unless an answer is on its way: `close` gives that its time."""
        if not self.is_lost:
            self.close()

    def close_if_idle(self) -> bool:
        """Override: when the server stops, hurry what is under way."""
        if super().close_if_idle():
            return True
        self.hurry()
        return False

    def hurry(self) -> None:
        """Give what is under way little time from now on, unless it is fast."""
        now, limits = monotonic(), self.limits
        self.limits = replace(
            limits,
            head_seconds=min(limits.head_seconds, STOPPING_SECONDS),
            body_seconds=min(limits.body_seconds, STOPPING_SECONDS),
            answer_seconds=min(limits.answer_seconds, STOPPING_SECONDS),
        )
        self._linger_seconds = STOPPING_SECONDS
        self._head_began, self._answer = now, None
        if self._body is not None:
            self._body = self._pace(now, self.limits.body_seconds)
        if self._callback_check_timeouts:
            self._callback_check_timeouts.cancel()
        self.check_timeouts()

    def begin_head(self) -> None:
        """Start the time of a head, of which the first byte is there."""
        self._head_began, self._body = monotonic(), None

    def begin_request(self, http: StrictHttp) -> None:
        """Start the time of a request's body. On a connection beyond the limit, refuse it if it has a body.

        Raises:
            SanicException: 503.

        """
        if http.request_body:
            self._body = self._pace(monotonic(), self.limits.body_seconds)
        if self._is_reserved:
            http.keep_alive = False
            if http.request_body or http.request.method not in {"GET", "HEAD"}:
                self.record_refusal()
                reason = f"{self.limits.connections} connections are open, which is the limit: try again, or reuse one"
                raise SanicException(reason, HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "1"})

    def record_refusal(self) -> None:
        """Record a request that is refused because too many connections are open."""

    def admit_answer(self, size: int) -> None:
        """Check that an answer of this size may be sent; raise what is to be answered instead."""

    def after_answer(self) -> None:
        """Note that an answer was passed to the transport, which may hold a part of it."""

    def linger(self) -> None:
        """Let the client read its answer when this connection is closed, although it may still send."""
        self._lingers = True

    def awaits_request(self) -> bool:
        """Return whether Sanic waits for a request, would answer it at once, and would keep the connection open."""
        http = self.http
        if http is None or http.stage is not Stage.IDLE or http.request_body or not http.keep_alive:
            return False  # not begun, in a request, still reading the body of a refused one, or about to close
        if self._is_reserved:
            return False
        return not self.recv_buffer and self._can_write.is_set() and self.app.config["KEEP_ALIVE"]

    def idle_since(self) -> float | None:
        """Return the time since which this connection waits for a request without a byte of it; None: it does not."""
        http = self.http
        if http is None or http.stage is not Stage.IDLE or http.request_body or self.recv_buffer:
            return None
        return self._time if self._can_write.is_set() else None

    def restart_timeout(self) -> None:
        """Let the time until a timeout begin now, as when Sanic receives or sends something."""
        self._time = monotonic()

    def record_body(self, count: int) -> None:
        """Count bytes of a body that did not pass through `data_received`."""
        self.restart_timeout()
        if self._body is not None:
            self._body.record(self._time, count)

    @property
    def buffered_size(self) -> int:
        """Bytes that were received and that no request has taken yet; 0 after the connection's end."""
        return 0 if self.is_lost else len(self.recv_buffer)

    @property
    def max_body_size(self) -> int:
        """The largest body, in bytes."""
        return self.request_max_size  # type: ignore[no-any-return]

    @property
    def can_write(self) -> bool:
        """Whether the transport holds little of what was sent."""
        return self._can_write.is_set()

    def check_timeouts(self) -> None:
        """Override: end what takes too long, and look again in a while."""
        if self._task is None or self.http is None:
            return
        self._end_what_is_late(monotonic())
        limits = self.limits
        interval = min(
            *(limits.head_seconds, limits.body_seconds, limits.answer_seconds),
            *(self.keep_alive_timeout, self.response_timeout, RESERVED_SECONDS if self._is_reserved else math.inf),
        )
        self._callback_check_timeouts = self.loop.call_later(interval / CHECKS, self.check_timeouts)

    def _end_what_is_late(self, now: float) -> None:
        if not self._can_write.is_set():
            if self._answer_is_late(now):
                self.transport.abort()
            return
        self._answer = None
        if self._is_ending:
            return
        if getattr(self.http, "request_body", None):  # before a connection's first request there is no such attribute
            self._end_late_body(now)
        elif self.http.stage is Stage.REQUEST:
            self._end_late_head(now)
        elif self.http.stage is Stage.IDLE:
            if now - self._time > (RESERVED_SECONDS if self._is_reserved else self.keep_alive_timeout):
                self._cancel()
        elif now - self._time > self.response_timeout:
            self.http.exception = ServiceUnavailable("Response Timeout")
            self._cancel()

    def _end_late_head(self, now: float) -> None:
        seconds = min(self.limits.head_seconds, RESERVED_SECONDS if self._is_reserved else math.inf)
        if now - self._head_began > seconds:
            self._time_out(f"the head did not arrive within {seconds:g} s")

    def _end_late_body(self, now: float) -> None:
        limits = self.limits
        if self._body is not None and self._body.is_over(now):
            rate = f"{limits.least_rate:g} bytes a second"
            self._time_out(f"the body did not arrive within {limits.body_seconds:g} s, nor at {rate}")

    def _answer_is_late(self, now: float) -> bool:
        """Return whether the client reads its answer too slowly."""
        unsent = self.transport.get_write_buffer_size()
        if self._answer is None:
            self._answer = self._pace(now, self.limits.answer_seconds)
        else:
            self._answer.record(now, max(0, self._unsent - unsent))
        self._unsent = unsent
        return self._answer.is_over(now)

    def _pace(self, now: float, seconds: float) -> Pace:
        return Pace(now, seconds, self.limits.least_rate)

    def _time_out(self, reason: str) -> None:
        """Answer 408 if there is no answer yet, and close the connection."""
        self._lingers = True
        if self.http.stage is not Stage.IDLE:
            self.http.exception = RequestTimeout(reason)
        self._cancel()

    def _cancel(self) -> None:
        """Cancel the connection's task. Sanic then sends what `http.exception` says, and closes."""
        self._is_ending = True
        self._task.cancel()

    def close(self, timeout: float | None = None) -> None:
        """Override: linger if the client may still send, and give it time to read what was sent."""
        if self.transport is None or self.transport.is_closing():
            return
        if self._callback_check_timeouts:
            self._callback_check_timeouts.cancel()
        if self._lingers:
            self._lingers = False
            Lingering(self, self.transport, self.close, self._linger_seconds).start()
            return
        if timeout is None:
            # Sanic's five seconds would cut a long answer on a slow line.
            limits = self.limits
            timeout = limits.answer_seconds + self.transport.get_write_buffer_size() / limits.least_rate
        super().close(timeout)

    def drop(self) -> None:
        """Close the connection immediately."""
        self.transport.abort()


def max_head_size() -> int:
    """Return the size in bytes, without the blank line, from which Sanic refuses a head."""
    return Http.HEADER_MAX_SIZE


def silence_notice() -> None:
    """Keep Sanic from advising `--debug` at each start on a terminal: our programs have no such flag."""
    os.environ.setdefault("SANIC_IGNORE_PRODUCTION_WARNING", "1")


def apply_limits(app: Sanic[Any, Any], limits: Limits) -> None:
    """Let StrictConnection find the limits of this app's connections."""
    app.ctx.limits = limits
    app.ctx.connection_limit = ConnectionLimit(limits.connections)
