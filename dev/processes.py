"""Child processes that never outlive the program that started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may take the loader's locks.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ChildError(Exception):
    """A child process did not start, did not get ready or ended on its own."""


class StopRequested(BaseException):
    """The user asked to stop; no `except Exception` may swallow it."""


@dataclass
class Child:
    """A program in a session of its own, so that the terminal's Ctrl-C reaches only its parent.

    With a `log` its output goes there, without one to the terminal.
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
        """Tell whether the program is not running."""
        return self._process is None or self._process.poll() is not None

    def code(self) -> int:
        """Wait for the program's own end, and return its exit status."""
        assert self._process is not None
        return self._process.wait()

    @property
    def pid(self) -> int:
        """The program's process id, which is also its session's; 0 where it was not started."""
        return self._process.pid if self._process else 0

    def check(self) -> None:
        """Raise a sentence for people if the program ended on its own."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise ChildError(f"{self.name} ended with status {code}; {self.where()}.")

    def where(self) -> str:
        """Say where to look for what the program had to say."""
        return f"see its log {self.log}" if self.log else "see its output above"

    def stop(self) -> None:
        """Ask the program to end, and end it and what it started if it does not within `grace` seconds."""
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

    def wait_until(self, ready: Callable[[], bool], timeout: float) -> None:
        """Wait until `ready` says so, for as long as the program runs."""
        deadline = time.monotonic() + timeout
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ChildError(f"{self.name} was not ready within {timeout:.0f} s; {self.where()}.")
            time.sleep(0.05)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # Not yet reaped, so its id cannot belong to anybody else.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None] | None:
    """Have the kernel end the child when its parent dies, even by SIGKILL; Linux only."""
    if (libc := _LIBC) is None:
        return None

    def hook() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        # The parent may have died before the call above took effect.
        if os.getppid() != parent:
            os._exit(1)

    return hook


def free_port(preferred: int = 0) -> int:
    """Return `preferred` if it is free on the loopback interface, else one that is."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            # As servers do: a port whose last connections linger in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise ChildError("No free port was found on 127.0.0.1.")


def stop_on_signals() -> None:
    """Turn the first Ctrl-C or SIGTERM into StopRequested, and ignore the next: stopping is under way."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def handle(_number: int, _frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise StopRequested

    for each in signals:
        signal.signal(each, handle)
