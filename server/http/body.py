"""Request bodies: received whole, and decompressed."""

from __future__ import annotations

import zlib
from http import HTTPStatus
from typing import Any

from sanic.exceptions import PayloadTooLarge, SanicException
from sanic.request import Request

from server.errors import InputError
from server.http.sanic_internals import connection_of, received_size
from server.http.service import MAX_INLINE_BODY, Service

Buffer = bytes | memoryview

GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
"""With this value zlib detects by the header which of both it is."""


class WholeBodyRequest(Request[Any, Any]):
    """A request that receives a body of one piece without an asynchronous loop over its pieces."""

    __slots__ = ()

    async def receive_body(self) -> None:
        """Override: set `self.body` to the whole body. Raise Overloaded if --body-memory does not allow it."""
        stream: Any = self.stream
        budget = self.app.ctx.body_budget
        first = await stream.read()
        budget.admit(self, received_size(self))
        second = await stream.read() if first else None
        self.body = first or b""
        if second:
            pieces = bytearray(first)
            while second:
                pieces += second
                budget.admit(self, received_size(self))
                second = await stream.read()
            self.body = bytes(pieces)
        connection_of(self).count_buffered()


async def body_of(request: Request, service: Service) -> bytes:
    """Return the body, decompressed if the client has compressed it."""
    return bytes(await unpacked(request, request.body, service))


async def unpacked(request: Request, body: Buffer, service: Service) -> Buffer:
    """Return the body as it was before the client compressed it.

    Guard against decompression bombs: --max-body-size limits the decompressed size; --body-memory counts compressed
    plus decompressed. A body that becomes long is decompressed in the thread.

    Raises:
        InputError: the body is not compressed as its header says.
        Overloaded: the bodies of other requests take too much.
        SanicException: 413 or 415.

    """
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding == "identity":
        return body
    if encoding not in ("gzip", "deflate"):
        raise SanicException("Content-Encoding can be gzip or deflate", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    limit = request.app.config.REQUEST_MAX_SIZE
    is_long = len(body) > MAX_INLINE_BODY
    if not is_long:
        found, is_whole = unpack(body, min(limit, MAX_INLINE_BODY))
        is_long = len(found) > MAX_INLINE_BODY
    if is_long:  # from the start again: to join two parts would copy the whole body once more
        found, is_whole = await service.predictor.run_in_thread(unpack, body, limit)
    if len(found) > limit:
        raise PayloadTooLarge("")
    if not is_whole:
        raise InputError("the compressed body ends too soon")
    request.app.ctx.body_budget.admit(request, len(body) + len(found), binary=len(body))
    return found


def unpack(body: Buffer, most: int) -> tuple[bytes, bool]:
    """Return what the body unpacks to, and whether it is complete; of a longer one, the first `most` + 1 bytes.

    Raises:
        InputError: the body is not compressed.

    """
    unpacker = zlib.decompressobj(wbits=GZIP_OR_ZLIB)
    try:
        return unpacker.decompress(body, most + 1), unpacker.eof
    except zlib.error as error:
        raise InputError("the body is not compressed as Content-Encoding says") from error
