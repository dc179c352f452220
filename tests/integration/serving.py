"""Drive `python -m server` as its pod runs it, over loopback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

from dev.processes import free_port

from .driving import eventually

STARTUP = 300
"""Seconds. How long a start may take is never what a test is about, and a busy machine is slow."""


class Server:
    """A running server and a client of it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port, self.address = process, port, f"127.0.0.1:{port}"
        self._http = urllib3.PoolManager(retries=False, timeout=60)

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        return self._http.request(method, f"http://{self.address}{path}", body=body, headers=headers)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        answer = self.send(method, path, body, headers)
        return answer.status, json.loads(answer.data)

    def healthy(self) -> bool:
        return self.ask("GET", "/health")[0] == 200

    def wait(self) -> None:
        """Wait until the model is loaded."""
        eventually(self.healthy, STARTUP)

    def metrics(self) -> str:
        return self.send("GET", "/metrics").data.decode()

    def counted(self) -> dict[tuple[str, str], int]:
        """Return how many requests were counted by endpoint and code, without those for health and metrics."""
        found = re.findall(r'kubeserve_requests_total{code="(\d+)",endpoint="([^"]+)",.*} (\d+)', self.metrics())
        return {(at, code): int(count) for code, at, count in found if at not in ("/health", "/metrics")}

    def in_progress(self) -> int:
        """Return how many requests are being answered, without the one that asks."""
        found = re.search(r"kubeserve_requests_in_progress{.*} (\d+)", self.metrics())
        return int(found[1]) - 1 if found else 0

    def close(self) -> None:
        self._http.clear()


PROGRAM = ("-m", "server")


def command(model: Path, port: int, *options: str, program: tuple[str, str] = PROGRAM) -> list[str]:
    fixed = ["--model", str(model), "--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, *program, *fixed, *options]


@contextmanager
def running(model: Path, *options: str, program: tuple[str, str] = PROGRAM) -> Iterator[Server]:
    port = free_port()
    with subprocess.Popen(command(model, port, *options, program=program)) as process:
        server = Server(process, port)
        try:
            yield server
        finally:
            server.close()
            process.kill()
