"""The measurements and their medians. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, order=True)
class Case:
    """One load: model, rows of a request, connections."""

    model: str
    rows: int
    connections: int


@dataclass(frozen=True)
class Run:
    """One run of the load generator.

    `requests` includes the `wrong` answers. `broken` counts broken connections and timeouts. `shown` is the first wrong
    answer, or the reason why there was no run.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    wrong: int = 0
    broken: int = 0
    shown: str = ""
    client_busy: float = 0.0

    @property
    def rate(self) -> float:
        """Correct answers per second."""
        return (self.requests - self.wrong) / self.seconds


@dataclass(frozen=True)
class Memory:
    """Memory in MB."""

    rss: float
    pss: float


@dataclass(frozen=True)
class Started:
    """One start: seconds to healthy, and the memory then."""

    seconds: float
    memory: Memory


@dataclass(frozen=True)
class Figure:
    """The median of runs. `failure` says what went wrong in one of them; such a figure counts for no goal."""

    rate: float
    p50_ms: float
    p99_ms: float
    runs: int
    failure: str = ""


def figure(runs: Sequence[Run]) -> Figure:
    return Figure(
        median(run.rate for run in runs),
        median(run.p50_ms for run in runs),
        median(run.p99_ms for run in runs),
        len(runs),
        _failure(runs),
    )


def _failure(runs: Iterable[Run]) -> str:
    for run in runs:
        if run.wrong:
            return f"{run.wrong} of {run.requests} answers wrong: {run.shown}"
        if run.shown:
            return run.shown
        if run.broken:
            return f"{run.broken} connections broke or timed out"
        if not run.requests:
            return "no answer at all"
    return ""


def started(starts: Sequence[Started]) -> Started:
    """Return the median of each value."""
    memory = Memory(median(start.memory.rss for start in starts), median(start.memory.pss for start in starts))
    return Started(median(start.seconds for start in starts), memory)


@dataclass(frozen=True)
class Waits:
    """The times of the answers to one request."""

    count: int
    median_ms: float
    p99_ms: float
    slowest_ms: float


def waits(seconds: Sequence[float]) -> Waits:
    """Return the summary of at least one wait. The p99 is a measured wait; 99 % are not longer."""
    found = sorted(each * 1000 for each in seconds)
    return Waits(len(found), median(found), found[math.ceil(0.99 * len(found)) - 1], found[-1])


@dataclass
class Measured:
    """All results of one run, by the names of servers. `absent` has the reason for each missing server and model.

    `alone` has the starts of our server by model, `by_code` those with `--load code`, `bare` those of a Python that
    only loads the model, and `empty` those of a server without a model.

    `limits` has a profile of our server for each load where it missed a goal. `meanwhile` is by path and by the
    concurrent work; `meanwhile_seconds` is the duration of the long prediction.
    """

    runs: dict[Case, dict[str, list[Run]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    starts: dict[str, list[Started]] = field(default_factory=lambda: defaultdict(list))
    absent: dict[tuple[str, str], str] = field(default_factory=dict)
    bare: dict[str, list[Started]] = field(default_factory=lambda: defaultdict(list))
    alone: dict[str, list[Started]] = field(default_factory=lambda: defaultdict(list))
    by_code: dict[str, list[Started]] = field(default_factory=lambda: defaultdict(list))
    empty: list[Started] = field(default_factory=list)
    bare_predict: list[float] = field(default_factory=list)
    binary: dict[tuple[str, int], list[Run]] = field(default_factory=lambda: defaultdict(list))
    binary_absent: str = ""
    meanwhile: dict[tuple[str, str], Waits] = field(default_factory=dict)
    meanwhile_seconds: float = 0.0
    meanwhile_absent: str = ""
    limits: dict[str, str] = field(default_factory=dict)

    def figure(self, case: Case, server: str) -> Figure | None:
        """Return the median, or None if nothing was measured."""
        runs = self.runs.get(case, {}).get(server)
        return figure(runs) if runs else None

    def client_busy(self) -> float:
        """Return the largest share of its core that the load generator used, by medians of each case and server."""
        shares = [median(run.client_busy for run in runs) for of in self.runs.values() for runs in of.values()]
        return max(shares, default=0.0)
