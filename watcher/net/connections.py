"""Connections that end with their call, and that notice a peer that is gone.

A firewall, a NAT or a node that vanishes drops a connection without closing it. The kernel notices by itself after two
hours, if the connection is idle, or after a quarter of an hour, if something was sent. Two things shorten that: the
kernel probes every connection, and a request on a connection that was used before is repeated on a new one if its
answer does not begin soon.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.util.wait import wait_for_read

from watcher.net.calls import register

SEND_BYTES = 64 * 1024
"""Bytes. A socket's timeout limits one call of `sendall` as a whole, so that a body in one piece would have to be sent
within CONNECT_SECONDS, which urllib3 sets for it: 5 MiB take longer over a slow line."""

REUSED_SECONDS = 4.0
"""Seconds. An answer on a connection that was used before begins within this time, or the request is repeated on a new
connection, which has the whole time. Longer than nearly every answer: a slow server must not get each request twice."""

REPEATABLE = frozenset({"GET", "HEAD", "PATCH", "DELETE"})
"""Methods of requests that may be made twice. Each PATCH of the watcher is an apply, or a test that changes nothing."""

NOTICED_SECONDS = 10
"""Seconds. The kernel ends a connection when nothing that was sent, probes included, is acknowledged for this long."""
PROBES = {"TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": NOTICED_SECONDS * 1000}
"""Socket options by name: Linux has all of them, other systems some."""


class Redirected(Exception):  # noqa: N818 - named by what happened
    """The server redirects to the location in the message."""


def probe(sock: socket.socket) -> None:
    """Have the kernel probe an idle connection, and end it NOTICED_SECONDS after the peer was last there."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in PROBES.items():
        if option := getattr(socket, name, None):
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


class _Connection(HTTPConnection):
    _repeat: tuple[tuple[Any, ...], dict[str, Any], float | None] | None = None
    """The arguments of the current request and its time to connect, if it may be repeated on a new connection."""

    def connect(self) -> None:
        register(self)
        super().connect()
        register(self)  # again: if the call was ended meanwhile, there was no socket yet to shut down
        probe(self.sock)

    def request(self, method: str, *arguments: Any, **options: Any) -> None:
        register(self)
        # Through a proxy, urllib3 would have to prepare the new connection.
        may_repeat = self.sock is not None and self.proxy is None and method in REPEATABLE
        self._repeat = ((method, *arguments), options, self.timeout) if may_repeat else None
        super().request(method, *arguments, **options)

    def getresponse(self) -> urllib3.response.HTTPResponse:  # type: ignore[override] # as in urllib3 itself
        """Return the answer. One that does not begin on a used connection is asked for again on a new one."""
        if self._repeat is None:
            return super().getresponse()
        arguments, options, connect_seconds = self._repeat
        if self.sock is None or wait_for_read(self.sock, min(self.timeout or REUSED_SECONDS, REUSED_SECONDS)):
            with suppress(ConnectionError):
                return super().getresponse()
        seconds = self.timeout
        self.close()
        self.timeout = connect_seconds
        self.request(*arguments, **options)
        self.timeout = seconds
        return super().getresponse()

    def send(self, data: Any) -> None:
        """Send bytes in pieces, each with the socket's whole timeout."""
        if not isinstance(data, bytes):
            super().send(data)
            return
        whole = memoryview(data)
        for start in range(0, len(whole), SEND_BYTES):
            super().send(whole[start : start + SEND_BYTES])


def use_our_connections(pool: urllib3.PoolManager) -> None:
    """Make `pool` create connections of ours."""
    classes: dict[str, Any] = pool.pool_classes_by_scheme
    pool.pool_classes_by_scheme = {scheme: _with_ours(base) for scheme, base in classes.items()}


def _with_ours(pool: Any) -> Any:
    ours = type(pool.ConnectionCls.__name__, (_Connection, pool.ConnectionCls), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": ours})


class PoolManager(urllib3.PoolManager):
    """Creates connections of ours, and follows no redirect."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        use_our_connections(self)

    def urlopen(  # type: ignore[override] # as in urllib3 itself
        self, method: str, url: str, redirect: bool = True, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        """Make a request. Raise Redirected for a redirect: a signature holds for one host only."""
        response = super().urlopen(method, url, redirect=False, **options)
        if redirect and (location := response.get_redirect_location()):
            response.close()
            raise Redirected(location)
        return response


class ProxyManager(PoolManager, urllib3.ProxyManager):
    """The same through a proxy."""
