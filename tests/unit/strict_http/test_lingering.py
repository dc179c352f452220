"""The end of a connection whose client still sends, over real sockets: the client reads the answer, no reset."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from strict_http import lingering
from strict_http.lingering import Lingering


class Answering(asyncio.Protocol):
    """Answers the first bytes, and lingers."""

    def __init__(self, lost: asyncio.Future[None]) -> None:
        self.lost, self.is_answered = lost, False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert not self.is_answered  # what follows must not come here
        self.is_answered = True
        self.transport.write(b"answer")
        Lingering(self, self.transport, self.transport.close).start()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(None)


async def exchange(client: Any) -> float:
    """Run the client's side in a thread; return after how many seconds the server has closed."""
    loop = asyncio.get_running_loop()
    lost = loop.create_future()
    server = await loop.create_server(lambda: Answering(lost), "127.0.0.1", 0)
    began = loop.time()
    with socket.create_connection(server.sockets[0].getsockname(), timeout=30) as connected:
        await asyncio.to_thread(client, connected)
        await asyncio.wait_for(lost, 30)
    server.close()
    return loop.time() - began


def test_lingering_client_that_sends_everything_first_reads_the_answer() -> None:
    def send_then_read(client: socket.socket) -> None:
        client.sendall(b"x")
        for _ in range(200):
            client.sendall(bytes(10_000))
        assert client.recv(100) == b"answer"
        assert client.recv(100) == b""
        client.close()

    asyncio.run(exchange(send_then_read))


@pytest.mark.parametrize(("limit", "value"), [("MAX_SECONDS", 0.05), ("MAX_SILENCE", 0.05), ("MAX_BYTES", 10)])
def test_lingering_ends_at_each_limit_although_the_client_does_not_close(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    for each in ("MAX_SECONDS", "MAX_SILENCE", "MAX_BYTES"):
        monkeypatch.setattr(lingering, each, value if each == limit else 1e9)

    def send_on(client: socket.socket) -> None:
        client.sendall(b"x")
        assert client.recv(100) == b"answer"
        if limit != "MAX_SILENCE":
            for _ in range(3):
                client.sendall(bytes(10))

    assert asyncio.run(exchange(send_on)) < 25
