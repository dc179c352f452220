"""Start watchers without their seconds of imports: a process that has imported everything forks them.

`python -m tests.chaos.forks` is that process. It reads commands as lines of JSON and answers each with one line. Its
watchers end with it, and it ends with its input.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self, TextIO

from tests.integration.driving import PROGRESS, Watcher


class Nursery:
    """The other side of `serve`: one for all tests."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.chaos.forks"]
        self._lock = threading.Lock()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(PROGRESS)
        self._process.stdout.close()

    def ask(self, **command: Any) -> Any:
        """Return the answer to one command."""
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def watcher(self, log: Path, *arguments: str, **env: str) -> Watcher:
        """Return a watcher that starts within a fraction of a second."""
        return ForkedWatcher(self, log, *arguments, **env)


class ForkedWatcher(Watcher):
    """A watcher that is a fork. Its environment is that of the tests, with `env` on top."""

    def __init__(self, nursery: Nursery, log: Path, *arguments: str, **env: str) -> None:
        super().__init__(log, *arguments, **env)
        self._nursery, self._own_env = nursery, env

    def _started(self) -> Any:
        arguments = self._command[3:]
        return Fork(self._nursery, self._nursery.ask(start=arguments, log=str(self.log), env=self._own_env))


class Fork:
    """What `subprocess.Popen` has, for a process that another one started."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery, self.pid = nursery, pid
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            self._code = self._nursery.ask(poll=self.pid)
        return self._code

    def wait(self, timeout: float = 60) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("watcher", timeout)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def serve(commands: TextIO, answers: TextIO) -> None:
    """Start a watcher for each `start`, and answer with its process id; answer `poll` with its exit status or null."""
    codes: dict[int, int | None] = {}
    for line in commands:
        command = json.loads(line)
        if "start" in command:
            answer: int | None = os.fork()
            if not answer:
                become_watcher(command["start"], command["log"], command["env"])
            codes[answer] = None
        else:
            answer = polled(codes, command["poll"])
        answers.write(f"{json.dumps(answer)}\n")
        answers.flush()
    for pid in codes:
        if polled(codes, pid) is None:
            os.kill(pid, signal.SIGKILL)


def polled(codes: dict[int, int | None], pid: int) -> int | None:
    """Return the exit status of a child, however often it is asked for."""
    if codes[pid] is None:
        codes[pid] = reaped(pid)
    return codes[pid]


def reaped(pid: int) -> int | None:
    """Return the exit status of a child that has ended."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def become_watcher(arguments: list[str], log: str, env: dict[str, str]) -> None:
    """Run the watcher's command in this process, and exit with its status."""
    from watcher.cli.main import main

    code: Any = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        output = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.update(env)
        main(arguments, prog_name="kubeserve")
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(bool(code)))


def preload() -> None:
    """Import what a watcher imports. No thread may be started by that: a fork has only one."""
    import watcher.cli.commands.run
    import watcher.cli.main
    import watcher.compose
    import watcher.runtimes.kubernetes.events
    import watcher.runtimes.kubernetes.marks
    import watcher.runtimes.kubernetes.runtime  # noqa: F401

    assert threading.active_count() == 1


if __name__ == "__main__":
    preload()
    serve(sys.stdin, sys.stdout)
