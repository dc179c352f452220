"""Stable local ports that forward to whichever process serves now: what a Kubernetes Service does."""

from __future__ import annotations

import asyncio
import socket
import threading
import zlib
from collections.abc import Coroutine
from contextlib import closing, suppress
from typing import Any, TypeVar

from watcher.core.types import ModelId

T = TypeVar("T")

FIRST_PORT, PORTS = 20_000, 10_000
"""Below the range that systems take for outgoing connections (32768 and up on Linux)."""

CHUNK = 64 * 1024


def preferred_port(model: ModelId) -> int:
    """Return the same port for a model at every start, so that a pasted curl keeps working."""
    return FIRST_PORT + zlib.crc32(str(model).encode()) % PORTS


def bind(port: int) -> socket.socket:
    """Listen on `port` of the loopback, or on the next free one of the range, which wraps around."""
    for step in range(PORTS):
        try:
            return socket.create_server(("127.0.0.1", FIRST_PORT + (port - FIRST_PORT + step) % PORTS))
        except OSError:
            continue
    raise OSError("no local port is free")


class Forwarder:
    """All models' ports, in one event loop of its own. Thread-safe until `stop`; do not use it after that."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._targets: dict[ModelId, int] = {}
        self._servers: dict[ModelId, tuple[asyncio.Server, int]] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, name="forwarder", daemon=True)
        self._thread.start()

    def point(self, model: ModelId, target: int) -> int:
        """Send the model's new connections to local port `target`; the port that clients use.

        Connections that are open stay with the process they have. The first call starts listening.
        """
        return self._run(self._point(model, target))

    def close(self, model: ModelId) -> None:
        """Stop listening for the model; open connections stay until either side closes them."""
        self._run(self._close(model))

    def stop(self) -> None:
        """Close every port and connection, and end the thread."""
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _point(self, model: ModelId, target: int) -> int:
        self._targets[model] = target
        if model not in self._servers:
            sock = bind(preferred_port(model))

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await self._serve(model, reader, writer)

            self._servers[model] = (await asyncio.start_server(serve, sock=sock), sock.getsockname()[1])
        return self._servers[model][1]

    async def _close(self, model: ModelId) -> None:
        self._targets.pop(model, None)
        if found := self._servers.pop(model, None):
            found[0].close()

    async def _stop(self) -> None:
        for model in list(self._servers):
            await self._close(model)
        # A connection that was accepted just now starts its task during this: repeat until none is left.
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            # A task that is only cancelled, not awaited, never closes its sockets.
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)

    async def _serve(self, model: ModelId, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pipe one connection both ways; it stays with its process until either side closes."""
        # Cancelling is how `stop` ends this; asyncio would log it as an error of the callback.
        with closing(writer), suppress(OSError, KeyError, asyncio.CancelledError):
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._targets[model])
            with closing(back_writer):
                await exchange((reader, writer), (back_reader, back_writer))


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def exchange(client: Stream, process: Stream) -> None:
    """Pipe both ways until the process ends the connection, or either side breaks it.

    A client that has only finished sending still gets its answer.
    """
    sending = asyncio.ensure_future(pipe(client[0], process[1]))
    try:
        await pipe(process[0], client[1])
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until `reader` ends, and pass the end on. A broken connection counts as its end."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.write_eof()
