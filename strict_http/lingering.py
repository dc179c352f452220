"""The end of a connection whose client still sends: its last answer must reach the client.

A close with unread bytes makes the kernel reset the connection, and a client that receives the reset before it has read
the answer loses the answer. So the sending side is closed, and for a while what arrives is read and dropped
(RFC 9112, 9.6).
"""

from __future__ import annotations

import asyncio
from typing import Any

MAX_SECONDS = 10.0
"""Seconds that a client has to stop sending."""

MAX_SILENCE = 1.0
"""Seconds without a byte after which the client is taken to have stopped. One that reads closes its side before."""

MAX_BYTES = 64 * 1024 * 1024
"""Bytes that are dropped. A client that sends this much without looking for an answer does not look at all."""


class Lingering(asyncio.Protocol):
    """Takes the place of a connection's protocol, drops what arrives, and calls `end` once."""

    def __init__(self, connection: Any, transport: Any, end: Any, seconds: float = MAX_SECONDS) -> None:
        self._connection, self._transport, self._end = connection, transport, end
        self._loop = asyncio.get_running_loop()
        self._left = MAX_BYTES
        self._last = self._loop.time()
        self._until = self._last + seconds
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Close the sending side, and begin to drop."""
        self._transport.set_protocol(self)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._transport.resume_reading()
        self._check()

    def data_received(self, data: bytes) -> None:
        self._last = self._loop.time()
        self._left -= len(data)
        if self._left < 0:
            self._finish()

    def eof_received(self) -> bool:
        self._finish()
        return True  # `end` closes the transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()

    def _check(self) -> None:
        now = self._loop.time()
        due = min(self._until, self._last + MAX_SILENCE)
        if now >= due:
            self._finish()
        else:
            self._timer = self._loop.call_later(due - now, self._check)

    def _finish(self) -> None:
        self._cancel()
        self._transport.set_protocol(self._connection)
        self._end()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
