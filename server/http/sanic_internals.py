"""The only module that uses what Sanic does not document, under names of this server.

Each such attribute is listed in INTERNALS. `test_sanic_internals.py` fails in words if Sanic renames one of them, or if
another module uses one. Sanic's minor version is pinned in pyproject.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Any

from sanic import Sanic
from sanic.exceptions import SanicException
from sanic.http import Http, Stage
from sanic.request import Request
from sanic.response import HTTPResponse
from sanic.server.protocols.http_protocol import HttpProtocol


@dataclass(frozen=True, slots=True)
class Internal:
    """An attribute that Sanic does not document, and what it is used for here."""

    owner: type
    name: str
    use: str


INTERNALS = (
    Internal(HttpProtocol, "_time", "the time of the last byte, from which Sanic computes its timeouts"),
    Internal(HttpProtocol, "_task", "the task that serves the connection; cancelled to answer with a timeout"),
    Internal(HttpProtocol, "_can_write", "whether the client reads what was sent"),
    Internal(HttpProtocol, "recv_buffer", "received bytes that no request has taken yet"),
    Internal(HttpProtocol, "http", "the state of the connection's request"),
    Internal(HttpProtocol, "request_timeout", "seconds from one piece of a request to the next"),
    Internal(HttpProtocol, "request_max_size", "the largest body"),
    Internal(HttpProtocol, "check_timeouts", "overridden: called from time to time"),
    Internal(HttpProtocol, "close_if_idle", "overridden: called when the server stops"),
    Internal(Http, "HEADER_MAX_SIZE", "the largest head"),
    Internal(Http, "stage", "whether a request is read, handled or answered"),
    Internal(Http, "keep_alive", "whether the connection stays open after the answer"),
    Internal(Http, "exception", "what a cancelled request is answered with"),
    Internal(Http, "response", "the answer, once there is one"),
    Internal(Http, "protocol", "the connection"),
    Internal(Http, "request_body", "None after the body's end; 'chunked' if its size is not announced"),
    Internal(Http, "request_bytes", "the body's size as far as it is known"),
    Internal(Http, "request_bytes_left", "how much of the body, or of its chunk, is still to come"),
    Internal(Http, "request_max_size", "the largest body; Sanic lifts the limit for streaming routes"),
    Internal(Request, "receive_body", "overridden: called before the route's handler"),
    Internal(Sanic, "handle_request", "overridden: called for every request"),
    Internal(HTTPResponse, "asgi", "set because the constructor is not called"),
    Internal(HTTPResponse, "_cookies", "set because the constructor is not called"),
    Internal(HTTPResponse, "processed_headers", "overridden: the headers as bytes"),
)


class SanicConnection(HttpProtocol):
    """Sanic's connection, with the parts of its state that `server.http.connection` needs."""

    __slots__ = ()
    transport: Any
    _task: Any

    def awaits_request(self) -> bool:
        """Return whether Sanic waits for a request, would answer it at once, and would keep the connection open."""
        http = self.http
        if http is None or http.stage is not Stage.IDLE or http.request_body or not http.keep_alive:
            return False  # not begun, in a request, still reading the body of a refused one, or about to close
        return not self.recv_buffer and self._can_write.is_set() and self.app.config["KEEP_ALIVE"]

    def restart_timeout(self) -> None:
        """Let the time until a timeout begin now, as when Sanic receives or sends something."""
        self._time = monotonic()

    @property
    def max_body_size(self) -> int:
        """The largest body, in bytes."""
        return self.request_max_size  # type: ignore[no-any-return]

    @property
    def piece_timeout(self) -> float:
        """Seconds from one piece of a request to the next."""
        return self.request_timeout  # type: ignore[no-any-return]

    def body_stalls(self) -> bool:
        """Return whether the client has sent nothing of a body for longer than the request timeout."""
        http = self.http
        if self._task is None or http is None or http.stage is not Stage.HANDLER or not http.request_body:
            return False
        return bool(monotonic() - self._time > self.piece_timeout)

    def cancel_request(self, answer: SanicException) -> None:
        """Cancel the request's handler; Sanic then sends `answer`."""
        self.http.exception = answer
        self._task.cancel()

    def was_cancelled(self) -> bool:
        """Return whether the request was cancelled by a timeout and has no answer yet."""
        return bool(getattr(self.http, "exception", None))


def max_head_size() -> int:
    """Return the size in bytes, without the blank line, from which Sanic refuses a head."""
    return Http.HEADER_MAX_SIZE


def announced_size(request: Request) -> int:
    """Return the bytes that the body will have, at most the limit; 0 if it comes in chunks."""
    stream: Any = request.stream
    return int(min(stream.request_bytes_left, stream.request_max_size))


def received_size(request: Request) -> int:
    """Return the announced size of the body in bytes; of a chunked body, the sum of its chunks so far."""
    stream: Any = request.stream
    return int(stream.request_bytes)


def bytes_to_come(request: Request) -> int:
    """Return the bytes of the body that have not been read; 0 if it comes in chunks."""
    stream: Any = request.stream
    return 0 if stream.request_body == "chunked" else int(stream.request_bytes_left)


def limit_body(request: Request) -> None:
    """Limit the body of a streaming route as that of any other."""
    stream: Any = request.stream
    stream.request_max_size = request.app.config.REQUEST_MAX_SIZE


def connection_of(request: Request) -> SanicConnection:
    """Return the connection that the request came on."""
    stream: Any = request.stream
    return stream.protocol  # type: ignore[no-any-return]


async def end_body(request: Request) -> None:
    """Tell Sanic that the rest of the body has been read by somebody else."""
    stream: Any = request.stream
    stream.request_bytes_left = 0
    await stream.read()  # with no bytes left, this marks the body as ended


def close_after_answer(request: Request) -> None:
    """Close the request's connection once it is answered."""
    stream: Any = request.stream
    stream.keep_alive = False


def status_of(request: Request) -> int | None:
    """Return the status that the request is answered with; None if its client has gone."""
    stream: Any = request.stream
    if stream is None:
        return None
    if stream.response is not None:
        return int(stream.response.status)
    # After a timeout there is only the exception yet, which Sanic answers next.
    return getattr(stream.exception, "status_code", None)


def set_up_response(response: HTTPResponse, body: bytes, status: int, content_type: str) -> None:
    """Do what the constructor of a response does, but for its two multi-dictionaries of headers."""
    response.asgi = False
    response.body = body
    response.content_type = content_type
    response.stream = None
    response.status = status
    response.headers = {}  # type: ignore[assignment]
    response._cookies = None  # noqa: SLF001 - what this module is for


HEADERS_OF_SANIC = 2
"""Headers that Sanic sets on a response before it sends it: content-length and connection."""
