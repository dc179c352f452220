"""Virtual environments for programs whose dependencies may conflict with ours: the benchmark's peers, others' clients.

`uv run --with` is no replacement. It gives a process in an environment, but the tests need the path of an environment:
for programs in its `bin`, and for starts that are timed and must not resolve requirements first. It also resolves
unpinned dependencies again when its cache expires, which needs the network.

Each environment is created once per set of requirements in `~/.cache/kubeserve/venvs/NAME-VERSION-…`, outside the work
tree: `python -m dev.venvs mlserver mlserver==1.7.1 'uvloop<0.22'`.
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
"""The same for all, so that only the programs are compared; the newest that all of them support."""

_WHOLE = ".whole"
"""Written last. Environments contain their own path, so they cannot be built elsewhere and renamed."""


class VenvUnavailable(ToolUnavailable):
    """An environment does not exist and could not be created; the message is one sentence that says why."""


def venv(name: str, *requirements: str) -> Path:
    """Return the Python of an environment with the requirements. Create it first if necessary.

    Raises:
        VenvUnavailable: The reason in one sentence. An incomplete environment is not used later.

    """
    target = folder(name, *requirements)
    if not (target / _WHOLE).exists():
        with lock():
            # Another process may have created it during the wait.
            if not (target / _WHOLE).exists():
                _make(target, requirements)
    return target / "bin" / "python"


def folder(name: str, *requirements: str) -> Path:
    """Return the folder of the environment. Each set of requirements has its own."""
    pinned = re.search(r"==([\w.]+)", requirements[0]) if requirements else None
    digest = hashlib.sha256("\n".join((PYTHON, *requirements)).encode()).hexdigest()[:8]
    return cache_dir() / "venvs" / "-".join(filter(None, (name, pinned and pinned[1], digest)))


def _make(target: Path, requirements: Sequence[str]) -> None:
    print(f"creating the environment {target.name} (once) …", file=sys.stderr, flush=True)
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
    # uv would install into an activated environment of the caller.
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    try:
        result = subprocess.run([program, *arguments], env=env, capture_output=True, text=True, check=False)
    except OSError as error:
        raise VenvUnavailable(f"{target.name} cannot be created: {program} does not run ({error.strerror}).") from error
    if result.returncode:
        raise VenvUnavailable(f"{target.name} cannot be created: {sentence(result.stderr)}.")


def sentence(output: str) -> str:
    """Return the output of a program as one line without its box drawings."""
    words = re.sub(r"[^\x20-\x7e]+", " ", output).split()
    return " ".join(words).removeprefix("error: ")[:400].rstrip(".") or "it printed no reason"


def main(arguments: Sequence[str]) -> int:
    """Create one environment and print the path of its Python."""
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
