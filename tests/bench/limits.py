"""`make bench-limits`: send each hostile body to a server, and write what it costs into docs/limits.md."""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from pathlib import Path

from dev.sections import write_section
from tests.hostile_bodies import AT_THE_LIMIT, MB, TOO_MANY, Cost, HostileBody, Servers, send

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


def main() -> int:
    """Measure the bodies whose names have one of the arguments in them; all of them where there are none."""
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder)) as servers:
        parts = {
            "More values than are accepted": rows(TOO_MANY, wanted, servers),
            "As many values as are accepted, or few values of any size": rows(AT_THE_LIMIT, wanted, servers),
        }
    text = "\n\n".join(f"### {title}\n\n{table(lines)}" for title, lines in parts.items() if lines)
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


def table(lines: list[str]) -> str:
    return "\n".join([f"| {' | '.join(COLUMNS)} |", "| " + " | ".join(["---"] * len(COLUMNS)) + " |", *lines])


if __name__ == "__main__":
    sys.exit(main())
