"""Measure time to healthy and memory, in turns with a bare Python with the same model, on the same core."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from dev.processes import ChildError, free_port
from tests.bench.serving.bench import Bench
from tests.bench.serving.figures import Started
from tests.bench.serving.process import Process, memory_of
from tests.bench.serving.servers import OURS

BARE = Path(__file__).with_name("bare.py")


def measure(bench: Bench, models: dict[str, Path]) -> None:
    """Add the measurements of each model."""
    measured, core = bench.measured, bench.cores.server
    for name, path in models.items():
        for turn in range(bench.effort.starts):
            measured.bare[name].append(bare(path, core))
            try:
                measured.alone[name].append(ours(path, bench.folder / f"alone-{name.split()[0]}-{turn}", core))
            except ChildError as error:
                measured.absent[OURS.name, name] = str(error)


def bare(model: Path, core: int) -> Started:
    """Return the seconds until a bare Python has loaded the model, with its start, and its memory then."""
    command = ["taskset", "-c", str(core), sys.executable, str(BARE), "load", str(model)]
    started = time.monotonic()
    # It stops at the end of its input, so it cannot outlive this process.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            loaded = process.stdout.readline()
            seconds = time.monotonic() - started
            if not loaded:
                raise ChildError(f"a bare Python could not load {model.name}")
            return Started(seconds, memory_of([process.pid]))
        finally:
            process.kill()


def ours(model: Path, folder: Path, core: int) -> Started:
    """Return the same of our server."""
    port = free_port()
    with Process(OURS.name, OURS.command(model, port), folder, port, core) as process:
        return Started(process.start(OURS.health), process.memory())


def bare_rate(model: Path, rows: Path, seconds: float, core: int) -> float:
    """Return the predictions per second inside one process, without a server."""
    command = ["taskset", "-c", str(core), sys.executable, str(BARE), "predict", str(model), str(rows), str(seconds)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
