"""`python -m server` as its pod runs it, over loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

from .driving import eventually, free_port


class Server:
    """A running server and a way to ask it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port, self.address = process, port, f"127.0.0.1:{port}"
        self._http = urllib3.PoolManager(retries=False, timeout=5)

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
        eventually(self.healthy)

    def close(self) -> None:
        self._http.clear()


def command(model: Path, port: int, *options: str) -> list[str]:
    fixed = ["--model", str(model), "--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, "-m", "server", *fixed, *options]


@contextmanager
def running(model: Path, *options: str) -> Iterator[Server]:
    port = free_port()
    with subprocess.Popen(command(model, port, *options)) as process:
        server = Server(process, port)
        try:
            yield server
        finally:
            server.close()
            process.kill()
