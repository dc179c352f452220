"""The goals of the serving work, and whether each was reached. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from tests.bench.serving.cases import FOREST, LOGISTIC, SCALER
from tests.bench.serving.figures import Case, Figure, Measured, figure, started
from tests.bench.serving.servers import ECHO, NAIVE, OURS, PLATFORMS


@dataclass(frozen=True)
class Goal:
    """Ours compared with the fastest of `beside` in one case: at least `factor` times the rate, or at most the p99."""

    case: Case
    beside: Sequence[str]
    factor: float
    p99: bool = False


@dataclass(frozen=True)
class Outcome:
    """`ratio` is None if it could not be measured; `detail` then has the reason."""

    goal: str
    ratio: float | None
    met: bool
    detail: str


_ONE_ROW_16 = Case(LOGISTIC, 1, 16)

GOALS = (
    Goal(_ONE_ROW_16, [ECHO.name], 0.85),
    Goal(_ONE_ROW_16, [NAIVE.name], 3.5),
    Goal(_ONE_ROW_16, [server.name for server in PLATFORMS], 12),
    Goal(_ONE_ROW_16, [ECHO.name], 2, p99=True),
    Goal(Case(LOGISTIC, 1, 1), [ECHO.name], 0.85),
    Goal(Case(SCALER, 1, 16), [ECHO.name], 0.8),
    Goal(Case(FOREST, 1, 16), [NAIVE.name], 60),
    Goal(Case(LOGISTIC, 100, 16), [NAIVE.name], 3),
)
START_FACTOR, MEMORY_FACTOR = 1.2, 1.3
BINARY, BINARY_FACTOR, BINARY_CONNECTIONS = "10,000 rows × 100 features by V2 binary", 0.5, 2
"""Two connections keep a core busy: one body arrives during the prediction of the other. Sixteen would be 128 MB in
flight, which a server with backpressure rejects."""


def outcomes(measured: Measured) -> list[Outcome]:
    """Return the outcome of every goal."""
    found = [_outcome(goal, measured) for goal in GOALS]
    found.append(binary_outcome(measured))
    for model in measured.bare:
        found += _startup(model, measured)
    return found


def missed(case: Case, measured: Measured) -> bool:
    """Return whether a goal for this load was measured and not met."""
    found = [_outcome(goal, measured) for goal in GOALS if goal.case == case]
    return any(outcome.ratio is not None and not outcome.met for outcome in found)


def _outcome(goal: Goal, measured: Measured) -> Outcome:
    text = _text(goal)
    ours, reason = _usable(measured, goal.case, OURS.name)
    if ours is None:
        return Outcome(text, None, met=False, detail=reason)
    others = {name: found for name in goal.beside if (found := _usable(measured, goal.case, name)[0])}
    if not others:
        return Outcome(text, None, met=False, detail=f"not measured: {' / '.join(goal.beside)}")
    fastest = max(others, key=lambda name: others[name].rate)
    found = _compared(goal, text, ours, fastest, others[fastest])
    missing = [name for name in goal.beside if name not in others]
    return replace(found, detail=f"{found.detail}; without {' / '.join(missing)}") if missing else found


def _compared(goal: Goal, text: str, ours: Figure, name: str, other: Figure) -> Outcome:
    if goal.p99:
        ratio = ours.p99_ms / other.p99_ms
        return Outcome(text, ratio, ratio <= goal.factor, f"{ours.p99_ms:.2f} ms beside {name}'s {other.p99_ms:.2f}")
    ratio = ours.rate / other.rate
    return Outcome(text, ratio, ratio >= goal.factor, f"{ours.rate:,.0f}/s beside {name}'s {other.rate:,.0f}")


def _usable(measured: Measured, case: Case, server: str) -> tuple[Figure | None, str]:
    found = measured.figure(case, server)
    if found is None:
        reason = measured.absent.get((server, case.model))
        return None, f"{server} did not start: {reason}" if reason else f"{server} was not measured"
    return (None, f"{server}: {found.failure}") if found.failure else (found, "")


def _text(goal: Goal) -> str:
    what = "p99 ≤" if goal.p99 else "≥"
    whom = goal.beside[0] if len(goal.beside) == 1 else "the fastest of the platforms"
    return f"{described(goal.case)}: {what} {goal.factor:g} × {whom}"


def described(case: Case) -> str:
    """Return a description such as `forest of 100 trees, 1 row, 16 connections`."""
    rows, connections = "row" if case.rows == 1 else "rows", "connection" if case.connections == 1 else "connections"
    return f"{case.model}, {case.rows} {rows}, {case.connections} {connections}"


def binary_outcome(measured: Measured) -> Outcome:
    text = f"{BINARY}: ≥ {BINARY_FACTOR:g} × the bare predict"
    runs = measured.binary.get((OURS.name, BINARY_CONNECTIONS))
    if measured.binary_absent or not runs or not measured.bare_predict:
        return Outcome(text, None, met=False, detail=measured.binary_absent or "not measured")
    ours, bare = figure(runs), median(measured.bare_predict)
    if ours.failure:
        return Outcome(text, None, met=False, detail=ours.failure)
    ratio = ours.rate / bare
    return Outcome(text, ratio, ratio >= BINARY_FACTOR, f"{ours.rate:,.0f}/s beside {bare:,.0f}")


def _startup(model: str, measured: Measured) -> list[Outcome]:
    fast, small = f"{model}: healthy after ≤ {START_FACTOR:g} × import + load", f"{model}: memory ≤ {MEMORY_FACTOR:g} ×"
    small += " a bare Python that has loaded it"
    if not measured.alone.get(model):
        reason = measured.absent.get((OURS.name, model), "not measured")
        return [Outcome(text, None, met=False, detail=reason) for text in (fast, small)]
    ours, bare = started(measured.alone[model]), started(measured.bare[model])
    quick, lean = ours.seconds / bare.seconds, ours.memory.rss / bare.memory.rss
    return [
        Outcome(fast, quick, quick <= START_FACTOR, f"{ours.seconds:.2f} s beside {bare.seconds:.2f}"),
        Outcome(small, lean, lean <= MEMORY_FACTOR, f"{ours.memory.rss:.0f} MB RSS beside {bare.memory.rss:.0f}"),
    ]
