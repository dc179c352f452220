"""Large bodies, with a transport of the test's own: where the bytes go, and which protocol has the connection then."""

from __future__ import annotations

import asyncio
import weakref
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from server.http import large_body
from server.http.body_budget import BodyBudget
from server.inference.observer import Observer

SIZE = large_body.MIN_STRAIGHT + 1000


class Request:
    """The parts of a request that are used."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        config, ctx = (
            SimpleNamespace(REQUEST_MAX_SIZE=SIZE),
            SimpleNamespace(body_budget=BodyBudget(100 * SIZE, Observer())),
        )
        self.app = SimpleNamespace(config=config, ctx=ctx)


class Connection:
    """Sanic's stream, connection and transport in one. It has delivered 100 bytes; the rest is still to come."""

    request_body = True
    request_max_size = request_bytes = SIZE

    def __init__(self) -> None:
        self.protocol = self.transport = self
        self.current: Any = self
        self.request_bytes_left = SIZE - 100
        self.can_write, self.counted = True, 0
        self.lost: list[Exception | None] = []
        self._pieces: list[bytes | None] = [b"x" * 100, None]
        self.request: Any = Request(self)

    async def read(self) -> bytes | None:
        return self._pieces.pop(0)

    def set_protocol(self, protocol: Any) -> None:
        self.current = protocol

    def record_body(self, count: int) -> None:
        self.counted += count

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...

    def pause_writing(self) -> None:
        self.can_write = False

    def resume_writing(self) -> None:
        self.can_write = True

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.append(error)

    def arrive(self, data: bytes) -> None:
        """Write into the memory that the protocol gives, as a transport does."""
        memory = self.current.get_buffer(-1)
        memory[: len(data)] = data
        self.current.buffer_updated(len(data))


@pytest.mark.parametrize("at", [0, 1, 7, 8, 101])
def test_receive_large_body_is_whole_and_aligned(at: int) -> None:
    async def receive() -> memoryview:
        connection = Connection()
        receiving = asyncio.create_task(large_body.receive(connection.request, at))
        await asyncio.sleep(0)
        connection.arrive(b"y" * (SIZE - 101))
        assert not receiving.done()
        connection.arrive(b"z")
        assert connection.current is connection
        return await receiving

    body = asyncio.run(receive())
    assert bytes(body) == b"x" * 100 + b"y" * (SIZE - 101) + b"z"
    assert np.frombuffer(body, np.uint8)[at:].ctypes.data % 8 == 0


def test_receive_lost_connection_reaches_its_own_protocol() -> None:
    async def lose() -> Connection:
        connection = Connection()
        receiving = asyncio.create_task(large_body.receive(connection.request))
        await asyncio.sleep(0)
        connection.current.connection_lost(None)
        with pytest.raises(asyncio.CancelledError):
            await receiving
        return connection

    connection = asyncio.run(lose())
    assert connection.lost == [None]
    assert connection.current is connection


def test_receive_backpressure_and_arriving_bytes_reach_the_connection_meanwhile() -> None:
    async def receive() -> Connection:
        connection = Connection()
        receiving = asyncio.create_task(large_body.receive(connection.request))
        await asyncio.sleep(0)
        connection.current.pause_writing()
        assert not connection.can_write
        connection.current.resume_writing()
        assert connection.can_write
        connection.arrive(b"y" * (SIZE - 101))
        assert connection.counted == SIZE - 101
        connection.arrive(b"z")
        await receiving
        return connection

    asyncio.run(receive())


def test_receive_body_is_not_kept_by_a_transport_that_keeps_its_receiver() -> None:
    async def receive() -> tuple[Any, weakref.ref[Any]]:
        connection = Connection()
        receiving = asyncio.create_task(large_body.receive(connection.request))
        await asyncio.sleep(0)
        kept = connection.current
        connection.arrive(b"y" * (SIZE - 100))
        return kept, weakref.ref((await receiving).obj)

    _kept, body = asyncio.run(receive())
    assert body() is None
