"""Ports for servers that start a moment later."""

from __future__ import annotations

import socket

from dev.processes import free_port


def test_free_port_is_another_one_each_time_and_below_those_of_clients() -> None:
    ports = [free_port() for _ in range(200)]
    assert len(set(ports)) == 200
    assert max(ports) < 32_768  # where Linux begins, by default, to give ports to clients


def test_free_port_does_not_return_a_preferred_one_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port
