"""Large bodies, read from the socket straight to where NumPy looks at them.

Sanic hands a body over in pieces of 64 KB and joins them: 8 MB cost 8 ms so, which is longer than a model takes for
the 10,000 rows in it. While such a body arrives, the connection's protocol is one that gives the transport the place
to write to: 2 ms, five reads, no copy (docs/adr/0006).
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import numpy as np
from sanic.request import Request

LARGE = 256 * 1024
"""Bytes still to come, from which on the change of protocols is worth its while."""
WIDEST = 8
"""Bytes of the widest datatype, to whose multiple binary data is aligned: NumPy would copy it otherwise."""

NOTHING = memoryview(b"")


async def body_of(request: Request, at: int = 0) -> memoryview:
    """The whole body of a streaming route; of a large one, the byte `at` is aligned for every datatype.

    Raises Overloaded.
    """
    stream: Any = request.stream
    stream.request_max_size = request.app.config.REQUEST_MAX_SIZE  # Sanic lifts it for streaming routes
    bodies = request.app.ctx.body_budget
    bodies.admit(request, min(stream.request_bytes_left, stream.request_max_size))
    first = await stream.read() or b""  # also sends 100-continue, or refuses what is too large
    left = stream.request_bytes_left if stream.request_body != "chunked" else 0
    if left >= LARGE:
        return await _straight(stream, first, left, -at % WIDEST)
    pieces = [first]
    while (piece := await stream.read()) is not None:
        pieces.append(piece)
        bodies.admit(request, stream.request_bytes)  # one in chunks does not say its size before
    return memoryview(b"".join(pieces))


async def _straight(stream: Any, first: bytes, left: int, padding: int) -> memoryview:
    place = np.empty(padding + len(first) + left, np.uint8).data[padding:]
    place[: len(first)] = first
    reader = _Reader(stream.protocol, place[len(first) :])
    await reader.read()
    stream.request_bytes_left = 0
    await stream.read()  # notes that this was the end
    return place


class _Reader(asyncio.BufferedProtocol):
    """Fills one place, and gives the connection back to its own protocol."""

    def __init__(self, protocol: Any, place: memoryview) -> None:
        self._protocol, self._transport, self._place = protocol, protocol.transport, place
        self._filled = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def read(self) -> None:
        self._transport.set_protocol(self)
        self._transport.resume_reading()
        try:
            await self._done
        finally:  # also when a timeout cancels this
            self._transport.set_protocol(self._protocol)
            self._place = NOTHING  # uvloop's transport keeps this reader as long as the connection lives

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the place's size is known
        return self._place[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        self._protocol._time = monotonic()  # noqa: SLF001 - as it does itself: what still arrives is not late
        if self._filled == len(self._place) and not self._done.done():
            # Here, not in `read`: what comes next on this connection is the next request's.
            self._transport.pause_reading()
            self._transport.set_protocol(self._protocol)
            self._transport.resume_reading()
            self._done.set_result(None)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def eof_received(self) -> bool:
        return False  # the transport closes, and `connection_lost` follows

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)  # cancels the request's task
        self._done.cancel()
