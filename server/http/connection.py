"""One HTTP connection: a usual request is answered from the very bytes that it arrives in, all others are Sanic's.

Of the 48 µs that a small request takes through Sanic, 32 go into waking the connection's task, making a request and a
response with their headers, and looking up the route. So `Connection` looks first, and hands on what it does not know:
nothing is answered here that Sanic would refuse (docs/adr/0007).
"""

from __future__ import annotations

import re
from time import monotonic, perf_counter
from typing import Any

from sanic.exceptions import RequestTimeout
from sanic.http import Http, Stage
from sanic.server.protocols.http_protocol import HttpProtocol

from server.http.fast_path import FastPath

_FIELD = (
    # Not those that change how a request is read, or may: Sanic knows them all.
    rb"(?!(?i:content-length|content-encoding|transfer-encoding|expect|upgrade|connection(?!: ?keep-alive\r)))"
    rb"[\w!#$%&'*+.^`|~-]++:[^\r\n]*+\r\n"
)
HEAD = re.compile(
    rb"POST (?P<target>[!-~]++) HTTP/1\.1\r\n"
    rb"(?:%b)*+(?i:content-length): ?(?P<length>\d{1,9})\r\n(?:%b)*+\r\n" % (_FIELD, _FIELD)
)
"""The head of a request whose body is all that follows, and after which the connection stays open. Fields may stand in
any order; their names are tokens (RFC 9110, 5.1)."""

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: keep-alive\r\n\r\n%b"

HELD = 64 * 1024
"""Bytes. Many clients send the body after the head: up to here it is waited for. What is larger Sanic gathers."""

LINGER = 1.0
"""Seconds that a client has to read that its request took too long: a close may reset what it still sends."""


class Connection(HttpProtocol):
    """Sanic's, with a look at what arrives while it waits for the next request; `app.ctx.fast_path` has the answers."""

    __slots__ = ("_held",)
    transport: Any
    _task: Any

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._held = b""

    def data_received(self, data: bytes) -> None:
        began = perf_counter()
        data = self._taken() + data
        # What is too large for a head Sanic refuses: where the blank line begins is still within the limit.
        head = HEAD.match(data, 0, Http.HEADER_MAX_SIZE + 3) if self._awaits_request() else None
        missing = head.end() + int(head["length"]) - len(data) if head else -1
        if head and not missing and (answer := self._answer(head["target"], data[head.end() :], began)):
            self._time = monotonic()  # or Sanic would take the connection for an idle one
            self.transport.write(answer)
        elif head and 0 < missing <= HELD - len(data) and head["target"] in self._fast_path.endpoints:
            self._time, self._held = monotonic(), data
        else:
            super().data_received(data)

    def check_timeouts(self) -> None:
        """Override: half a request is Sanic's to time, which would else take this connection for an idle one.

        Sanic gives a body as long as a prediction, minutes from each piece to the next, while it takes of the memory
        that all share; and after a timeout it waits for the rest of the body, for ever.
        """
        if self._held:
            super().data_received(self._taken())
        if self._stalls():
            self.http.exception = RequestTimeout(f"no more of the body came within {self.request_timeout} s")
            self._task.cancel()
        else:
            super().check_timeouts()  # type: ignore[no-untyped-call]
        if getattr(self.http, "exception", None):
            self.loop.call_later(LINGER, self.close)

    def _stalls(self) -> bool:
        """Whether the client has sent nothing of its body for too long."""
        http = self.http
        if self._task is None or http is None or http.stage is not Stage.HANDLER or not http.request_body:
            return False
        return bool(monotonic() - self._time > self.request_timeout)

    def close_if_idle(self) -> bool:
        """Override: when the server stops, a connection with half a request is not idle."""
        if not self._held:
            return bool(super().close_if_idle())
        super().data_received(self._taken())
        return False

    @property
    def _fast_path(self) -> FastPath:
        return self.app.ctx.fast_path  # type: ignore[no-any-return]

    def _taken(self) -> bytes:
        held, self._held = self._held, b""
        return held

    def _awaits_request(self) -> bool:
        """Whether Sanic waits for the next request, would answer it at once, and keep the connection."""
        http = self.http
        if http is None or http.stage is not Stage.IDLE or http.request_body or not http.keep_alive:
            return False  # not begun, or at a request, or still reading one that was refused, or about to close
        return not self.recv_buffer and self._can_write.is_set() and self.app.config["KEEP_ALIVE"]

    def _answer(self, target: bytes, body: bytes, began: float) -> bytes | None:
        answer = self._fast_path.answer(target, body, began) if len(body) <= self.request_max_size else None
        return None if answer is None else ANSWER % (len(answer), answer)
