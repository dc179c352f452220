"""An HTTP server on the loopback interface that answers as a test says: for what a real MinIO never does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from watcher.stores.client import StoreClient
from watcher.stores.endpoint import Endpoint
from watcher.stores.s3_bucket import S3Bucket

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """One request. `answer` of the server decides what is sent."""

    protocol_version = "HTTP/1.1"
    server: FakeStore

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/xml", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        self.server.answer(self)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    do_PATCH = do_POST = do_PUT  # noqa: N815 - the base class's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class FakeStore(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.requests = answer, list[tuple[str, dict[str, str]]]()

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint.of(f"127.0.0.1:{self.server_port}", secure=False)

    def handle_error(self, *_: object) -> None:
        """Say nothing: tests end connections at any point."""


@contextmanager
def fake_store(answer: Answer) -> Iterator[FakeStore]:
    with FakeStore(answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def bucket_of(answer: Answer) -> Iterator[S3Bucket]:
    with fake_store(answer) as server:
        bucket = S3Bucket(StoreClient(server.endpoint, "us-east-1"), "models")
        yield bucket
        bucket.close()


def listing(keys: Iterable[str], token: str = "", etag: str = '"e"') -> bytes:
    """Return a page of ListObjectsV2; with a token, there is another one."""
    quoted = etag.replace('"', "&quot;")
    contents = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{quoted}</ETag>"
        "<Size>1</Size></Contents>"
        for key in keys
    )
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return f"<ListBucketResult><Name>models</Name>{more}{contents}</ListBucketResult>".encode()


def error(code: str, message: str = "why") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@contextmanager
def silent_port() -> Iterator[Endpoint]:
    """Return an address that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield Endpoint.of(f"127.0.0.1:{server.getsockname()[1]}", secure=False)
