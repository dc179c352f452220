"""The load generator: wrk, one thread, pinned to a core that no server runs on."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.serving.figures import Run
from tests.bench.serving.protocols import Request

_SCRIPT = Path(__file__).with_suffix(".lua")
MISSING = "wrk, the load generator, is not on PATH: `apt-get install wrk` on Debian and Ubuntu."


class WrkError(Exception):
    """wrk is missing or failed; the message is a sentence."""


@dataclass(frozen=True)
class Load:
    """The duration of a run, and its connections."""

    connections: int
    seconds: int


def require() -> None:
    """Raise WrkError, which says how to install it, if wrk is missing."""
    if not shutil.which("wrk"):
        raise WrkError(MISSING)


def run(url: str, request: Request, expected: bytes, load: Load, core: int) -> Run:
    """Send the request for the duration of `load`. Each answer other than `expected` is wrong.

    Raises:
        WrkError: wrk did not run to its end.

    """
    with tempfile.TemporaryDirectory() as folder:
        body, answer = Path(folder) / "body", Path(folder) / "expected"
        body.write_bytes(request.body)
        answer.write_bytes(expected)
        command = ["taskset", "-c", str(core), "wrk", "-t", "1", "-c", str(load.connections), "-d", f"{load.seconds}s"]
        command += ["--timeout", "10s", "-s", str(_SCRIPT), url + request.path, "--", str(body), str(answer)]
        return _run([*command, *(f"{name}: {value}" for name, value in request.headers.items())], load.seconds)


def _run(command: list[str], seconds: int) -> Run:
    started, used = time.monotonic(), _children_seconds()
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 20)
    except subprocess.TimeoutExpired as error:
        raise WrkError(f"wrk did not end within {error.timeout:.0f} s") from error
    busy = (_children_seconds() - used) / (time.monotonic() - started)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    if done.returncode or not last.startswith("{"):
        raise WrkError(f"wrk failed: {' '.join((done.stderr or done.stdout).split())[:200]}")
    # wrk prints NaN as the latency if there was no answer.
    return Run(**json.loads(last.replace("-nan", "NaN").replace("nan", "NaN")), client_busy=busy)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
