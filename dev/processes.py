"""Child processes that never outlive their parent."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

_PR_SET_PDEATHSIG = 1
# Loaded before any fork, because code between fork and exec must not take the loader's locks.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

_PORTS = range(12_000, 30_000)
"""Below those that Linux gives to clients, and to servers that ask for any: one of those could be taken meanwhile."""
_first = secrets.randbelow(len(_PORTS))
_ports_in_turn: Iterator[int] = itertools.cycle((*_PORTS[_first:], *_PORTS[:_first]))
"""Tests run in several processes at once. Each begins at random, so that two hardly ever try the same port."""
_TRIES = 100


class ChildError(Exception):
    """A child process did not start, did not get ready or ended on its own."""


class StopRequested(BaseException):
    """The user wants to stop; no `except Exception` may catch it."""


@dataclass
class Child:
    """A program in a session of its own, so that the terminal's Ctrl-C reaches only its parent.

    Its output goes to `log`, or to the terminal if there is none.
    """

    name: str
    command: Sequence[str]
    log: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    grace: float = 5.0
    death_signal: signal.Signals = signal.SIGKILL
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the program; its environment is this process's own with `env` on top."""
        environment = {**os.environ, **self.env}
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(self._open_log()) if self.log else None
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                env=environment,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid(), self.death_signal),  # noqa: PLW1509 - two system calls, no locks
            )

    def _open_log(self) -> BinaryIO:
        assert self.log is not None
        self.log.parent.mkdir(parents=True, exist_ok=True)
        return self.log.open("ab")

    def ended(self) -> bool:
        """Return whether the program is not running."""
        return self._process is None or self._process.poll() is not None

    def code(self) -> int:
        """Wait for the program's own end, and return its exit status."""
        assert self._process is not None
        return self._process.wait()

    @property
    def pid(self) -> int:
        """The process id, which is also the id of the session; 0 if the program was not started."""
        return self._process.pid if self._process else 0

    def check(self) -> None:
        """Raise ChildError, with a sentence for people, if the program ended by itself."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise ChildError(f"{self.name} ended with status {code}; {self.where()}.")

    def where(self) -> str:
        """Return a sentence that says where the program's output is."""
        return f"see its log {self.log}" if self.log else "see its output above"

    def stop(self) -> None:
        """Terminate the program. Kill it and its children if it does not end within `grace` seconds."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.terminate()
            process.wait(self.grace)
        except subprocess.TimeoutExpired:
            _kill_group(process)
        except BaseException:
            _kill_group(process)
            raise

    def kill(self) -> None:
        """Kill the program and its children at once."""
        process, self._process = self._process, None
        if process is not None:
            _kill_group(process)

    def wait_until(self, ready: Callable[[], bool], timeout: float) -> None:
        """Wait until `ready` is true. Raise ChildError if the program ends, or after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ChildError(f"{self.name} was not ready within {timeout:.0f} s; {self.where()}.")
            time.sleep(0.05)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # The process is not reaped yet, so its id cannot belong to another.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None] | None:
    """Return a hook that makes the kernel kill the child when its parent dies, even by SIGKILL; None outside Linux."""
    if (libc := _LIBC) is None:
        return None

    def hook() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        # The parent may have died before the call above took effect.
        if os.getppid() != parent:
            os._exit(1)

    return hook


def free_port(preferred: int = 0) -> int:
    """Return `preferred` if it is free on the loopback interface, otherwise another free port.

    A port is not returned twice while its server may still be starting: the calls go through all of `_PORTS` in turn.
    """
    for port in itertools.chain([preferred] if preferred else [], itertools.islice(_ports_in_turn, _TRIES)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            # As servers do: a port is free although old connections are in TIME_WAIT.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise ChildError("No free port was found on 127.0.0.1.")


def stop_on_signals() -> None:
    """Turn the first Ctrl-C or SIGTERM into StopRequested, and ignore later ones."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def handle(_number: int, _frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise StopRequested

    for each in signals:
        signal.signal(each, handle)
