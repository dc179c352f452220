"""A proxy in front of the store or the API server that can refuse, delay, hold or lose each request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import urllib3

from tests.integration.proxies import Answer, serving

HOP_BY_HOP = {"content-length", "transfer-encoding", "connection", "keep-alive"}
STREAMS = ("watch=", "events=", "follow=")
"""Parts of a query whose answer is passed on piece by piece, and has no end."""


class Lost(Exception):  # noqa: N818 - what happens to the request
    """The connection is closed without an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that arrived at the proxy. `path` includes the query."""

    method: str
    path: str
    body: bytes

    @property
    def writes(self) -> bool:
        return self.method not in {"GET", "HEAD"}

    @property
    def streams(self) -> bool:
        return any(word in urlsplit(self.path).query for word in STREAMS)


class Meddler:
    """What happens to the requests, while they happen. Each hook may raise `Lost` or wait.

    `before` gets a request and returns an answer of its own, or None to pass it on. `after` gets a request that was
    passed on and answered; the client has not received that answer yet.
    """

    def __init__(self) -> None:
        self.address = ""
        self.waiting: set[int] = set()
        """The threads whose requests have no answer yet."""
        self.leave_alone()

    def leave_alone(self) -> None:
        """Pass every request on."""
        self.before: Callable[[Request], Answer | None] = lambda _: None
        self.after: Callable[[Request, Answer], Answer | None] = lambda _, answer: answer

    @property
    def url(self) -> str:
        return f"http://{self.address}"


class Handler(BaseHTTPRequestHandler):
    """One connection of a client. Subclasses name the `meddler`, and the `target` with the `pool` that reaches it."""

    meddler: Meddler
    target: str
    pool: urllib3.PoolManager
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client that was killed
            super().handle()

    def handle_any(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        request = Request(self.command, self.path, self.rfile.read(size))
        self.meddler.waiting.add(threading.get_ident())
        try:
            self._pass_on(request)
        except (Lost, OSError, urllib3.exceptions.HTTPError):
            self.close_connection = True
            with suppress(OSError):
                self.connection.close()
        finally:
            self.meddler.waiting.discard(threading.get_ident())

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the base class's names

    def _pass_on(self, request: Request) -> None:
        if answer := self.meddler.before(request):
            self._answer(answer)
            return
        found = self.pool.request(
            request.method,
            self.target + request.path,
            body=request.body or None,
            headers=dict(self.headers),
            preload_content=False,
            decode_content=False,
            redirect=False,
        )
        if request.streams:
            self._stream(found)
            return
        answer = (found.status, dict(found.headers), found.read())
        found.release_conn()
        self._answer(self.meddler.after(request, answer) or answer)

    def _answer(self, answer: Answer) -> None:
        status, headers, body = answer
        self._head(status, headers)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _stream(self, found: urllib3.BaseHTTPResponse) -> None:
        self.close_connection = True
        self._head(found.status, dict(found.headers))
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while data := found.read1():  # type: ignore[attr-defined]
                self.wfile.write(data)
        finally:
            found.close()

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def meddling(target: str, authority: str | None = None) -> Iterator[Meddler]:
    """Yield a proxy in front of the URL `target`, whose certificate `authority` has signed.

    The Host header is passed on unchanged, because S3 signatures cover it.
    """
    meddler, timeout = Meddler(), urllib3.Timeout(connect=5, read=120)
    with urllib3.PoolManager(maxsize=32, ca_certs=authority, retries=False, timeout=timeout) as pool:
        own = type("Own", (Handler,), {"meddler": meddler, "target": target, "pool": pool})
        with serving(own) as address:
            meddler.address = address
            yield meddler


@contextmanager
def holding(seconds: float = 120) -> Iterator[Callable[[Request], None]]:
    """Yield a `before` that holds every request, and loses it at the end of the block."""
    released = threading.Event()

    def hold(_: Request) -> None:
        released.wait(seconds)
        raise Lost

    try:
        yield hold
    finally:
        released.set()


def slow(seconds: float) -> Callable[[Request], None]:
    """Return a `before` that delays every request."""

    def delay(_: Request) -> None:
        time.sleep(seconds)

    return delay
