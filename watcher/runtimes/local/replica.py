"""One version of one model as processes: download, serve, restart after a failure, as a kubelet does for a pod."""

from __future__ import annotations

import http.client
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path

import structlog

from watcher.core import fault
from watcher.core.backoff import retry_delay
from watcher.core.last_good import REPEATED
from watcher.core.types import ETAG, FINGERPRINT, VERSION, Manifest, State
from watcher.runtimes.local.cage import Cage, launched
from watcher.runtimes.local.output import Output

log = structlog.get_logger()

BACKLOG = 1024
"""Connections that the kernel keeps for a server, from before it can accept any."""

MAX_TMPDIR = 75
"""Bytes of TMPDIR's path. A socket's path has at most 107, on macOS 103, and we append 24."""

PROBE_SECONDS = 0.05
HEALTH_SECONDS = 2.0
START_SECONDS = 600.0
"""Seconds that a model may take to load. As long as a pod: progressDeadlineSeconds, and its startup probe."""

STOP_SECONDS = 2.5
"""Seconds that a server may take to drain before it is killed. `make run` gives the watcher three for everything."""

KILL_SECONDS = 0.4
"""Seconds in which a killed process is gone, unless the system itself hangs."""

STABLE_SECONDS = 60.0
"""Seconds. After this long in service a failure counts as the first one again, and the restart delay starts anew."""


PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
INSTALL_PASSED = (
    *("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("KUBESERVE_PIP_INDEX_URL", "KUBESERVE_PIP_CERT"),
)
"""With the proxies, the only variables of the program that installs packages."""


class Replica(threading.Thread):
    """Supervises the processes of one manifest until `stop`, with a pod's delays between failures.

    `folder` exists, and only this replica uses it. `on_change` is called from this thread.
    """

    def __init__(
        self,
        manifest: Manifest,
        folder: Path,
        download: tuple[str, ...],
        env: Mapping[str, str],
        on_change: Callable[[Replica], None],
        *,
        cage: Cage,
    ) -> None:
        meta = manifest["metadata"]
        super().__init__(name=f"replica-{meta['name']}", daemon=True)
        self.model_name, annotations = meta["name"], meta["annotations"]
        self.fingerprint, self.version, self.etag = (annotations[key] for key in (FINGERPRINT, VERSION, ETAG))
        self.state, self.reason = State.PROGRESSING, "starting"
        self.address: Path | None = None
        """The path of the server's socket, once it is ready."""
        self.folder, self._spec = folder, manifest["spec"]
        self._download, self._env, self._cage, self._on_change = download, env, cage, on_change
        self._stopping, self._lock = threading.Event(), threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._output: Output | None = None
        self.has_served = self.is_at_fault = False
        """Whether it was ready once, and whether it fails by the version's own fault; as in `LiveRelease`."""
        self._prepared = self._own_fault = False
        self._ready_at = math.inf
        """Of the monotonic clock; infinity until the server of this attempt is ready."""
        self._log = log.bind(model=f"{meta['namespace']}/{meta['name']}", version=self.version)

    def run(self) -> None:
        self._log.info("started")
        failures = 0
        while not self._stopping.is_set():
            self._ready_at = math.inf
            reason = self._attempt()
            if self._stopping.is_set():
                break
            in_service = time.monotonic() - self._ready_at  # -infinity: it was never ready
            failures = 1 if in_service > STABLE_SECONDS else failures + 1
            self.is_at_fault = self._own_fault and (failures >= REPEATED or not self.has_served)
            # A server that answered may do so again at once; what never did needs a person, or time.
            self._report_failure(reason, 0.0 if failures == 1 and in_service > 0 else retry_delay(failures))
        if self._output:
            self._output.close()
        self._log.info("stopped")

    def terminate(self) -> None:
        """Ask the processes to end, without waiting. No new process starts after this."""
        self._stopping.set()
        with self._lock:
            if self._process and self._process.stdin:
                self._process.stdin.close()  # the server drains, and the launcher gives it time for that

    def stop(self, deadline: float | None = None) -> None:
        """End the processes: ask, and kill at `deadline` (of the monotonic clock). Safe to repeat."""
        self.terminate()
        self.join(max(0.0, (deadline or time.monotonic() + STOP_SECONDS) - time.monotonic()))
        with self._lock:
            self._kill()
        self.join(KILL_SECONDS)

    def _attempt(self) -> str:
        """Download what is missing, and serve until that ends. Return the reason; leave no process behind."""
        self._own_fault = False
        try:
            self._output = self._output or Output(self.folder)
            return self._prepare(self._output) or self._serve(self._output)
        except OSError as error:  # a full disk is a reason to show, and must not end the supervision
            return f"cannot run: {error}"
        finally:
            self._end()

    def _prepare(self, output: Output) -> str:
        """Download the model and install its packages once, as init containers do. Return why that failed, or "".

        A server that crashed restarts from its own copy: the bucket may hold other bytes by then.
        """
        if self._prepared:
            return ""
        reason = self._run(self._download_arguments(), {**without_secrets(os.environ), **self._env}, output)
        if not reason and self._spec["requirementsEtag"]:
            reason = self._run(self._install_arguments(), environment_of_pip(os.environ), output)
        self._prepared = not reason
        return reason

    def _download_arguments(self) -> list[str]:
        arguments = ["--source", self._spec["source"], "--etag", self.etag, "--to", str(self.folder)]
        arguments += ["--requirements-etag", self._spec["requirementsEtag"] or "none"]
        arguments += ["--input-files", self._spec["inputFiles"], *self._download]
        return ["server.download", *arguments]

    def _install_arguments(self) -> list[str]:
        arguments = ["--model", str(self.folder), "--to", str(self.folder / "packages")]
        return ["server.install", *arguments, "--requirements", self._spec["requirements"]]

    def _run(self, program: list[str], env: Mapping[str, str], output: Output) -> str:
        """Run one of our programs to its end. Return the reason of a failure, or ""."""
        process = self._start(launched([sys.executable, "-m", *program], {}, 0), env, output)
        if process is None:
            return "stopped"
        code = process.wait()
        self._own_fault = fault.of_download(code)
        return output.exit_reason(code) if code else ""

    def _serve(self, output: Output) -> str:
        """Run the server until it ends, and return the reason."""
        is_short = len(os.fsencode(tempfile.gettempdir())) <= MAX_TMPDIR
        place = None if is_short else "/tmp"  # noqa: S108 - the folder in it is new, and ours alone
        with tempfile.TemporaryDirectory(prefix="kubeserve-", dir=place) as private:
            return self._serve_at(Path(private) / "http", output)

    def _serve_at(self, address: Path, output: Output) -> str:
        # Opened here: in its cage the server has no network, only this socket. One of TCP could be bound and connected
        # anew, to whatever this machine reaches.
        with listening(address) as sock:
            descriptor = sock.fileno()
            arguments = ["--model", str(self.folder / "model.joblib"), "--fd", str(descriptor)]
            arguments += ["--name", self.model_name, "--version", self.version, "--drain-seconds", "1"]
            arguments.append("--stop-with-stdin")  # its end of the pipe closes when the watcher ends
            command = self._cage.server([sys.executable, "-m", "server", *arguments], self.folder, STOP_SECONDS)
            env = {**self._cage.environment(os.environ), **self._spec["server"]}
            process = self._start(command, env, output, descriptor)
        if process is None:
            return "stopped"
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and not self._stopping.is_set():
            if is_healthy(address) and process.poll() is None:
                self.address, self._ready_at = address, time.monotonic()
                self.has_served, self.is_at_fault = True, False
                self._change(State.READY, "")
                break
            if time.monotonic() > deadline:
                self._own_fault = True
                return f"the model did not load within {START_SECONDS:.0f} s"
            self._stopping.wait(PROBE_SECONDS)
        code = process.wait()
        self._own_fault = fault.of_server(code)
        return output.exit_reason(code)

    def _start(
        self, command: list[str], env: Mapping[str, str], output: Output, *passed: int
    ) -> subprocess.Popen[bytes] | None:
        """Start a process in a session of its own, so that a terminal's Ctrl-C reaches only the watcher.

        Return None if the replica is to stop.
        """
        with self._lock:
            if self._stopping.is_set():
                return None
            self._end_unlocked()
            descriptor = output.begin()
            # Without bytecode on the disk, every start would compile the server's packages again, for half a second.
            # There is no termination message: the reason is read from the log.
            ours = {"KUBESERVE_TERMINATION_LOG": "", "PYTHONDONTWRITEBYTECODE": ""}
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own programs
                    command,
                    env={**env, **ours},
                    stdin=subprocess.PIPE,
                    stdout=descriptor,
                    stderr=descriptor,
                    start_new_session=True,
                    pass_fds=passed,
                )
            finally:
                os.close(descriptor)
            return self._process

    def _kill(self) -> None:
        """Kill the process with all that it started: the launcher does that, or is killed itself if it hangs."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _end(self) -> None:
        with self._lock:
            self._end_unlocked()

    def _end_unlocked(self) -> None:
        """Kill the process if it still runs, and close our end of its standard input."""
        self._kill()
        process, self._process = self._process, None
        if process is None:
            return
        process.wait()
        if process.stdin:
            process.stdin.close()

    def _report_failure(self, reason: str, delay: float) -> None:
        self._log.warning("failed", reason=reason, retry_in=round(delay, 1))
        self._change(State.FAILED, reason)
        self._stopping.wait(delay)

    def _change(self, state: State, reason: str) -> None:
        self.state, self.reason = state, reason
        self._on_change(self)


def without_secrets(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the store's keys and the watcher's token: a model can run any code."""
    ours = {key for key in env if key.startswith("KUBESERVE_") and not key.startswith("KUBESERVE_SERVER_")}
    return {key: value for key, value in env.items() if key not in ours and not key.startswith("AWS_")}


def environment_of_pip(env: Mapping[str, str]) -> dict[str, str]:
    """Return what the program that installs gets of an environment: how to reach the package index, and no key."""
    passed = {*INSTALL_PASSED, *PROXIES, *map(str.lower, PROXIES)}
    return {key: value for key, value in env.items() if key in passed}


def listening(address: Path) -> socket.socket:
    """Return a Unix socket that listens at a path."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.bind(str(address))
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


class _Connection(http.client.HTTPConnection):
    """A connection to a Unix socket."""

    def __init__(self, address: Path) -> None:
        super().__init__("localhost", timeout=HEALTH_SECONDS)
        self._address = address

    def connect(self) -> None:
        """Connect to the path and not to the host."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(HEALTH_SECONDS)
        self.sock.connect(str(self._address))


def is_healthy(address: Path) -> bool:
    """Return whether the server at the path answers its health check. The body is not read: it is the model's."""
    with closing(_Connection(address)) as connection:
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
