"""The goals of the serving work, and whether each was reached. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from tests.bench.serving.cases import FOREST, LOGISTIC, PEOPLE_CONNECTIONS, SCALER
from tests.bench.serving.figures import Case, Figure, Measured, Started, figure, started
from tests.bench.serving.people import COLUMNS_CODE, PEOPLE, TABULAR
from tests.bench.serving.servers import ECHO, EMPTY, NAIVE, OURS, OURS_BY_CODE, PLATFORMS


@dataclass(frozen=True)
class Goal:
    """Ours compared with the fastest of `beside` in one case: at least `factor` times the rate, or at most the p99."""

    case: Case
    beside: Sequence[str]
    factor: float
    p99: bool = False
    ours: str = OURS.name


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
    *(
        Goal(Case(model, 1, 16), [NAIVE.name], 30 if model in TABULAR else 10)
        for model in PEOPLE
        if model != COLUMNS_CODE
    ),
    *(
        Goal(Case(model, 1, connections), [NAIVE.name], 1, ours=OURS_BY_CODE.name)
        for model in PEOPLE
        for connections in PEOPLE_CONNECTIONS
    ),
)
START_FACTOR, MEMORY_FACTOR = 1.2, 1.3
"""Of the start by code, beside a Python that imports joblib and loads the model."""
DATA_SECONDS, DATA_FACTOR, EMPTY_FACTOR = 0.6, 0.25, 1.5
"""Of the start by data: seconds, and beside the start by code and an empty server."""
DATA_MEMORY, DATA_MEMORY_FACTOR = 50, 0.45
"""MB of PSS, and beside that by code."""
BINARY, BINARY_FACTOR, BINARY_CONNECTIONS = "10,000 rows × 100 features by V2 binary", 0.5, 2
"""Two connections keep a core busy: one body arrives during the prediction of the other. Sixteen would be 128 MB in
flight, which a server with backpressure rejects."""


def outcomes(measured: Measured) -> list[Outcome]:
    """Return the outcome of every goal."""
    found = [_outcome(goal, measured) for goal in GOALS]
    found.append(binary_outcome(measured))
    for model in measured.bare:
        found += [*_start_by_data(model, measured), *_start_by_code(model, measured)]
    return found


def missed(case: Case, measured: Measured) -> bool:
    """Return whether a goal for this load was measured and not met."""
    found = [_outcome(goal, measured) for goal in GOALS if goal.case == case]
    return any(outcome.ratio is not None and not outcome.met for outcome in found)


def _outcome(goal: Goal, measured: Measured) -> Outcome:
    text = _text(goal)
    ours, reason = _usable(measured, goal.case, goal.ours)
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
    way = "" if goal.ours == OURS.name else ", by code"
    return f"{described(goal.case)}{way}: {what} {goal.factor:g} × {whom}"


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


def _start_by_code(model: str, measured: Measured) -> list[Outcome]:
    ours = measured.by_code.get(model)
    if not ours:
        return [_not_started(f"{model}, by code: start", measured, OURS_BY_CODE.name, model)]
    mine, bare = started(ours), started(measured.bare[model])
    beside = "import + load"
    return [
        _seconds(f"{model}, by code: healthy after ≤ {START_FACTOR:g} × {beside}", mine, bare, START_FACTOR),
        Outcome(
            f"{model}, by code: memory ≤ {MEMORY_FACTOR:g} × a bare Python that has loaded it",
            mine.memory.rss / bare.memory.rss,
            mine.memory.rss <= MEMORY_FACTOR * bare.memory.rss,
            f"{mine.memory.rss:.0f} MB RSS beside {bare.memory.rss:.0f}",
        ),
    ]


def _start_by_data(model: str, measured: Measured) -> list[Outcome]:
    if not measured.alone.get(model):
        return [_not_started(f"{model}: start", measured, OURS.name, model)]
    ours = started(measured.alone[model])
    pss = ours.memory.pss
    found = [
        Outcome(
            f"{model}: healthy after ≤ {DATA_SECONDS:g} s",
            ours.seconds / DATA_SECONDS,
            ours.seconds <= DATA_SECONDS,
            f"{ours.seconds:.2f} s",
        ),
        Outcome(f"{model}: memory ≤ {DATA_MEMORY} MB PSS", pss / DATA_MEMORY, pss <= DATA_MEMORY, f"{pss:.0f} MB PSS"),
    ]
    if measured.empty:
        text = f"{model}: healthy after ≤ {EMPTY_FACTOR:g} × an {EMPTY.name}"
        found.append(_seconds(text, ours, started(measured.empty), EMPTY_FACTOR))
    if measured.by_code.get(model):
        code = started(measured.by_code[model])
        found += [
            _seconds(f"{model}: healthy after ≤ {DATA_FACTOR:g} × by code", ours, code, DATA_FACTOR),
            Outcome(
                f"{model}: memory ≤ {DATA_MEMORY_FACTOR:g} × by code",
                pss / code.memory.pss,
                pss <= DATA_MEMORY_FACTOR * code.memory.pss,
                f"{pss:.0f} MB PSS beside {code.memory.pss:.0f}",
            ),
        ]
    return found


def _seconds(text: str, ours: Started, other: Started, factor: float) -> Outcome:
    ratio = ours.seconds / other.seconds
    return Outcome(text, ratio, ratio <= factor, f"{ours.seconds:.2f} s beside {other.seconds:.2f}")


def _not_started(text: str, measured: Measured, server: str, model: str) -> Outcome:
    return Outcome(text, None, met=False, detail=measured.absent.get((server, model), "not measured"))
