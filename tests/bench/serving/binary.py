"""The NumPy-heavy payload: 10,000 rows × 100 features by V2's binary extension, ours beside the bare predict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import joblib
import numpy as np

from dev.processes import ChildError, free_port
from tests.bench.serving import wrk
from tests.bench.serving.asking import WrongAnswerError, checked
from tests.bench.serving.bench import Bench
from tests.bench.serving.figures import Run
from tests.bench.serving.goals import BINARY, BINARY_CONNECTIONS, binary_outcome
from tests.bench.serving.models import save_wide
from tests.bench.serving.process import Process, last_words
from tests.bench.serving.profiling import LOAD_SECONDS, profiled
from tests.bench.serving.protocols import Request, V2Binary
from tests.bench.serving.servers import OURS
from tests.bench.serving.startup import bare_rate

CONNECTIONS = (1, BINARY_CONNECTIONS)


@dataclass(frozen=True)
class Target:
    """Our server, what it is asked, and what it has to say."""

    process: Process
    request: Request
    expected: bytes
    core: int

    def run(self, connections: int, seconds: int) -> Run:
        return wrk.run(self.process.url, self.request, self.expected, wrk.Load(connections, seconds), self.core)


def measure(bench: Bench) -> None:
    """Add rounds of the bare predict and of each number of connections by turns; or say why there are none."""
    model, data = save_wide(bench.folder)
    port = free_port()
    with Process(OURS.name, OURS.command(model, port), bench.folder / "binary", port, bench.cores.server) as process:
        try:
            process.start(OURS.health)
            _rounds(bench, _target(process, model, data, bench.cores.client), lambda: _bare(bench, model, data))
        except WrongAnswerError as error:
            bench.measured.binary_absent = (
                f"not served: {error}" if error.status == HTTPStatus.NOT_FOUND else str(error)
            )
        except (ChildError, wrk.WrkError) as error:
            bench.measured.binary_absent = f"{error}; {last_words(process.log)}"


def _target(process: Process, model: Path, data: Path, core: int) -> Target:
    rows = np.load(data)
    request = V2Binary().request(rows)
    expected = checked(process, V2Binary(), request, joblib.load(model).predict(rows).tolist())
    return Target(process, request, expected, core)


def _bare(bench: Bench, model: Path, data: Path) -> float:
    return bare_rate(model, data, bench.effort.seconds, bench.cores.server)


def _rounds(bench: Bench, target: Target, bare: Callable[[], float]) -> None:
    measured = bench.measured
    for _ in range(bench.effort.rounds):
        target.process.pause()
        measured.bare_predict.append(bare())
        target.process.resume()
        for connections in CONNECTIONS:
            measured.binary[connections].append(target.run(connections, bench.effort.seconds))
    if bench.effort.profiles and not binary_outcome(measured).met:
        load = lambda: target.run(BINARY_CONNECTIONS, LOAD_SECONDS)  # noqa: E731 - named for the line below
        measured.limits[BINARY] = profiled(target.process, load, bench.cores.client)
