"""Stable local ports that forward to the process that serves now, as a Kubernetes Service does."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import zlib
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from watcher.core.types import ModelId

T = TypeVar("T")

FIRST_PORT, PORTS = 20_000, 10_000
"""Below the range of outgoing connections (32768 and up on Linux)."""

CHUNK = 64 * 1024
ACCEPT_DELAY = 1.0
"""Seconds before the next attempt to accept a connection when no file descriptor was free."""

CONNECT_SECONDS, CONNECT_DELAY = 30.0, 0.05
"""Seconds that a client waits for a server whose backlog is full, and between two attempts."""

CALL_SECONDS = 5.0
"""Seconds. A call takes milliseconds; the bound is for a machine that is out of processor or memory."""


def preferred_port(state_dir: Path, model: ModelId) -> int:
    """Return a port that is the same for a model at every start, so that a pasted curl keeps working.

    The state directory is part of it: two watchers on one machine that serve the same model do not want the same port.
    """
    return FIRST_PORT + zlib.crc32(f"{state_dir} {model}".encode()) % PORTS


def bind(port: int) -> socket.socket:
    """Listen on `port` of the loopback, or on the next free one of the range, which wraps around."""
    for step in range(PORTS):
        try:
            listener = socket.create_server(("127.0.0.1", FIRST_PORT + (port - FIRST_PORT + step) % PORTS), backlog=128)
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
        else:
            listener.setblocking(False)
            return listener
    raise OSError(errno.EADDRINUSE, f"no port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} is free")


class Forwarder:
    """Listens on the ports of all models, in an event loop of its own. Thread-safe; unusable after `stop`."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._loop = asyncio.new_event_loop()
        self._targets: dict[ModelId, Path] = {}
        self._listeners: dict[ModelId, socket.socket] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="forwarder", daemon=True)
        self._thread.start()

    def point(self, model: ModelId, target: Path) -> int:
        """Send the model's new connections to the Unix socket `target`, and return the port for clients.

        Open connections stay with their process. The first call starts to listen.
        """
        return self._run(self._point(model, target))

    def close(self, model: ModelId) -> None:
        """Stop listening for the model; open connections stay until either side closes them."""
        self._run(self._close(model))

    def stop(self) -> None:
        """Close every port and connection, and end the thread."""
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_SECONDS)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_SECONDS)

    async def _point(self, model: ModelId, target: Path) -> int:
        self._targets[model] = target
        if model not in self._listeners:
            self._listeners[model] = bind(preferred_port(self._state_dir, model))
            self._listen(model, self._listeners[model])
        return int(self._listeners[model].getsockname()[1])

    async def _close(self, model: ModelId) -> None:
        self._targets.pop(model, None)
        if listener := self._listeners.pop(model, None):
            self._loop.remove_reader(listener)
            listener.close()

    async def _stop(self) -> None:
        for model in list(self._listeners):
            await self._close(model)
        # A task that is cancelled before its first step could not close its connection.
        await asyncio.sleep(0)
        for task in self._connections:
            task.cancel()
        # A task that is only cancelled, not awaited, never closes its connection.
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _listen(self, model: ModelId, listener: socket.socket) -> None:
        """Accept connections from now on. asyncio's own server may lose one that arrives while it is closed."""
        if self._listeners.get(model) is listener:
            self._loop.add_reader(listener, self._accept, model, listener)

    def _accept(self, model: ModelId, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # the client has gone
            return
        except OSError:  # no file descriptor is free; the client waits
            self._loop.remove_reader(listener)
            self._loop.call_later(ACCEPT_DELAY, self._listen, model, listener)
            return
        task = self._loop.create_task(self._serve(model, connection))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, model: ModelId, connection: socket.socket) -> None:
        """Pipe one connection both ways, until either side closes it."""
        with suppress(OSError, KeyError, asyncio.CancelledError):
            reader, writer = await asyncio.open_connection(sock=connection)
            with closed(writer):
                backend = await connected(self._targets[model])
                back_reader, back_writer = await asyncio.open_unix_connection(sock=backend)
                with closed(back_writer):
                    await exchange((reader, writer), (back_reader, back_writer))


async def connected(target: Path) -> socket.socket:
    """Return a connection to the Unix socket `target`, as soon as its backlog has room.

    asyncio waits for a refused Unix socket as for one of TCP, whose connection goes on by itself, and then fails.

    Raises:
        OSError: nothing listens there, or the backlog stays full for CONNECT_SECONDS.

    """
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.setblocking(False)
        attempts = int(CONNECT_SECONDS / CONNECT_DELAY)
        while not is_connected(sock, target, is_last=attempts <= 1):
            attempts -= 1
            await asyncio.sleep(CONNECT_DELAY)
    except BaseException:  # a cancellation too
        sock.close()
        raise
    return sock


def is_connected(sock: socket.socket, target: Path, *, is_last: bool) -> bool:
    """Connect, and return whether the backlog had room; raise BlockingIOError instead at the last attempt."""
    try:
        sock.connect(str(target))
    except BlockingIOError:
        if is_last:
            raise
        return False
    return True


@contextmanager
def closed(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Close the connection at the end; drop what it has not sent yet if the task is cancelled."""
    try:
        yield
    except asyncio.CancelledError:
        writer.transport.abort()
        raise
    finally:
        writer.close()


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def exchange(client: Stream, process: Stream) -> None:
    """Pipe both ways until the process ends the connection, or either side breaks it.

    A client that has finished sending still receives its answer.
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
