"""Measure the servers side by side and write the results: `make bench-serving [QUICK=1]`."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dev.processes import StopRequested, stop_on_signals
from dev.sections import write_section
from tests.bench.serving import binary, cases, cores, meanwhile, models, rounds, startup, wrk
from tests.bench.serving.bench import Bench, say
from tests.bench.serving.chart import chart
from tests.bench.serving.figures import Measured
from tests.bench.serving.goals import outcomes
from tests.bench.serving.report import Circumstances, document, line
from tests.bench.serving.servers import ALL, CORE, PEOPLE_SERVERS, Server

ROOT = Path(__file__).parents[3]
_KNOWN = " / ".join(server.name for server in ALL)


def main() -> int:
    options = _arguments()
    effort = cases.QUICK if options.quick else cases.FULL
    servers = options.servers or (CORE if options.quick else ALL)
    stop_on_signals()
    try:
        wrk.require()
        chosen = cores.choose()
        # This program itself does not run on the servers' core.
        os.sched_setaffinity(0, {chosen.client})
        began, others = dt.datetime.now(dt.UTC), cores.busy()
        measured = _measured(servers, effort, chosen, people_only=options.people)
    except (wrk.WrkError, cores.TooFewCoresError) as error:
        print(error, file=sys.stderr)
        return 1
    except StopRequested:
        print("Stopped; nothing was written.", file=sys.stderr)
        return 130
    how = _circumstances(effort, began, max(others, cores.busy()))
    whole = not (options.quick or options.servers or options.people)
    _write(options.to or _target(whole=whole), measured, servers, effort, how)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.serving", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="few servers, one short run each; shows only that it works"
    )
    parser.add_argument("--servers", type=servers_named, help=f"comma-separated starts of names, of: {_KNOWN}")
    parser.add_argument(
        "--people", action="store_true", help="only the starts, and the models that people have, beside a naive server"
    )
    parser.add_argument("--to", type=Path, help="folder for performance.md and performance.svg")
    return parser.parse_args()


def servers_named(names: str) -> Sequence[Server]:
    """Return servers by the start of their names, in any case. Raise ArgumentTypeError for an unknown name."""
    wanted = tuple(name.strip().lower() for name in names.split(","))
    for name in wanted:
        if not name or not any(server.name.lower().startswith(name) for server in ALL):
            raise argparse.ArgumentTypeError(f"no server is called '{name}'; there are {_KNOWN}")
    return [server for server in ALL if server.name.lower().startswith(wanted)]


def _target(*, whole: bool) -> Path:
    # A quick run measures noise, and a few servers are no comparison: neither may replace figures.
    return ROOT / "docs" if whole else ROOT / ".kubeserve" / "bench"


def _measured(servers: Sequence[Server], effort: cases.Effort, chosen: cores.Cores, *, people_only: bool) -> Measured:
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        bench = Bench(Measured(), effort, chosen, Path(folder))
        files = models.save(bench.folder, dict.fromkeys([*effort.models, *effort.people_models, *effort.started]))
        say("Starting our server, a bare Python and an empty server …")
        startup.measure(bench, {name: files[name] for name in effort.started})
        rounds.measure(bench, PEOPLE_SERVERS, {name: files[name] for name in effort.people_models}, effort.people)
        if people_only:
            return bench.measured
        say("Sending 8 MB by V2's binary extension …")
        binary.measure(bench)
        say("Requesting health during a long prediction …")
        meanwhile.measure(bench)
        rounds.measure(bench, servers, {name: files[name] for name in effort.models}, effort.cases)
        return bench.measured


def _write(
    folder: Path, measured: Measured, servers: Sequence[Server], effort: cases.Effort, how: Circumstances
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page = document(measured, servers, effort.cases, how)
    write_section(folder / "performance.md", "serving", page)
    (folder / "performance.svg").write_text(chart(measured, servers, effort.charted))
    print(page)
    for outcome in outcomes(measured):
        print(line(outcome))
    print(f"Written to {folder / 'performance.md'} and performance.svg.")


def _circumstances(effort: cases.Effort, began: dt.datetime, others: float) -> Circumstances:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("scikit-learn", "numpy", "sanic"))
    minutes = (dt.datetime.now(dt.UTC) - began).total_seconds() / 60
    return Circumstances(
        when=f"{began:%Y-%m-%d %H:%M} UTC",
        machine=cores.machine(),
        versions=f"Python {platform.python_version()}, {versions}",
        effort=f"Medians of {effort.rounds} runs of {effort.seconds} s in turns, of {effort.goal_rounds} for "
        f"{', '.join(server.name for server in CORE)} where a goal compares them; {minutes:.0f} minutes in all",
        others=others,
    )


if __name__ == "__main__":
    sys.exit(main())
