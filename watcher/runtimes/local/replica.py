"""One version of one model as processes: fetch, serve, and again when it fails; what a kubelet does for a pod."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import structlog
import urllib3

from watcher.core.backoff import retry_delay
from watcher.core.types import ETAG, FINGERPRINT, VERSION, Manifest, State

log = structlog.get_logger()

PROBE_SECONDS = 0.05
STOP_SECONDS = 3.0
"""What a server gets to drain before it is killed: Ctrl-C has four seconds for everything."""

STABLE_SECONDS = 60.0
"""A server that answered this long is not crash-looping: its next restart is a first one again."""


class Replica(threading.Thread):
    """Supervises the processes of one manifest until `stop`, with a pod's back-off between failures.

    `folder` exists and is this replica's alone. `on_change` is called from this thread.
    """

    def __init__(
        self,
        manifest: Manifest,
        folder: Path,
        download: tuple[str, ...],
        env: Mapping[str, str],
        on_change: Callable[[Replica], None],
    ) -> None:
        meta = manifest["metadata"]
        super().__init__(name=f"replica-{meta['name']}", daemon=True)
        self.model_name, annotations = meta["name"], meta["annotations"]
        self.fingerprint, self.version, self.etag = (annotations[key] for key in (FINGERPRINT, VERSION, ETAG))
        self.state, self.reason, self.port = State.PROGRESSING, "starting", 0
        self.folder, self._source, self._settings = folder, manifest["spec"]["source"], manifest["spec"]["server"]
        self._download, self._env, self._on_change = download, env, on_change
        self._halt, self._lock = threading.Event(), threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._fetched, self._log_start = False, 0
        self._log = log.bind(model=f"{meta['namespace']}/{meta['name']}", version=self.version)

    def run(self) -> None:
        self._log.info("started")
        failures = 0
        while not self._halt.is_set():
            begun = time.monotonic()
            reason = self._attempt()
            if self._halt.is_set():
                break
            if self.state is State.READY and time.monotonic() - begun > STABLE_SECONDS:
                failures = 0
            failures += 1
            self._failed(reason, retry_delay(failures))
        self._log.info("stopped")

    def terminate(self) -> None:
        """Ask the processes to end; does not wait. No new one starts after this."""
        self._halt.set()
        with self._lock:
            self._signal(signal.SIGTERM)

    def stop(self, deadline: float | None = None) -> None:
        """End the processes: politely, and for good at `deadline` (of the monotonic clock). Safe to repeat."""
        self.terminate()
        self.join(max(0.0, (deadline or time.monotonic() + STOP_SECONDS) - time.monotonic()))
        with self._lock:
            self._signal(signal.SIGKILL)
        self.join(1)

    def _attempt(self) -> str:
        """Fetch what is not there yet, and serve until that ends; why it ended. Leaves no process behind."""
        try:
            return self._fetch() or self._serve()
        except OSError as error:  # a full disk must show as a reason, not end the supervision
            return f"cannot run: {error}"
        finally:
            self._end()

    def _fetch(self) -> str:
        """Download the model once, as an init container does; why that failed, or "".

        A server that crashed restarts from its own copy: the bucket may hold other bytes by then.
        """
        if self._fetched:
            return ""
        arguments = ["--source", self._source, "--etag", self.etag, "--to", str(self.folder), *self._download]
        process = self._start("server.download", arguments, {**os.environ, **self._env})
        if process is None:
            return "stopped"
        self._fetched = process.wait() == 0
        return "" if self._fetched else self._last_words(process)

    def _serve(self) -> str:
        """Run the server until it ends; why it ended."""
        port = free_port()
        arguments = ["--model", str(self.folder / "model.joblib"), "--host", "127.0.0.1", "--port", str(port)]
        arguments += ["--name", self.model_name, "--version", self.version, "--stop-with-stdin", "--drain-seconds", "1"]
        process = self._start("server", arguments, {**without_secrets(os.environ), **self._settings})
        if process is None:
            return "stopped"
        while process.poll() is None and not self._halt.is_set():
            # Asked again after the answer: it may be another process's that took the port before ours could.
            if healthy(port) and process.poll() is None:
                self._ready(port)
                break
            self._halt.wait(PROBE_SECONDS)
        process.wait()
        return self._last_words(process)

    def _start(self, module: str, arguments: list[str], env: Mapping[str, str]) -> subprocess.Popen[bytes] | None:
        """Start a child in a session of its own (a terminal's Ctrl-C is the watcher's); None when stopping."""
        words = self.folder / "last-words"
        words.write_text("")
        with self._lock, (self.folder / "log").open("ab") as output:
            if self._halt.is_set():
                return None
            self._end_unlocked()
            self._log_start = output.seek(0, os.SEEK_END)
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", module, *arguments],
                env={**env, "KUBESERVE_TERMINATION_LOG": str(words)},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            return self._process

    def _signal(self, number: signal.Signals) -> None:
        """To the child and its own children (pip, say): they share its session."""
        if self._process and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _end(self) -> None:
        with self._lock:
            self._end_unlocked()

    def _end_unlocked(self) -> None:
        """Kill the child if it still runs, and close our end of its standard input."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()

    def _last_words(self, process: subprocess.Popen[bytes]) -> str:
        """Why the child ended: its own word, else the signal, else the last line of its log."""
        if words := (self.folder / "last-words").read_text(errors="replace").strip():
            return words
        if process.returncode < 0:
            return f"the process was ended by {signal.Signals(-process.returncode).name}"
        with (self.folder / "log").open("rb") as file:
            file.seek(self._log_start)
            lines = file.read().decode(errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return said or f"the process ended with exit code {process.returncode}"

    def _ready(self, port: int) -> None:
        self.port = port
        self._change(State.READY, "")

    def _failed(self, reason: str, delay: float) -> None:
        self._log.warning("failed", reason=reason, retry_in=round(delay, 1))
        self._change(State.FAILED, reason)
        self._halt.wait(delay)

    def _change(self, state: State, reason: str) -> None:
        self.state, self.reason = state, reason
        self._on_change(self)


def without_secrets(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without secrets, because a model is code.

    Only the download needs the store's credentials, and only the watcher the webhook's token.
    """
    ours = {key for key in env if key.startswith("KUBESERVE_") and not key.startswith("KUBESERVE_SERVER_")}
    return {key: value for key, value in env.items() if key not in ours and not key.startswith("AWS_")}


def healthy(port: int) -> bool:
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{port}/health", timeout=2, retries=False).status == 200  # noqa: PLR2004
    except urllib3.exceptions.HTTPError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
