"""Run a server under measurement: pinned to one core with all its children, and always stopped at the end."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dev.processes import Child, ChildError
from tests.bench.serving.figures import Memory
from tests.bench.serving.protocols import Request

_POLL = 0.005
HEALTHY_WITHIN = 60.0

# Nothing leaves the machine: each peer's telemetry is switched off.
_QUIET = {
    "DO_NOT_TRACK": "1",
    "BENTOML_DO_NOT_TRACK": "True",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass(frozen=True)
class Answer:
    """The answer to one HTTP request."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def _homes(folder: Path) -> dict[str, str]:
    """Return variables that make the peers write into a folder of their own, which is removed with the run."""
    return {"HOME": str(folder), "TMPDIR": str(folder), "BENTOML_HOME": str(folder / "bentoml")}


class Process:
    """A context manager. `start` is a separate call, so that a failed start is also stopped."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, port: int, core: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.log = port, folder / "log"
        self._mark = f"KUBESERVE_BENCH={folder}"
        self._command = ["env", "-C", str(folder), "taskset", "-c", str(core), *command]
        self._env = {**_QUIET, "KUBESERVE_BENCH": str(folder), **_homes(folder)}
        # No grace period: there is nothing to keep, and the stop of a supervisor takes seconds.
        self._child = Child(name, self._command, self.log, self._env, grace=0.0)
        self._session = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def prepare(self) -> None:
        """Run the command to its end with `prepare` as its last argument. Raise ChildError if it fails."""
        with Child(self._child.name, [*self._command, "prepare"], self.log, self._env) as child:
            deadline = time.monotonic() + HEALTHY_WITHIN
            while not child.ended() and time.monotonic() < deadline:
                time.sleep(_POLL)

    def start(self, health: str) -> float:
        """Start it and return the seconds until it was healthy.

        Raises:
            ChildError: It ended, or was not healthy in time. The message has the last line of its log.

        """
        try:
            return self._until_healthy(health)
        except ChildError as error:
            self.stop()
            # Without the path of its log, which is removed with the run.
            raise ChildError(f"{str(error).partition(';')[0]}: {last_line(self.log)}") from error

    def _until_healthy(self, health: str) -> float:
        started = time.monotonic()
        self._child.start()
        self._session = self._child.pid
        while not self._healthy(health):
            self._child.check()
            if time.monotonic() - started > HEALTHY_WITHIN:
                raise ChildError(f"not healthy within {HEALTHY_WITHIN:.0f} s")
            time.sleep(_POLL)
        return time.monotonic() - started

    def _healthy(self, path: str) -> bool:
        try:
            return self.ask("GET", path).status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def ask(self, method: str, path: str, request: Request | None = None) -> Answer:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(
                method, path, request.body if request else None, dict(request.headers) if request else {}
            )
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())

    @property
    def pid(self) -> int:
        """The id of the first process."""
        return self._child.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def memory(self) -> Memory:
        """Return the memory of the program and of all that it started."""
        return memory_of(_members(self._session, self._mark))

    def pause(self) -> None:
        """Stop its processes, so that they take no processor time while others are measured."""
        self._signal(signal.SIGSTOP)

    @contextlib.contextmanager
    def resumed(self) -> Iterator[None]:
        """Let a paused server run inside the `with` block."""
        self._signal(signal.SIGCONT)
        try:
            yield
        finally:
            self.pause()

    def stop(self) -> None:
        """Kill it and all that it started."""
        self._child.stop()
        while self._signal(signal.SIGKILL):
            time.sleep(_POLL)

    def _signal(self, number: signal.Signals) -> int:
        """Send a signal to all of its processes, and return their number."""
        members = _members(self._session, self._mark) if self._session else []
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return len(members)


def _members(session: int, mark: str) -> list[int]:
    """Return the program's processes: those of its session, and those with its mark in their environment."""
    wanted = mark.encode()
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _belongs(entry, session, wanted)]


def _belongs(entry: Path, session: int, mark: bytes) -> bool:
    try:
        # After the name, which may hold anything, in parentheses: state, parent, group, session.
        state, _, _, its_session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
        if state == "Z":
            return False
        return int(its_session) == session or mark in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False  # ended meanwhile, or another user's


def memory_of(pids: Sequence[int]) -> Memory:
    """Return the sums of resident and proportional memory. Only the second counts shared pages once."""
    rss = pss = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, _, value = line.partition(":")
                rss += int(value.split()[0]) if name == "Rss" else 0
                pss += int(value.split()[0]) if name == "Pss" else 0
    return Memory(rss / 1024, pss / 1024)


def last_line(log: Path) -> str:
    """Return the last line of a log that is not empty, for the cell of a table."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1].strip()[:160] if lines else "its log is empty"
