"""Programs that come as packages of Debian: installed where that is possible, named otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping


class PackagesMissing(Exception):  # noqa: N818 - named after what the caller must know
    """Programs are missing and cannot be installed here; the message says what to do."""


def install(programs: Mapping[str, str]) -> None:
    """Install the packages of the programs that are not on PATH. `programs` maps each to its package, "" for none.

    Raises:
        PackagesMissing: this is not Debian, or not root, or apt-get failed.

    """
    missing = sorted({package for program, package in programs.items() if package and not shutil.which(program)})
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise PackagesMissing(f"install these packages (Debian's names): {' '.join(missing)}")
    print(f"installing Debian packages: {' '.join(missing)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        done = subprocess.run(
            ["apt-get", "--quiet", *step], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise PackagesMissing(f"apt-get {step[0]} failed: {' '.join(done.stderr.splitlines()[-3:])}")
