"""Programs that come as packages of Debian: installed where that is possible, named otherwise."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

LOCK = Path(tempfile.gettempdir()) / "kubeserve-apt.lock"
"""Held during an installation: test processes run side by side, and a second apt-get fails instead of waiting."""


class PackagesMissing(Exception):  # noqa: N818 - named after what the caller must know
    """Programs are missing and cannot be installed here; the message says what to do."""


class NotInstallable(PackagesMissing):
    """There is no apt-get, or no right to use it: a person has to install the packages."""


def install(programs: Mapping[str, str]) -> None:
    """Install the packages of the programs that are not on PATH. `programs` maps each to its package, "" for none.

    Raises:
        NotInstallable: this is not Debian, or not root.
        PackagesMissing: apt-get failed.

    """
    missing = needed(programs)
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NotInstallable(f"install these packages (Debian's names): {' '.join(missing)}")
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if missing := needed(programs):  # another process may have installed them meanwhile
            _install(missing)


def needed(programs: Mapping[str, str]) -> list[str]:
    """Return the packages of the programs that are not on PATH."""
    return sorted({package for program, package in programs.items() if package and not shutil.which(program)})


def _install(packages: list[str]) -> None:
    print(f"installing Debian packages: {' '.join(packages)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "--quiet", *step], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise PackagesMissing(f"apt-get {step[0]} failed: {' '.join(done.stderr.splitlines()[-3:])}")
