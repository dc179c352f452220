"""Proxies between a client and a real server: they alter answers, go silent, or are configured by the client."""

from __future__ import annotations

import base64
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import urllib3

Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Yield the address of a server of `handler` on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def altering(store: str, alter: Callable[[str, Answer], Answer], *, with_length: bool = True) -> Iterator[str]:
    """Yield the address of a proxy in front of `store`; `alter` gets the path and the answer of each GET.

    The Host header is passed on unchanged, because the signature covers it. Without a length, the end of the connection
    ends the body.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = f"http://{store}{self.path}"
            answer = urllib3.request("GET", url, headers=dict(self.headers), timeout=10, retries=False)
            status, headers, body = alter(self.path, (answer.status, dict(answer.headers), answer.data))
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                    self.send_header(name, value)
            if with_length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with serving(Handler) as address:
        yield address


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """Yield the address of a server that gives one answer to every GET."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(answer[0])
            for name, value in {**answer[1], "Content-Length": str(len(answer[2]))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer[2])

        def log_message(self, *_: Any) -> None: ...

    with serving(Handler) as address:
        yield address


@contextmanager
def forwarding(user: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a forward proxy for `user` ("name:password"), and the list of what it was asked for."""
    expected = f"Basic {base64.b64encode(user.encode()).decode()}"
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def allowed(self) -> bool:
            seen.append(self.path)
            if self.headers.get("Proxy-Authorization") == expected:
                return True
            self.send_error(407)
            return False

        def do_GET(self) -> None:
            if not self.allowed():
                return
            headers = {key: value for key, value in self.headers.items() if not key.lower().startswith("proxy-")}
            answer = urllib3.request("GET", self.path, headers=headers, timeout=10, retries=False)
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.data)))
            self.end_headers()
            self.wfile.write(answer.data)

        def do_CONNECT(self) -> None:
            if not self.allowed():
                return
            target = urlsplit(f"//{self.path}")
            with socket.create_connection((target.hostname or "", target.port or 443), timeout=10) as other:
                self.send_response_only(200)
                self.end_headers()
                relay(self.connection, other)
            self.close_connection = True

        def log_message(self, *_: Any) -> None: ...

    with serving(Handler) as address:
        yield address, seen


def relay(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until one side ends."""
    with suppress(OSError):
        while True:
            ready, _, _ = select.select([one, other], [], [], 10)
            if not ready:
                return
            for side in ready:
                data = side.recv(65536)
                if not data:
                    return
                (other if side is one else one).sendall(data)


@contextmanager
def silent() -> Iterator[str]:
    """Yield the address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


class Line:
    """A TCP proxy in front of `target` that can do what a network does: drop connections without closing them.

    Bytes and acknowledgements of the kernel's keep-alive come from this proxy, so a client can notice by time alone.
    """

    def __init__(self, target: str) -> None:
        self._host, _, self._port = target.rpartition(":")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self._dropped = 0
        self.connections = 0
        self.silent = False
        """While True, no connection carries anything, new ones neither."""
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def drop(self) -> None:
        """Forward nothing any more of the connections that are open now, and never close them. New ones work."""
        self._dropped = self.connections

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._carry, args=(client, self.connections), daemon=True).start()

    def _carry(self, client: socket.socket, number: int) -> None:
        with client, suppress(OSError), socket.create_connection((self._host, int(self._port)), timeout=60) as server:
            while True:
                ready, _, _ = select.select([client, server], [], [])
                while self.silent or number <= self._dropped:
                    time.sleep(0.02)
                for side in ready:
                    if not (data := side.recv(65536)):
                        return
                    (server if side is client else client).sendall(data)


@contextmanager
def line(target: str) -> Iterator[Line]:
    """Yield a line to `target`."""
    made = Line(target)
    try:
        yield made
    finally:
        made.close()
