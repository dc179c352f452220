"""Profile our server under the load of a goal that it missed, with py-spy."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from dev.tools import ToolUnavailable
from dev.venvs import venv
from tests.bench.serving.process import Process
from tests.bench.serving.samples import described

_PY_SPY = "py-spy==0.4.2"
_SECONDS = 2
LOAD_SECONDS = _SECONDS + 1
"""Seconds. The duration of the load."""


def profiled(process: Process, load: Callable[[], object], core: int) -> str:
    """Return the shares of time by package and function while `load` runs, or the reason why there are none."""
    try:
        program = venv("py-spy", _PY_SPY).with_name("py-spy")
    except ToolUnavailable as error:
        return f"no profile: {error}"
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        options = ["--pid", str(process.pid), "--duration", str(_SECONDS), "--rate", "200", "--format", "raw"]
        command = ["taskset", "-c", str(core), str(program), "record", *options, "--output", str(raw)]
        said = _beside(command, load)
        return described(raw.read_text()) if raw.exists() else f"no profile: {' '.join(said.split())[:200]}"


def _beside(command: list[str], load: Callable[[], object]) -> str:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as spy:
        try:
            load()
            return spy.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            return "py-spy did not end"
        finally:
            spy.kill()
