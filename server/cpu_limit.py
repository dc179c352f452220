"""How many CPUs this process may really use. The host's count is no answer in a container: its limit is a quota."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

UNLIMITED = "max"


def cpu_limit(root: Path = Path("/")) -> int:
    """At least one; a limit of half a CPU or of one and a half is rounded up."""
    return max(1, min([usable(), *map(math.ceil, quotas(root))]))


def usable() -> int:
    """How many this process may be scheduled on; macOS does not say, and has them all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quotas(root: Path) -> Iterator[float]:
    """The limits of the control groups that hold this process, in CPUs: of version 2, and of version 1."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for folder in _upwards(path):
            if not controllers:
                yield from _quota(_read(root / "sys/fs/cgroup" / folder / "cpu.max").split())
            elif "cpu" in controllers.split(","):
                group = root / "sys/fs/cgroup" / controllers / folder
                yield from _quota([_read(group / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")])


def _upwards(path: str) -> Iterator[str]:
    """The group and all that hold it; a container often sees its own group as the root, whatever its path says."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for length in range(len(parts), -1, -1):
        yield "/".join(parts[:length])


def _quota(words: list[str]) -> Iterator[float]:
    try:
        quota, period = (float(word) for word in words)
    except ValueError:  # no such file, or "max": no limit here
        return
    if quota > 0 and period > 0:  # version 1 says -1 for no limit
        yield quota / period


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
