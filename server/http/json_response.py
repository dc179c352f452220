"""What Sanic's request and response would do at each request, done once: the parts that a small answer is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse

TYPE = (b"content-type", b"application/json")
KEEP_ALIVE = (b"connection", b"keep-alive")
CLOSE = (b"connection", b"close")

SANICS_OWN = 2
"""Headers that Sanic itself sets on a response before it sends it: content-length and connection."""


class JsonResponse(HTTPResponse):
    """A response with a JSON body whose headers are ready-made bytes.

    Sanic looks at each name and value of each response for characters that do not belong there, and encodes them: an
    eighth of all that a request costs. Headers that somebody adds are treated as in any other response.
    """

    __slots__ = ()

    def __init__(self, body: bytes, status: int = 200) -> None:
        # What the base classes do, without their two header multi-dictionaries.
        self.asgi = False
        self.body = body
        self.content_type = "application/json"
        self.stream = None
        self.status = status
        self.headers: dict[str, Any] = {}  # type: ignore[assignment]
        self._cookies = None

    @property
    def processed_headers(self) -> Iterator[tuple[bytes, bytes]]:
        headers = self.headers
        if len(headers) != SANICS_OWN:
            return super().processed_headers
        connection = KEEP_ALIVE if headers["connection"] == "keep-alive" else CLOSE
        return iter((TYPE, (b"content-length", b"%d" % headers["content-length"]), connection))


class WholeBodyRequest(Request[Any, Any]):
    """Takes a body that has arrived in one piece without an asynchronous loop over its pieces."""

    __slots__ = ()

    async def receive_body(self) -> None:
        """Override as Sanic allows it: `self.body` holds the whole body afterwards. Raises Overloaded."""
        stream: Any = self.stream
        bodies = self.app.ctx.body_budget
        bodies.admit(self, min(stream.request_bytes_left, stream.request_max_size))
        first = await stream.read()
        second = await stream.read() if first else None
        self.body = first or b""
        if not second:
            return
        pieces = [first, second]
        async for piece in stream:
            pieces.append(piece)
            bodies.admit(self, stream.request_bytes)  # one in chunks does not say its size before
        self.body = b"".join(pieces)
