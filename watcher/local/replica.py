"""One version of one model as processes: fetch, serve, and again when it fails; what a kubelet does for a pod."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog
import urllib3
from tenacity import RetryCallState, wait_exponential_jitter

from watcher.models import ETAG, FINGERPRINT, VERSION, Manifest, State

log = structlog.get_logger()

PROBE_SECONDS = 0.05
STOP_SECONDS = 3.0
"""What a server gets to drain before it is killed: Ctrl-C has five seconds for everything."""


class Replica(threading.Thread):
    """Supervises the processes of one manifest until `stop`, with a pod's back-off between failures."""

    def __init__(
        self,
        manifest: Manifest,
        folder: Path,
        download: tuple[str, ...],
        env: Mapping[str, str],
        on_change: Callable[[Replica], None],
    ) -> None:
        super().__init__(name=f"replica-{manifest['metadata']['name']}", daemon=True)
        meta = manifest["metadata"]
        self.model_name, annotations = meta["name"], meta["annotations"]
        self.fingerprint, self.version, self.etag = (annotations[key] for key in (FINGERPRINT, VERSION, ETAG))
        self.state, self.reason, self.port = State.PROGRESSING, "starting", 0
        self.folder, self._source = folder, manifest["spec"]["source"]
        self._download, self._env, self._on_change = download, env, on_change
        self._halt, self._lock = threading.Event(), threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        backoff = wait_exponential_jitter(initial=1, max=60)
        failures = RetryCallState(None, None, (), {})  # type: ignore[arg-type]
        while not self._halt.is_set():
            reason = self._fetch() or self._serve(failures)
            if self._halt.is_set():
                return
            self._change(State.FAILED, reason)
            delay = backoff(failures)
            log.warning(
                "model failed", model=self.model_name, version=self.version, reason=reason, retry_in=round(delay, 1)
            )
            self._halt.wait(delay)
            failures.attempt_number += 1

    def terminate(self) -> None:
        """Ask the processes to end; does not wait."""
        self._halt.set()
        with self._lock:
            if self._process and self._process.poll() is None:
                self._process.terminate()

    def stop(self) -> None:
        """End the processes: politely, then for good."""
        self.terminate()
        with self._lock:
            process = self._process
        if process:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin:
                process.stdin.close()
        if self.is_alive() and threading.current_thread() is not self:
            self.join(1)

    def _fetch(self) -> str:
        """Download the model; why that failed, or ""."""
        arguments = ["--source", self._source, "--etag", self.etag, "--to", str(self.folder), *self._download]
        process = self._start("server.download", arguments, {**os.environ, **self._env})
        if process is None:
            return "stopped"
        return self._last_words(process) if process.wait() else ""

    def _serve(self, failures: RetryCallState) -> str:
        """Run the server until it ends; why it ended."""
        port = free_port()
        arguments = ["--model", str(self.folder / "model.joblib"), "--host", "127.0.0.1", "--port", str(port)]
        arguments += ["--name", self.model_name, "--version", self.version, "--stop-with-stdin"]
        # A model is code: the store's credentials are the download's alone.
        env = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        process = self._start("server", arguments, env)
        if process is None:
            return "stopped"
        while process.poll() is None and not self._halt.is_set():
            if healthy(port):
                self.port = port
                failures.attempt_number = 1
                self._change(State.READY, "")
                break
            self._halt.wait(PROBE_SECONDS)
        process.wait()
        return self._last_words(process)

    def _start(self, module: str, arguments: list[str], env: Mapping[str, str]) -> subprocess.Popen[bytes] | None:
        """Start a child in a session of its own (a terminal's Ctrl-C is the watcher's); None when stopping."""
        self.folder.mkdir(parents=True, exist_ok=True)
        words = self.folder / "last-words"
        words.write_text("")
        with self._lock, (self.folder / "log").open("ab") as output:
            if self._halt.is_set():
                return None
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", module, *arguments],
                env={**env, "KUBESERVE_TERMINATION_LOG": str(words)},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            return self._process

    def _last_words(self, process: subprocess.Popen[bytes]) -> str:
        words = (self.folder / "last-words").read_text().strip()
        return words or f"the process ended with exit code {process.returncode}; see {self.folder / 'log'}"

    def _change(self, state: State, reason: str) -> None:
        self.state, self.reason = state, reason
        self._on_change(self)


def healthy(port: int) -> bool:
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{port}/health", timeout=2, retries=False).status == 200  # noqa: PLR2004
    except urllib3.exceptions.HTTPError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
