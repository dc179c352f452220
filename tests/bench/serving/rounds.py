"""Measure servers side by side: all are started with a model and then measured in turns, A B C A B C."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import joblib

from dev.processes import ChildError, free_port
from dev.tools import ToolUnavailable
from tests.bench.serving import wrk
from tests.bench.serving.asking import WrongAnswerError, checked
from tests.bench.serving.bench import Bench, say
from tests.bench.serving.figures import Case, Measured, Run, Started
from tests.bench.serving.goals import GOALS, described, missed
from tests.bench.serving.models import predictions, rows_of
from tests.bench.serving.process import Process
from tests.bench.serving.profiling import LOAD_SECONDS, profiled
from tests.bench.serving.protocols import Request
from tests.bench.serving.servers import CORE, OURS, Server


@dataclass(frozen=True)
class Entrant:
    """A started server with its model."""

    server: Server
    process: Process
    model: str
    estimator: Any

    def expected(self, rows: int) -> list[Any]:
        """Return scikit-learn's own answer; zeros for the echo, which has no model."""
        if not self.server.predicts:
            return [0] * rows
        return predictions(self.model, self.estimator, rows_of(self.model, rows))

    def running(self) -> contextlib.AbstractContextManager[None]:
        return self.process.resumed() if self.server.paused else contextlib.nullcontext()

    def request(self, rows: int) -> Request:
        return self.server.speaks.request(rows_of(self.model, rows))


def measure(bench: Bench, servers: Sequence[Server], models: dict[str, Path], cases: Sequence[Case]) -> None:
    """Add the runs of every case of every model and server, or the reason why they are missing."""
    for model, path in models.items():
        with contextlib.ExitStack() as stack:
            entrants = list(_entrants(bench, servers, model, path, stack))
            for case in (case for case in cases if case.model == model):
                _measure_case(bench, entrants, case)
                if bench.effort.profiles and missed(case, bench.measured):
                    _profile(bench, entrants, case)


def _entrants(
    bench: Bench, servers: Sequence[Server], model: str, path: Path, stack: contextlib.ExitStack
) -> Iterator[Entrant]:
    estimator = joblib.load(path)
    for server in servers:
        try:
            process = _started(bench, server, model, path, stack)
        except (ChildError, ToolUnavailable) as error:
            bench.measured.absent[server.name, model] = str(error)
            say(f"{server.name} did not start: {error}")
            continue
        entrant = Entrant(server, process, model, estimator)
        _warm_up(bench, entrant)
        if server.paused:
            process.pause()
        yield entrant


def _started(bench: Bench, server: Server, model: str, path: Path, stack: contextlib.ExitStack) -> Process:
    port = free_port()
    # A short path: a peer creates sockets there, whose paths may have at most 107 characters.
    folder = bench.folder / (model[0] + re.sub(r"\W", "", server.name))
    process = Process(server.name, server.command(path, port), folder, port, bench.cores.server)
    stack.enter_context(process)
    say(f"starting {server.name} with the {model} …")
    if server.prepares:
        process.prepare()
    seconds = process.start(server.health)
    bench.measured.starts[server.name].append(Started(seconds, process.memory()))
    return process


def _warm_up(bench: Bench, entrant: Entrant) -> None:
    if bench.effort.warm_up:
        _run(bench, entrant, Case(entrant.model, 1, 16), bench.effort.warm_up)


def _measure_case(bench: Bench, entrants: Sequence[Entrant], case: Case) -> None:
    # The models that people have are compared in factors, not in per cents.
    is_close = case not in bench.effort.people and any(goal.case == case for goal in GOALS)
    for turn in range(bench.effort.goal_rounds if is_close else bench.effort.rounds):
        for entrant in entrants:
            # Later rounds are for close comparisons, which are between our own servers.
            if turn < bench.effort.rounds or entrant.server in CORE:
                with entrant.running():
                    run = _run(bench, entrant, case, bench.effort.seconds)
                bench.measured.runs[case][entrant.server.name].append(run)
    _say_case(bench.measured, case)


def _profile(bench: Bench, entrants: Sequence[Entrant], case: Case) -> None:
    ours = next(entrant for entrant in entrants if entrant.server is OURS)
    with ours.running():
        load = partial(_run, bench, ours, case, LOAD_SECONDS)
        bench.measured.limits[described(case)] = profiled(ours.process, load, bench.cores.client)


def _run(bench: Bench, entrant: Entrant, case: Case, seconds: int) -> Run:
    request = entrant.request(case.rows)
    try:
        expected = checked(entrant.process, entrant.server.speaks, request, entrant.expected(case.rows))
        load = wrk.Load(case.connections, seconds)
        return wrk.run(entrant.process.url, request, expected, load, bench.cores.client)
    except (WrongAnswerError, wrk.WrkError) as error:
        return Run(requests=0, seconds=1, p50_ms=0, p99_ms=0, shown=str(error))


def _say_case(measured: Measured, case: Case) -> None:
    found = {name: measured.figure(case, name) for name in measured.runs[case]}
    rates = ", ".join(f"{name} {figure.failure or f'{figure.rate:,.0f}'}" for name, figure in found.items() if figure)
    say(f"{described(case)}: {rates}")
