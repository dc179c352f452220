"""The cgroup that contains every pod of the test node, so that the remains of a broken run can be found and stopped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

NAME = "/kubeserve-test"
ROOT = Path("/sys/fs/cgroup")


def create() -> None:
    for folder in _folders():
        folder.mkdir(exist_ok=True)


def kill() -> None:
    """Kill every process in the cgroup, and remove it."""
    deadline = time.monotonic() + 10
    while (pids := set(processes())) and time.monotonic() < deadline:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    for folder in _folders():
        for path in sorted(folder.rglob("*/"), key=lambda item: len(item.parts), reverse=True):
            with suppress(OSError):
                path.rmdir()
        with suppress(OSError):
            folder.rmdir()


def _folders() -> list[Path]:
    """Return our cgroup in every hierarchy: there is one in version 2, and one for each controller in version 1."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT / NAME.strip("/")]
    return [folder / NAME.strip("/") for folder in ROOT.iterdir() if (folder / "cgroup.procs").exists()]


def processes() -> Iterator[int]:
    for folder in _folders():
        for path in folder.rglob("cgroup.procs"):
            with suppress(OSError):
                yield from map(int, path.read_text().split())
