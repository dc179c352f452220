"""The cgroup that holds every pod of the test node, so that what is left of a broken run can be found and ended."""

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
    """End every process in it, and remove it."""
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
    """Ours in every hierarchy: one in version 2, one for each controller in version 1."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT / NAME.strip("/")]
    return [folder / NAME.strip("/") for folder in ROOT.iterdir() if (folder / "cgroup.procs").exists()]


def processes() -> Iterator[int]:
    for folder in _folders():
        for path in folder.rglob("cgroup.procs"):
            with suppress(OSError):
                yield from map(int, path.read_text().split())
