"""Virtual environments for programs whose dependencies may not meet ours: the benchmark's peers, others' clients.

Made once per set of requirements into `~/.cache/kubeserve/venvs/NAME-VERSION-…`, outside the work tree:
`python -m dev.venvs mlserver mlserver==1.7.1 'uvloop<0.22'`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from dev.tools import ToolUnavailable, cache_dir, lock

if TYPE_CHECKING:
    from collections.abc import Sequence

PYTHON = "3.11"
"""One for all, so that a comparison is of the programs alone; the newest that all of them take."""

_WHOLE = ".whole"
"""Written last. Environments hold their own path, so they cannot be built aside and renamed into place."""


class VenvUnavailable(ToolUnavailable):
    """An environment is neither there nor could it be made; the message, one sentence, says why."""


def venv(name: str, *requirements: str) -> Path:
    """Return the Python of an environment with the requirements, made first if need be.

    Raises:
        VenvUnavailable: the reason in one sentence; nothing half-made will be taken for an environment later.

    """
    target = folder(name, *requirements)
    if not (target / _WHOLE).exists():
        with lock():
            # Another process may have made it while this one waited.
            if not (target / _WHOLE).exists():
                _make(target, requirements)
    return target / "bin" / "python"


def folder(name: str, *requirements: str) -> Path:
    """Return where the environment is kept: other requirements, another folder."""
    pinned = re.search(r"==([\w.]+)", requirements[0]) if requirements else None
    digest = hashlib.sha256("\n".join((PYTHON, *requirements)).encode()).hexdigest()[:8]
    return cache_dir() / "venvs" / "-".join(filter(None, (name, pinned and pinned[1], digest)))


def _make(target: Path, requirements: Sequence[str]) -> None:
    print(f"making the environment {target.name} (once) …", file=sys.stderr, flush=True)
    shutil.rmtree(target, ignore_errors=True)
    _uv(target, "venv", "--quiet", "--python", _python(), "--no-python-downloads", str(target))
    if requirements:
        _uv(target, "pip", "install", "--quiet", "--python", str(target / "bin" / "python"), *requirements)
    (target / _WHOLE).touch()


def _python() -> str:
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    return sys.executable if running == PYTHON else PYTHON


def _uv(target: Path, *arguments: str) -> None:
    program = Path(sysconfig.get_path("scripts")) / "uv"
    # An activated environment of the caller's must not be taken for the one to install into.
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    try:
        result = subprocess.run([program, *arguments], env=env, capture_output=True, text=True, check=False)
    except OSError as error:
        raise VenvUnavailable(f"{target.name} cannot be made: {program} does not run ({error.strerror}).") from error
    if result.returncode:
        raise VenvUnavailable(f"{target.name} cannot be made: {sentence(result.stderr)}.")


def sentence(output: str) -> str:
    """Return what a program had to say as one line without its drawings."""
    words = re.sub(r"[^\x20-\x7e]+", " ", output).split()
    return " ".join(words).removeprefix("error: ")[:400].rstrip(".") or "no reason was given"


def main(arguments: Sequence[str]) -> int:
    """Make one environment and print its Python's path."""
    if not arguments:
        print("usage: python -m dev.venvs NAME [REQUIREMENT …]", file=sys.stderr)
        return 2
    try:
        print(venv(arguments[0], *arguments[1:]))
    except ToolUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
