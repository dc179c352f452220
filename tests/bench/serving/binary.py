"""Measure the large payload: 10,000 rows × 100 features by V2's binary extension, with ours and its upper bounds."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
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
from tests.bench.serving.process import Process
from tests.bench.serving.profiling import LOAD_SECONDS, profiled
from tests.bench.serving.protocols import Request, V2Binary
from tests.bench.serving.servers import ECHO, OURS, RECEIVER, Server
from tests.bench.serving.startup import bare_rate

CONNECTIONS = (1, BINARY_CONNECTIONS)


@dataclass(frozen=True)
class Target:
    """A server, the request that it gets, and the answer that it must give."""

    server: Server
    process: Process
    request: Request
    expected: bytes
    core: int

    def run(self, connections: int, seconds: int) -> Run:
        return wrk.run(self.process.url, self.request, self.expected, wrk.Load(connections, seconds), self.core)


def measure(bench: Bench) -> None:
    """Add rounds of the bare predict, ours and the echo in turns, or the reason why there are none."""
    model, data = save_wide(bench.folder)
    with contextlib.ExitStack() as stack:
        try:
            targets = [_target(bench, server, model, data, stack) for server in (OURS, ECHO, RECEIVER)]
            for _ in range(bench.effort.rounds):
                bench.measured.bare_predict.append(bare_rate(model, data, bench.effort.seconds, bench.cores.server))
                _round(bench, targets)
            if bench.effort.profiles and not binary_outcome(bench.measured).met:
                _profile(bench, targets[0])
        except WrongAnswerError as error:
            bench.measured.binary_absent = (
                f"not served: {error}" if error.status == HTTPStatus.NOT_FOUND else str(error)
            )
        except (ChildError, wrk.WrkError, subprocess.SubprocessError) as error:
            bench.measured.binary_absent = str(error)


def _target(bench: Bench, server: Server, model: Path, data: Path, stack: contextlib.ExitStack) -> Target:
    rows, port = np.load(data), free_port()
    command, folder = server.command(model, port), bench.folder / f"binary-{port}"
    process = stack.enter_context(Process(server.name, command, folder, port, bench.cores.server))
    process.start(server.health)
    request = V2Binary().request(rows)
    right = joblib.load(model).predict(rows).tolist() if server.predicts else [0] * len(rows)
    expected = checked(process, V2Binary(), request, right)
    process.pause()
    return Target(server, process, request, expected, bench.cores.client)


def _round(bench: Bench, targets: Sequence[Target]) -> None:
    for target in targets:
        with target.process.resumed():
            for connections in CONNECTIONS:
                run = target.run(connections, bench.effort.seconds)
                bench.measured.binary[target.server.name, connections].append(run)


def _profile(bench: Bench, ours: Target) -> None:
    with ours.process.resumed():
        load = partial(ours.run, BINARY_CONNECTIONS, LOAD_SECONDS)
        bench.measured.limits[BINARY] = profiled(ours.process, load, bench.cores.client)
