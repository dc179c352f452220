"""The only module that uses what Sanic does not document, under names of this server.

Each such attribute is listed in INTERNALS. `test_sanic_internals.py` fails in words if Sanic renames one of them, or if
another module uses one. Sanic's minor version is pinned in pyproject.toml.
"""

from __future__ import annotations

from typing import Any

from sanic import Sanic
from sanic.http import Http
from sanic.request import Request
from sanic.response import HTTPResponse

from strict_http.sanic_connection import Internal

INTERNALS = (
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


def received_size(request: Request) -> int:
    """Return how many bytes of the body have been read so far."""
    stream: Any = request.stream
    return int(stream.request_bytes - stream.request_bytes_left)


def bytes_to_come(request: Request) -> int:
    """Return the bytes of the body that have not been read; 0 if it comes in chunks."""
    stream: Any = request.stream
    return 0 if stream.request_body == "chunked" else int(stream.request_bytes_left)


def limit_body(request: Request) -> None:
    """Limit the body of a streaming route as that of any other."""
    stream: Any = request.stream
    stream.request_max_size = request.app.config.REQUEST_MAX_SIZE


def connection_of(request: Request) -> Any:
    """Return the connection that the request came on."""
    stream: Any = request.stream
    return stream.protocol


async def skip_body(request: Request, count: int) -> None:
    """Let Sanic know that so many bytes more of the body have been read by somebody else."""
    stream: Any = request.stream
    stream.request_bytes_left -= count
    if not stream.request_bytes_left:
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
    """Do what the constructor of a response does, except for its two multi-dictionaries of headers."""
    response.asgi = False
    response.body = body
    response.content_type = content_type
    response.stream = None
    response.status = status
    response.headers = {}  # type: ignore[assignment]
    response._cookies = None  # noqa: SLF001 - what this module is for


HEADERS_OF_SANIC = 2
"""Headers that Sanic sets on a response before it sends it: content-length and connection."""
