"""A kubelet that only has logs: a node in the API server for which this machine answers."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme
from kubernetes import client


class FakeKubelet:
    """Answers `/containerLogs/{namespace}/{pod}/{container}` with `logs[pod, container]`, and keeps what was asked.

    With `timestamps`, the first line is of second 0, the next of second 1. A stream that is followed has no end
    before `end_streams`.
    """

    def __init__(self) -> None:
        self.logs: dict[tuple[str, str], bytes] = {}
        self.asked: list[tuple[str, str, Mapping[str, list[str]]]] = []
        self._ended = threading.Event()

    def end_streams(self) -> None:
        """End the streams that are open now, as an API server does that restarts."""
        ended, self._ended = self._ended, threading.Event()
        ended.set()

    def handler(self) -> type[BaseHTTPRequestHandler]:
        kubelet = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                *_, pod, container = parts.path.split("/")
                query = parse_qs(parts.query)
                kubelet.asked.append((pod, container, query))
                self.send_response(200)
                self.end_headers()
                ended, log = kubelet._ended, kubelet.logs.get((pod, container), b"")
                self.wfile.write(stamped(log) if "timestamps" in query else log)
                self.wfile.flush()
                if "follow" in query:
                    ended.wait()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


def stamped(log: bytes) -> bytes:
    """Return a log with a time before each line."""
    stamps = (b"2026-01-01T00:00:%02d.000000000Z " % second for second in range(60))
    return b"".join(stamp + line for stamp, line in zip(stamps, log.splitlines(keepends=True), strict=False))


@contextmanager
def fake_kubelet(core: client.CoreV1Api, node: str, folder: Path) -> Iterator[FakeKubelet]:
    """Make a node whose kubelet runs in this process."""
    found = FakeKubelet()
    server = ThreadingHTTPServer(("127.0.0.1", 0), found.handler())
    certificate = trustme.CA().issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "kubelet.pem")
    context.load_cert_chain(folder / "kubelet.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    core.create_node({"metadata": {"name": node}})
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": server.server_port}},
    }
    core.patch_node_status(node, {"status": status})
    try:
        yield found
    finally:
        found.end_streams()
        core.delete_node(node)
        server.shutdown()
        thread.join()
        server.server_close()


def bind(core: client.CoreV1Api, namespace: str, pod: str, node: str) -> None:
    """Put a pod on a node, as the scheduler does."""
    target = {"apiVersion": "v1", "kind": "Node", "name": node}
    body = {"metadata": {"name": pod}, "target": target}
    # The client cannot read the answer, which is a Status.
    core.create_namespaced_pod_binding(pod, namespace, body, _preload_content=False)
