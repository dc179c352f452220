"""Stable local ports that forward to whichever process serves now: what a Kubernetes Service does."""

from __future__ import annotations

import asyncio
import socket
import threading
import zlib
from contextlib import suppress

from watcher.models import ModelId

FIRST_PORT, PORTS = 20_000, 10_000
"""Below the range that systems take for outgoing connections (32768 and up on Linux)."""

CHUNK = 64 * 1024


def preferred_port(model: ModelId) -> int:
    """The same for a model at every start, so that a pasted curl keeps working."""
    return FIRST_PORT + zlib.crc32(str(model).encode()) % PORTS


def bind(port: int) -> socket.socket:
    """Listen on `port` of the loopback, or on the next one that is free."""
    for candidate in range(port, port + PORTS):
        try:
            return socket.create_server(("127.0.0.1", candidate))
        except OSError:
            continue
    raise OSError("no local port is free")


class Forwarder:
    """All models' ports, in one event loop of its own. Thread-safe."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._targets: dict[ModelId, int] = {}
        self._servers: dict[ModelId, tuple[asyncio.Server, int]] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, name="forwarder", daemon=True)
        self._thread.start()

    def point(self, model: ModelId, target: int) -> int:
        """Send the model's new connections to local port `target`; the port that clients use."""
        return asyncio.run_coroutine_threadsafe(self._point(model, target), self._loop).result()

    def close(self, model: ModelId) -> None:
        """Stop listening for the model."""
        asyncio.run_coroutine_threadsafe(self._close(model), self._loop).result()

    def stop(self) -> None:
        for model in list(self._servers):
            self.close(model)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1)

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

    async def _serve(self, model: ModelId, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pipe one connection both ways; it stays with its process until either side closes."""
        try:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._targets[model])
        except (OSError, KeyError):
            writer.close()
            return
        await asyncio.gather(pipe(reader, back_writer), pipe(back_reader, writer))


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with suppress(ConnectionError):
        writer.close()
