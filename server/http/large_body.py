"""Large bodies, read from the socket straight into the memory that NumPy then uses.

Sanic delivers a body in pieces of 64 KB and joins them. That costs 8 ms for 8 MB, which is longer than a model takes
for the 10,000 rows in it. While such a body arrives, the connection's asyncio protocol is one that gives the transport
the memory to write to: 2 ms, five reads, no copy (docs/adr/0006).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
from sanic.request import Request

from server.errors import Overloaded
from server.http import sanic_internals
from strict_http.sanic_connection import StrictConnection

MIN_STRAIGHT = 256 * 1024
"""Bytes. Below this remaining size, switching the asyncio protocol costs more than it saves."""

WIDEST = 8
"""Bytes of the widest datatype. Binary data is aligned to a multiple of it; otherwise NumPy would copy it."""

NOTHING = memoryview(b"")


async def receive(request: Request, binary_from: int = 0) -> memoryview:
    """Return the whole body of a streaming route. A large one is aligned where its binary data begins; 0: has none.

    Raises:
        Overloaded: the bodies of other requests take too much.

    """
    sanic_internals.limit_body(request)
    stream: Any = request.stream
    first = await stream.read() or b""  # also sends 100-continue, or refuses a body that is too large
    _admit(request, binary_from)
    to_come = sanic_internals.bytes_to_come(request)
    if to_come >= MIN_STRAIGHT:
        return await _receive_straight(request, first, to_come, binary_from)
    body = bytearray(first)
    while (piece := await stream.read()) is not None:
        body += piece
        _admit(request, binary_from)
    return memoryview(body)


def _admit(request: Request, binary_from: int, further: int = 0) -> None:
    """Count what has arrived: what Sanic has read, and `further` bytes."""
    size = sanic_internals.received_size(request) + further
    request.app.ctx.body_budget.admit(request, size, max(0, size - binary_from) if binary_from else 0)


async def _receive_straight(request: Request, first: bytes, to_come: int, binary_from: int) -> memoryview:
    padding = -binary_from % WIDEST
    body = np.empty(padding + len(first) + to_come, np.uint8).data[padding:]
    body[: len(first)] = first
    connection = sanic_internals.connection_of(request)
    receiver = _Receiver(connection, body[len(first) :], lambda filled: _admit(request, binary_from, filled))
    try:
        await receiver.receive()
    finally:
        await sanic_internals.skip_body(request, receiver.filled)
    return body


class _Receiver(asyncio.BufferedProtocol):
    """Fills the given memory, then gives the connection back to its own protocol."""

    def __init__(self, connection: StrictConnection, memory: memoryview, admit: Callable[[int], None]) -> None:
        self._connection, self._transport, self._memory = connection, connection.transport, memory
        self._admit = admit
        self.filled = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def receive(self) -> None:
        """Return when the memory is full. Raise Overloaded."""
        self._transport.set_protocol(self)
        self._transport.resume_reading()
        try:
            await self._done
        finally:  # also when a timeout cancels this
            self._give_back()
            self._memory = NOTHING  # uvloop's transport refers to this object until the connection is closed

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the memory's size is known
        return self._memory[self.filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self.filled += nbytes
        self._connection.record_body(nbytes)
        if self._done.done():
            return
        try:
            self._admit(self.filled)
        except Overloaded as error:
            self._done.set_exception(error)
        else:
            if self.filled < len(self._memory):
                return
            self._done.set_result(None)
        # Here, not in `receive`: the next bytes on this connection belong to Sanic.
        self._transport.pause_reading()
        self._give_back()
        self._transport.resume_reading()

    def _give_back(self) -> None:
        self._transport.set_protocol(self._connection)

    def pause_writing(self) -> None:
        self._connection.pause_writing()  # type: ignore[no-untyped-call]

    def resume_writing(self) -> None:
        self._connection.resume_writing()  # type: ignore[no-untyped-call]

    def eof_received(self) -> bool:
        return False  # the transport closes, and `connection_lost` follows

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)  # cancels the request's task
        self._done.cancel()
