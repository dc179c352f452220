"""A proxy in front of a real API server: it records requests, and can cut, silence and alter the watch streams."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import urllib3
import yaml

from .proxies import serving

CHUNK = 64 * 1024


class ApiProxy:
    """`requests` has the method and path of each request. While `silent` is set, the streams carry nothing.

    `alter` gets the first bytes of each stream, and returns what is sent in their place.
    """

    def __init__(self, server: str, authority: str) -> None:
        self._server = server
        self._pool = urllib3.PoolManager(num_pools=2, maxsize=100, ca_certs=authority, assert_hostname=False)
        self._open: set[socket.socket] = set()
        self.requests: list[tuple[str, str]] = []
        self.silent = threading.Event()
        self.alter: Callable[[bytes], bytes] = lambda data: data
        self.ended = threading.Event()

    def besides_streams(self) -> list[tuple[str, str]]:
        """Return the requests that open no stream."""
        return [item for item in list(self.requests) if "watch=1" not in item[1]]

    def cut(self) -> None:
        """Close the connections of all streams."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.requests.append((self.command, self.path))
                is_stream = "watch=1" in self.path
                if is_stream:
                    proxy._hold()
                headers = {key: value for key, value in self.headers.items() if key.lower() != "host"}
                url = proxy._server + self.path
                with proxy._pool.request(
                    self.command, url, body=body, headers=headers, retries=False, timeout=60, preload_content=False
                ) as answer:
                    self.send_response(answer.status)
                    self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                    if is_stream:
                        self._relay(answer)
                    else:
                        data = answer.data
                        self.send_header("Content-Length", str(len(data)))
                        self.end_headers()
                        self.wfile.write(data)

            do_PATCH = do_POST = do_DELETE = do_GET  # noqa: N815 - the base class's names

            def _relay(self, answer: Any) -> None:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                proxy._open.add(self.connection)
                try:
                    while data := proxy.alter(answer.read1(CHUNK)):
                        proxy._hold()
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                    proxy._hold()
                    self.wfile.write(b"0\r\n\r\n")
                finally:
                    proxy._open.discard(self.connection)

            def handle(self) -> None:
                with suppress(OSError, urllib3.exceptions.HTTPError):  # one side has hung up
                    super().handle()

            def log_message(self, *_: Any) -> None: ...

        return Handler

    def _hold(self) -> None:
        while self.silent.is_set() and not self.ended.is_set():
            self.ended.wait(0.05)


@contextmanager
def api_proxy(kubeconfig: Path, folder: Path) -> Iterator[tuple[ApiProxy, Path]]:
    """Yield a proxy in front of the API server of a kubeconfig, and a kubeconfig for the proxy."""
    document = yaml.safe_load(kubeconfig.read_text())
    cluster = document["clusters"][0]["cluster"]
    proxy = ApiProxy(cluster["server"], cluster["certificate-authority"])
    with serving(proxy.handler()) as address:
        document["clusters"][0]["cluster"] = {"server": f"http://{address}"}
        path = folder / "kubeconfig-of-the-proxy"
        path.write_text(json.dumps(document))
        try:
            yield proxy, path
        finally:
            proxy.ended.set()
            proxy.cut()
