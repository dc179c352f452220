"""`make test-cluster`: prepare the machine, enter a network namespace, run the tests there, and clean up.

`python -m tests.cluster [--base IMAGE] [arguments of pytest]`. Logs of every component: `.kubeserve/cluster/logs`.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dev import tools
from dev.debian import PackagesMissing
from dev.images import BuildError
from dev.processes import Child, StopRequested, stop_on_signals

from . import cgroups, machine, network

STATE = Path(".kubeserve/cluster").resolve()
RUN = Path("/run/kubeserve-test")
"""The path of a socket has at most 107 characters, and a work tree may be deep."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--base", default="", help="base image; default: a Debian built here, which needs no registry")
    parser.add_argument("--bench", action="store_true", help="measure the start-up instead of running the tests")
    options, arguments = parser.parse_known_args()
    arguments.insert(0, "tests/cluster/bench_startup.py" if options.bench else "tests/cluster")
    stop_on_signals()
    try:
        images = machine.prepare(options.base)
        with only_one():
            with surroundings():
                code = run_tests(images, arguments)
            print(f"Logs of every component: {STATE / 'logs'}")
            return code or nothing_left()
    except (machine.Unprepared, PackagesMissing, BuildError, tools.ToolUnavailable) as error:
        print(f"make test-cluster: {error}", file=sys.stderr)
        return 1
    except StopRequested:
        return 130


def run_tests(images: list[Path], arguments: list[str]) -> int:
    environment = {"KUBESERVE_TEST_STATE": str(STATE), "KUBESERVE_TEST_RUN": str(RUN)}
    environment["KUBESERVE_TEST_IMAGES"] = os.pathsep.join(map(str, images))
    pytest = [sys.executable, "-m", "pytest", "-q", "-s", "-x", *arguments]
    with Child("pytest", network.entered(pytest), env=environment, grace=60) as tests:
        while not tests.ended():
            time.sleep(0.1)
        return tests.code()


def nothing_left() -> int:
    """Return 1 and print the remains if anything of ours is left after the clean-up, otherwise 0."""
    left = [*map(str, network.processes()), *map(str, cgroups.processes()), *mounts()]
    if left or network.exists():
        print(f"make test-cluster left behind: {', '.join(left) or network.NAME}", file=sys.stderr)
    return int(bool(left) or network.exists())


@contextmanager
def only_one() -> Iterator[None]:
    """Allow one test cluster at a time on a machine: the namespace and the cgroup have fixed names."""
    path = tools.cache_dir() / "cluster.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def surroundings() -> Iterator[None]:
    """Create the namespace and the cgroup, after removing what an earlier run left when it was killed."""
    clear()
    shutil.rmtree(STATE, ignore_errors=True)
    (STATE / "logs").mkdir(parents=True)
    RUN.mkdir(parents=True, exist_ok=True)
    try:
        cgroups.create()
        network.create()
        yield
    finally:
        clear()


def clear() -> None:
    """Stop our processes, then remove our mounts, the namespace and files. Keep the logs."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in network.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        time.sleep(0.2)
    cgroups.kill()
    for mount in mounts():
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
    network.delete()
    for folder in (RUN, STATE / "node"):
        shutil.rmtree(folder, ignore_errors=True)


def mounts() -> list[str]:
    """Return the mounts below our folders, the innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    targets = [line.split()[4].replace("\\040", " ") for line in lines]
    return [path for path in reversed(targets) if path.startswith((f"{STATE}/", f"{RUN}/"))]


if __name__ == "__main__":
    sys.exit(main())
