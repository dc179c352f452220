"""The CPUs that this process may use, and the number of threads of the numerical libraries.

Both must be known before NumPy is imported, since BLAS starts its threads then. So no library can do this:
`joblib.externals.loky.cpu_count` imports NumPy itself (360 ms here, this module 3), and reads the root control group
only. `threadpoolctl` limits threads that are already started.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)


def limit_threads(count: int, environment: MutableMapping[str, str] = os.environ) -> None:
    """Make OpenMP, BLAS and joblib use `count` threads, unless the environment already says otherwise.

    By default they start one for each core of the host. In a container with one CPU of a host's 64, the 64 threads of a
    single matrix product take turns on it, and each waits for all.
    """
    for variable in VARIABLES:
        environment.setdefault(variable, str(count))


def cpu_limit(root: Path = Path("/")) -> int:
    """Return the CPUs that this process may use, at least one. A fraction is rounded up."""
    return max(1, min([usable_cpus(), *map(math.ceil, quotas(root))]))


def usable_cpus() -> int:
    """Return the number of CPUs that this process may be scheduled on. macOS cannot restrict them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quotas(root: Path) -> Iterator[float]:
    """Yield the limits, in CPUs, of the control groups (version 2 and version 1) that hold this process."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for folder in _upwards(path):
            if not controllers:
                yield from _quota(_read(root / "sys/fs/cgroup" / folder / "cpu.max").split())
            elif "cpu" in controllers.split(","):
                group = root / "sys/fs/cgroup" / controllers / folder
                yield from _quota([_read(group / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")])


def _upwards(path: str) -> Iterator[str]:
    """Yield the group and all its ancestors. In a container the group is often the root, whatever its path says."""
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
