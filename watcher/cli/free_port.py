"""A port of this machine for a server or a tunnel."""

from __future__ import annotations

import socket


def free_port(preferred: int) -> int:
    """Return the preferred port of this machine if it is free, otherwise another one."""
    for port in (preferred, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as sock:
                return int(sock.getsockname()[1])
        except OSError:
            continue
    return preferred
