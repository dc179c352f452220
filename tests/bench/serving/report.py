"""Write docs/performance.md from the measurements. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.serving.cases import PEOPLE_CONNECTIONS
from tests.bench.serving.figures import Case, Figure, Measured, Started, figure, started
from tests.bench.serving.goals import BINARY, BINARY_CONNECTIONS, Outcome, described, outcomes
from tests.bench.serving.people import PEOPLE
from tests.bench.serving.servers import EMPTY, OURS, PEOPLE_SERVERS, RECEIVER, Server

BUSY = 0.9
"""Share of a core. A load generator above it may itself have been the limit."""
REASON = 300
"""Characters of one reason, at most."""
QUIET = 0.05
"""Share of the machine. If other programs use more than this before or after, the figures are noise."""


@dataclass(frozen=True)
class Circumstances:
    """The machine, the time and the method of the measurement."""

    when: str
    machine: str
    versions: str
    effort: str
    others: float


def document(measured: Measured, servers: Sequence[Server], cases: Sequence[Case], how: Circumstances) -> str:
    """Return the whole page."""
    parts = [_opening(how), _goals(outcomes(measured)), _limits(measured), "![Requests per second](performance.svg)"]
    parts += [_model(measured, servers, cases, model) for model in dict.fromkeys(case.model for case in cases)]
    parts += [_people(measured), _failures(measured), _starts(measured, servers), _alone(measured), _binary(measured)]
    parts += [_meanwhile(measured), _settings(_shown(measured, servers)), _notes(measured, how)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _opening(how: Circumstances) -> str:
    return f"""## Serving, beside others

Written by `make bench-serving`.

- **When, where**: {how.when}; {how.machine}; {how.versions}.
- **How**: each server, with all that it starts, is pinned to one core and wrk to another. {how.effort}.
- **Right or not**: every answer is compared, body and status, with one that was found equal to scikit-learn's own.
  A cell with one wrong answer in it has failed, and counts for no goal."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table. Characters that would break a cell are removed."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.replace("|", "/").split()) for cell in line) + " |" for line in lines
    )


def _goals(found: Sequence[Outcome]) -> str:
    rows = [
        (each.goal, "—" if each.ratio is None else f"{each.ratio:.2f} ×", verdict(each), each.detail) for each in found
    ]
    return "### Goals\n\n" + table(["goal", "reached", "", "measured"], rows)


def _limits(measured: Measured) -> str:
    if not measured.limits:
        return ""
    words = "py-spy's samples of KubeServe under the load of each goal that it missed, by package and by function."
    return f"### What limits it\n\n{words}\n\n" + table(["load", "where the time goes"], measured.limits.items())


def verdict(outcome: Outcome) -> str:
    """Return the result in one or two words."""
    if outcome.ratio is None:
        return "not measured"
    return "met" if outcome.met else "**missed**"


def line(outcome: Outcome) -> str:
    """Return an outcome as one line for a terminal."""
    ratio = "" if outcome.ratio is None else f"{outcome.ratio:.2f} ×, "
    return f"{verdict(outcome).strip('*'):12} {outcome.goal}: {ratio}{outcome.detail}"


def _model(measured: Measured, servers: Sequence[Server], cases: Sequence[Case], model: str) -> str:
    wanted = [case for case in cases if case.model == model]
    head = ["server", *(_short(case) for case in wanted)]
    rows = [[server.name, *(_cell(measured, server.name, case) for case in wanted)] for server in servers]
    return f"### {model[0].upper()}{model[1:]}\n\nRequests/s (p50 / p99 in ms).\n\n" + table(head, rows)


def _people(measured: Measured) -> str:
    """Return one line for each model that people have."""
    models = [model for model in PEOPLE if any(case.model == model for case in measured.runs)]
    if not models:
        return ""
    columns = [(server.name, connections) for connections in PEOPLE_CONNECTIONS for server in PEOPLE_SERVERS]
    head = ["model, 1 row", *(f"{name}, {connections} conn." for name, connections in columns)]
    rows = [
        [model, *(_cell(measured, name, Case(model, 1, connections)) for name, connections in columns)]
        for model in models
    ]
    words = (
        "Requests/s (p50 / p99 in ms). Tables are sent as objects by column name; the naive server makes a DataFrame "
        "of them."
    )
    return f"### Models that people have\n\n{words}\n\n" + table(head, rows)


def _short(case: Case) -> str:
    return f"{case.rows} row{'s' * (case.rows > 1)}, {case.connections} conn."


def _cell(measured: Measured, server: str, case: Case) -> str:
    found = measured.figure(case, server)
    if found is None:
        return "did not start" if (server, case.model) in measured.absent else "not measured"
    return shown(found)


def shown(found: Figure) -> str:
    """Return text such as `27,002 (0.60 / 0.72)`."""
    if found.failure:
        return "**failed**"
    return f"{found.rate:,.0f} ({_ms(found.p50_ms)} / {_ms(found.p99_ms)})"


def _ms(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _failures(measured: Measured) -> str:
    """Return each reason once for each server, with the first case in which it was seen."""
    seen: dict[tuple[str, str], str] = {}
    for (server, model), reason in measured.absent.items():
        seen.setdefault((server, reason), model)
    for case, by_server in measured.runs.items():
        for server, runs in by_server.items():
            if reason := figure(runs).failure:
                seen.setdefault((server, reason), described(case))
    for (server, connections), runs in measured.binary.items():
        if reason := figure(runs).failure:
            seen.setdefault((server, reason), f"{BINARY}, {connections} conn.")
    if not seen:
        return ""
    rows = [(server, where, reason[:REASON]) for (server, reason), where in seen.items()]
    return "### What failed\n\n" + table(["server", "first seen with", "reason"], rows)


def _starts(measured: Measured, servers: Sequence[Server]) -> str:
    rows = []
    for server in servers:
        if starts := measured.starts.get(server.name):
            found = started(starts)
            memory = found.memory
            rows.append([server.name, f"{found.seconds:.2f} s", f"{memory.rss:.0f}", f"{memory.pss:.0f}"])
        else:
            rows.append([server.name, "did not start", "", ""])
    head = ["server", "healthy after", "RSS MB", "PSS MB"]
    return "### Start and memory\n\nOnce per model, all its processes together; the median.\n\n" + table(head, rows)


def _alone(measured: Measured) -> str:
    rows = []
    for model, starts in measured.bare.items():
        rows.append([f"bare Python, {model}", *_start_cells(starts)])
        if measured.alone.get(model):
            rows.append([f"KubeServe, {model}", *_start_cells(measured.alone[model])])
        if measured.by_code.get(model):
            rows.append([f"KubeServe by code, {model}", *_start_cells(measured.by_code[model])])
    if measured.empty:
        rows.append([EMPTY.name, *_start_cells(measured.empty)])
    if not rows:
        return ""
    words = "Beside a Python that only imports joblib and loads the model, and an empty Sanic with NumPy; by turns."
    return f"### Ours beside a bare Python\n\n{words}\n\n" + table(["", "ready after", "RSS MB", "PSS MB"], rows)


def _start_cells(starts: Sequence[Started]) -> list[str]:
    found = started(starts)
    return [f"{found.seconds:.2f} s", f"{found.memory.rss:.0f}", f"{found.memory.pss:.0f}"]


def _binary(measured: Measured) -> str:
    rates = measured.bare_predict
    rows = [["bare `predict`, in process", f"{median(rates):,.0f}" if rates else "not measured"]]
    for (server, connections), runs in sorted(measured.binary.items()):
        rows.append([f"{server}, {connections} conn.", shown(figure(runs))])
    if measured.binary_absent:
        rows.append([OURS.name, measured.binary_absent])
    bound = _bound(measured)
    if bound:
        rows.append(["receiver, then bare `predict`", f"{bound:,.0f}"])
    words = "Logistic regression; 8 MB of float64 a request by V2's binary extension; predictions/s, the same core."
    judged = (
        f"The goal is judged at {BINARY_CONNECTIONS} connections. The echo and the receiver answer zeros to the same."
    )
    limit = "The last line is what one core can do that first receives the bytes and then predicts from them."
    said = " ".join([words, judged, *([limit] if bound else [])])
    return f"### 10,000 rows × 100 features\n\n{said}\n\n" + table(["", "per second (p50 / p99 in ms)"], rows)


def _bound(measured: Measured) -> float:
    """Return the requests per second of a core that receives and then predicts; 0 if one was not measured."""
    rates, received = measured.bare_predict, measured.binary.get((RECEIVER.name, BINARY_CONNECTIONS))
    if not rates or not received or figure(received).failure:
        return 0.0
    return 1 / (1 / median(rates) + 1 / figure(received).rate)


def _meanwhile(measured: Measured) -> str:
    title = "### While a long prediction runs"
    if measured.meanwhile_absent or not measured.meanwhile:
        return f"{title}\n\nNot measured: {measured.meanwhile_absent}." if measured.meanwhile_absent else ""
    words = (
        "KubeServe on one core, asked by turns, each time on a connection of its own; then the same while it answers\n"
        f"one request to a model of support vectors, in {measured.meanwhile_seconds:.1f} s, nearly all of it one call."
    )
    rows = [
        (path, beside, f"{it.count}", _ms(it.median_ms), _ms(it.p99_ms), _ms(it.slowest_ms))
        for (path, beside), it in measured.meanwhile.items()
    ]
    head = ["asked", "beside", "answers", "median ms", "p99 ms", "slowest ms"]
    return f"{title}\n\n{words}\n\n" + table(head, rows)


def _shown(measured: Measured, servers: Sequence[Server]) -> list[Server]:
    """Return the servers that have figures. The receiver is in one section only."""
    return [*servers, *([RECEIVER] if (RECEIVER.name, BINARY_CONNECTIONS) in measured.binary else [])]


def _settings(servers: Sequence[Server]) -> str:
    rows = [(server.name, server.requirements[0] if server.requirements else "", server.settings) for server in servers]
    words = "Each peer as its documentation shows it, access logs off: `tests/bench/serving/peers`."
    return f"### Settings\n\n{words}\n\n" + table(["server", "package", "settings"], rows)


def _notes(measured: Measured, how: Circumstances) -> str:
    notes = ["All requests of a run are equal and each waits for its answer, which favours batching."]
    busy = measured.client_busy()
    notes.append(f"wrk needed at most {busy:.0%} of its core.")
    if busy > BUSY:
        notes.append("Where it was that busy it may have been the limit: the fastest servers may be faster still.")
    if how.others > QUIET:
        notes.append(f"**The machine was not quiet**: other work took {how.others:.0%} of it. The figures are noise.")
    return "### Read with care\n\n" + "\n".join(f"- {note}" for note in notes)
