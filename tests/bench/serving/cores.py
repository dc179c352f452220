"""Choose the cores of the servers and of the load generator, and describe the machine."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
from pathlib import Path
from typing import NamedTuple


class Cores(NamedTuple):
    """Two different cores."""

    server: int
    client: int


class TooFewCoresError(Exception):
    """Two cores are not available; the message is a sentence."""


def choose() -> Cores:
    """Return two cores; not two threads of the same core, if possible.

    Raises:
        TooFewCoresError: Fewer than two cores can be used.

    """
    if sys.platform != "linux":
        raise TooFewCoresError("The benchmark pins processes to cores, which it can do on Linux only.")
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise TooFewCoresError("The benchmark needs two cores, one for the server and one for the load generator.")
    client, rest = allowed[0], allowed[1:]
    return Cores(next((core for core in rest if core not in _siblings(client)), rest[-1]), client)


def _siblings(core: int) -> set[int]:
    with contextlib.suppress(OSError):
        text = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list").read_text().strip()
        ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
        return {core for span in ends for core in range(span[0], span[-1] + 1)}
    return {core}


def busy(seconds: float = 1.0) -> float:
    """Return the share of all processor time that other programs use while this one waits."""
    before = _times()
    time.sleep(seconds)
    used, idle = (after - earlier for after, earlier in zip(_times(), before, strict=True))
    return used / (used + idle) if used + idle else 0.0


def _times() -> tuple[int, int]:
    """Return the used and the idle ticks."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, idle


def machine() -> str:
    """Return a description such as `Intel(R) Xeon(R), 2 cores, Linux 6.1`."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release().partition('-')[0]}"
