"""`make bench-limits`: send each hostile body to a server, and write what it costs into docs/limits.md."""

from __future__ import annotations

import json
import platform
import statistics
import sys
import tempfile
from pathlib import Path

from dev.sections import write_section
from tests.hostile_bodies import AT_THE_LIMIT, CODINGS, MB, TOO_MANY, Cost, HostileBody, Servers, answer_to, send

LIMITS = Path("docs/limits.md")
COLUMNS = (
    "body",
    "model",
    "on the wire",
    "unpacked",
    "answer",
    "seconds",
    "peak memory",
    "of the accounted",
    "slowest `/health`",
)
SHOWN = 90
"""Characters of an error text."""

GROWTH_COLUMNS = ("body", "a tenth of it", "seconds", "the whole", "seconds", "ratio")
MAX_RATIO = 12
"""The time that a body may take in relation to a tenth of it."""
REPEATS = 3
GROWTH = f"""### Ten times the size

The time from the request to its answer, for each body of the table above and for a tenth of it: the median of
{REPEATS} of each, in turn. The goal is a ratio of at most {MAX_RATIO}. A step in proportion to the bytes may
exceed it a little: a byte of 16 MB costs up to 1.5 times as much to unpack as one of 1.6 MB, three times as much to
parse, and four times as much to copy, because of new pages of memory and the processor's caches. Unit tests count the
steps themselves.

Bodies that a limit refuses before their size matters are left out: more values than are accepted, more bytes than are
unpacked, nesting, long fields, and shapes that announce more than is there."""


def main() -> int:
    """Measure the bodies whose names have one of the arguments in them; all of them where there are none."""
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder)) as servers:
        parts = {
            "More values than are accepted": rows(TOO_MANY, wanted, servers),
            "As many values as are accepted, or few values of any size": rows(AT_THE_LIMIT, wanted, servers),
        }
        growth = growth_rows(AT_THE_LIMIT, wanted, servers)
    text = "\n\n".join(f"### {title}\n\n{table(COLUMNS, lines)}" for title, lines in parts.items() if lines)
    text += f"\n\n{GROWTH}\n\n{table(GROWTH_COLUMNS, growth)}"
    if not wanted:
        write_section(LIMITS, "limits", f"{text}\n\n{platform.machine()}, Python {platform.python_version()}.")
    return 0


def rows(bodies: list[HostileBody], wanted: list[str], servers: Servers) -> list[str]:
    """Return a line of the table for each body; print each when it is measured."""
    found = []
    for body in bodies:
        if wanted and not any(word in body.name for word in wanted):
            continue
        found.append(row(body, send(body, *servers.of(body.model))))
        print(found[-1], flush=True)
    return found


def row(body: HostileBody, cost: Cost) -> str:
    cells = (
        body.name.replace("|", r"\|"),
        body.model,
        size(cost.wire) + (f" {body.coding}" if body.coding else ""),
        size(cost.unpacked),
        answer(cost),
        f"{cost.seconds:.2f}",
        f"{cost.growth / MB:.0f} MB",
        f"{cost.growth / max(cost.accounted, 1):.1f} ×" if cost.accounted > MB else "",
        f"{cost.slowest_health * 1000:.0f} ms",
    )
    return f"| {' | '.join(cells)} |"


def answer(cost: Cost) -> str:
    """Return the code, and the beginning of the error text."""
    if cost.status == 200:
        return f"200, {size(len(cost.answer))}"
    text = json.loads(cost.answer)["error"]
    return f"{cost.status} {text[:SHOWN]}{'…' if len(text) > SHOWN else ''}".replace("|", r"\|")


def size(count: int) -> str:
    """Return a number of bytes in the unit that suits it."""
    for unit, factor in (("MB", MB), ("KB", 1024)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} B"


def growth_rows(bodies: list[HostileBody], wanted: list[str], servers: Servers) -> list[str]:
    """Return a line of the second table for each body whose size can change; print each when it is measured."""
    found = []
    for body in bodies:
        small, large = len(body.make(10)), len(body.make(1))
        if large < 5 * small or (wanted and not any(word in body.name for word in wanted)):
            continue
        tenth, whole = median_seconds(body, servers)
        cells = (body.name, size(small), f"{tenth:.4f}", size(large), f"{whole:.3f}", f"{whole / tenth:.1f} ×")
        found.append(f"| {' | '.join(cells)} |")
        print(found[-1], flush=True)
    return found


def median_seconds(body: HostileBody, servers: Servers) -> tuple[float, float]:
    """Return the seconds of a tenth of the body, and of the whole."""
    parts = (10, 1)
    wires = [CODINGS[body.coding](body.make(part)) for part in parts]
    port = servers.of(body.model)[0].port
    times = [[answer_to(body, wire, port)[2] for wire in wires] for _ in range(REPEATS)]
    tenth, whole = map(statistics.median, zip(*times, strict=True))
    return tenth, whole


def table(columns: tuple[str, ...], lines: list[str]) -> str:
    return "\n".join([f"| {' | '.join(columns)} |", "| " + " | ".join(["---"] * len(columns)) + " |", *lines])


if __name__ == "__main__":
    sys.exit(main())
