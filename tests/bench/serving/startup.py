"""Measure time to healthy and memory, in turns with a bare Python with the same model and an empty server."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from dev.processes import ChildError, free_port
from tests.bench.serving.bench import Bench
from tests.bench.serving.figures import Started
from tests.bench.serving.process import Process, memory_of
from tests.bench.serving.servers import EMPTY, OURS, OURS_BY_CODE, Server

BARE = Path(__file__).with_name("bare.py")


def measure(bench: Bench, models: dict[str, Path]) -> None:
    """Add the measurements of each model."""
    measured, core = bench.measured, bench.cores.server
    for name, path in models.items():
        for turn in range(bench.effort.starts):
            measured.bare[name].append(bare(path, core))
            measured.empty.append(started(EMPTY, path, bench.folder / f"empty-{path.stem}-{turn}", core))
            for server, starts in ((OURS, measured.alone), (OURS_BY_CODE, measured.by_code)):
                folder = bench.folder / f"alone-{path.stem}-{len(server.options)}-{turn}"
                try:
                    starts[name].append(started(server, path, folder, core))
                except ChildError as error:
                    measured.absent[server.name, name] = str(error)


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


def started(server: Server, model: Path, folder: Path, core: int) -> Started:
    """Return the same of a server."""
    port = free_port()
    with Process(server.name, server.command(model, port), folder, port, core) as process:
        return Started(process.start(server.health), process.memory())


def bare_rate(model: Path, rows: Path, seconds: float, core: int) -> float:
    """Return the predictions per second inside one process, without a server."""
    command = ["taskset", "-c", str(core), sys.executable, str(BARE), "predict", str(model), str(rows), str(seconds)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
