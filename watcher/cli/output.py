"""What a command prints: a table or lines for people, JSON for programs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from watcher.core.text import json_text, one_line
from watcher.core.types import State

COLOURS = {
    State.READY: "green",
    State.APPLIED: "cyan",
    State.PROGRESSING: "cyan",
    State.FAILED: "red",
    State.REJECTED: "red",
    State.PAUSED: "yellow",
    State.WAITING: "yellow",
    State.HELD: "yellow",
}

GAP = "  "
"""Between two columns."""
SHORTEST_REASON = 24
"""Characters. A reason is not shortened further; then the lines wrap."""
KIBI = 1024
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or JSON.",
)
"""Every command that prints a result takes it, as `output`."""


def print_json(body: Any) -> None:
    """Print a result for programs."""
    click.echo(json_text(body, indent=2))


def print_json_line(body: Any) -> None:
    """Print one of many results for programs, in a line of its own."""
    click.echo(json_text(body))


def on_terminal() -> bool:
    """Return whether a person looks: progress and colours are for people alone. Click removes colours in a pipe."""
    return sys.stdout.isatty()


def coloured(state: str) -> str:
    """Return the word of a state in its colour."""
    return click.style(state, fg=COLOURS[State(state)]) if state in set(State) else state


def terminal_width() -> int | None:
    """Return the columns of the terminal; None in a pipe, where nothing is shortened."""
    return shutil.get_terminal_size().columns if on_terminal() else None


def table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, none: str = "", width: int | None = None
) -> str:
    """Return the rows below their headers, in the manner of kubectl: each column as wide as its longest cell.

    Texts are made clean, because uploaders wrote some of them. `none` is returned instead of an empty table. With a
    `width`, the column `reason` is shortened so that the lines fit.

    Raises:
        KeyError: A row lacks one of the columns.

    """
    if not rows:
        return none
    cells = [[column.upper().replace("_", " ") for column in columns]]
    cells += [[_cell(row[column]) for column in columns] for row in rows]
    if width and "reason" in columns:
        _shorten(cells, columns.index("reason"), width)
    widths = _widths(cells)
    lines = []
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append(GAP.join(coloured(cell.strip()) + " " * (len(cell) - len(cell.strip())) for cell in padded))
    return "\n".join(line.rstrip() for line in lines)


def _widths(cells: list[list[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*cells, strict=True)]


def _shorten(cells: list[list[str]], index: int, width: int) -> None:
    widths = _widths(cells)
    others = sum(widths) - widths[index] + len(GAP) * (len(widths) - 1)
    limit = max(SHORTEST_REASON, width - others)
    for row in cells:
        if len(row[index]) > limit:
            row[index] = row[index][: limit - 1] + "…"


def age(since: str | None, now: datetime) -> str:
    """Return the time since an ISO 8601 time as kubectl does: `42s`, `5m`, `3h`, `12d`; "" if it is not known."""
    try:
        then = datetime.fromisoformat(since or "")
    except ValueError:
        return ""
    seconds = max(0, int((now - then.replace(tzinfo=then.tzinfo or UTC)).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def size(count: int | None) -> str:
    """Return a number of bytes for people: `512 B`, `1.4 MiB`; "" if it is not known."""
    if count is None:
        return ""
    number, unit = float(count), 0
    while number >= KIBI and unit < len(UNITS) - 1:
        number, unit = number / KIBI, unit + 1
    return f"{number:.1f} {UNITS[unit]}" if unit else f"{count} B"


def _cell(value: Any) -> str:
    return "" if value is None else one_line(str(value))
