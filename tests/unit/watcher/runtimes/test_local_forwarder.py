"""The ports of the local runtime, on real sockets."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from watcher.core.types import ModelId
from watcher.runtimes.local.forwarder import FIRST_PORT, PORTS, Forwarder, bind, preferred_port
from watcher.runtimes.local.replica import listening

IRIS, STATE = ModelId("team", "iris"), Path("/state")


class Echo:
    """A server at a path that answers each line with its own name before it."""

    def __init__(self, name: bytes, folder: Path) -> None:
        self._name, self.address = name, folder / name.decode()
        self._sock = listening(self.address)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._sock.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(BrokenPipeError), connection, connection.makefile("rwb") as file:
            for line in file:
                file.write(self._name + b" " + line)
                file.flush()
            file.write(b"end of " + self._name)

    def close(self) -> None:
        self._sock.close()


@pytest.fixture
def forwarder() -> Iterator[Forwarder]:
    made = Forwarder(STATE)
    yield made
    made.stop()


@pytest.fixture
def echoes(tmp_path: Path) -> Iterator[tuple[Echo, Echo]]:
    both = Echo(b"old", tmp_path), Echo(b"new", tmp_path)
    yield both
    for echo in both:
        echo.close()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def ask(connection: socket.socket, line: bytes = b"hello\n") -> bytes:
    connection.sendall(line)
    return connection.recv(100)


def test_preferred_port_is_stable_and_below_the_ephemeral_range() -> None:
    assert preferred_port(STATE, IRIS) == preferred_port(Path("/state"), ModelId("team", "iris"))
    assert all(FIRST_PORT <= preferred_port(STATE, ModelId("a", str(n))) < FIRST_PORT + PORTS for n in range(500))


def test_preferred_port_of_one_model_in_many_state_directories_differs() -> None:
    assert len({preferred_port(Path(f"/state/{n}"), IRIS) for n in range(20)}) == 20


def test_bind_a_taken_port_gives_the_next_one_and_the_last_wraps_around() -> None:
    with bind(FIRST_PORT + PORTS - 1) as last, bind(FIRST_PORT + PORTS - 1) as after:
        assert last.getsockname()[1] > after.getsockname()[1] >= FIRST_PORT


def test_forwarder_a_new_target_gets_new_connections_and_open_ones_stay(
    forwarder: Forwarder, echoes: tuple[Echo, Echo]
) -> None:
    port = forwarder.point(IRIS, echoes[0].address)
    with connect(port) as before:
        assert ask(before) == b"old hello\n"
        assert forwarder.point(IRIS, echoes[1].address) == port
        with connect(port) as after:
            assert ask(after) == b"new hello\n"
        assert ask(before) == b"old hello\n"


def test_forwarder_a_client_that_has_finished_sending_still_gets_its_answer(
    forwarder: Forwarder, echoes: tuple[Echo, Echo]
) -> None:
    with connect(forwarder.point(IRIS, echoes[0].address)) as connection:
        assert ask(connection) == b"old hello\n"
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b"end of old"
        assert connection.recv(100) == b""


def test_forwarder_a_target_that_refuses_closes_the_connection(forwarder: Forwarder, tmp_path: Path) -> None:
    port = forwarder.point(IRIS, tmp_path / "nobody")
    with connect(port) as connection:
        assert connection.recv(100) == b""


@contextmanager
def full(folder: Path) -> Iterator[tuple[socket.socket, Path]]:
    """Yield a listening Unix socket without room for another connection, and its path."""
    address = folder / "full"
    with socket.socket(socket.AF_UNIX) as sock, ExitStack() as waiting:
        sock.bind(str(address))
        sock.listen(1)
        with suppress(BlockingIOError):
            while True:
                client = waiting.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(str(address))
        yield sock, address


def test_forwarder_a_client_waits_for_a_server_whose_backlog_is_full(forwarder: Forwarder, tmp_path: Path) -> None:
    with full(tmp_path) as (server, address), connect(forwarder.point(IRIS, address)) as client:
        client.sendall(b"hello")
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):  # neither an answer nor an end
            client.recv(100)
        server.settimeout(60)
        while not (line := first_bytes(server)):
            pass
        assert line == b"hello"


def first_bytes(server: socket.socket) -> bytes:
    """Accept a connection, and return what its client sends first: none if it has gone or sends nothing."""
    connection, _ = server.accept()
    with connection:
        connection.settimeout(0.5)
        with suppress(TimeoutError):
            return connection.recv(100)
        return b""


def test_forwarder_a_backlog_that_stays_full_closes_the_connection(
    forwarder: Forwarder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.runtimes.local.forwarder.CONNECT_SECONDS", 0.2)
    with full(tmp_path) as (_, address), connect(forwarder.point(IRIS, address)) as client:
        assert client.recv(100) == b""


def test_forwarder_stop_ends_a_client_that_waits(tmp_path: Path) -> None:
    forwarder = Forwarder(STATE)
    with full(tmp_path) as (_, address), connect(forwarder.point(IRIS, address)) as client:
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(100)
        forwarder.stop()
        client.settimeout(60)
        assert client.recv(100) == b""


def test_forwarder_a_closed_model_refuses_and_its_port_is_free_again(
    forwarder: Forwarder, echoes: tuple[Echo, Echo]
) -> None:
    port = forwarder.point(IRIS, echoes[0].address)
    forwarder.close(IRIS)
    with pytest.raises(ConnectionRefusedError):
        connect(port)
    assert forwarder.point(IRIS, echoes[1].address) == port


def test_forwarder_stop_ends_open_connections(echoes: tuple[Echo, Echo]) -> None:
    forwarder = Forwarder(STATE)
    with connect(forwarder.point(IRIS, echoes[0].address)) as connection:
        assert ask(connection) == b"old hello\n"
        forwarder.stop()
        assert connection.recv(100) == b""


def test_bind_an_error_that_no_other_port_cures_is_raised_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def refuse(address: Any, **_: Any) -> None:
        calls.append(address)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        bind(FIRST_PORT)
    assert len(calls) == 1


def test_forwarder_connections_that_arrive_during_stop_leave_nothing_open(echoes: tuple[Echo, Echo]) -> None:
    for _ in range(20):
        forwarder = Forwarder(STATE)
        port = forwarder.point(IRIS, echoes[0].address)
        connections = [connect(port) for _ in range(5)]
        forwarder.stop()  # a socket or task left behind is a warning, and so an error of this test
        for connection in connections:
            connection.close()
