"""What a command prints: a table or lines for people, JSON for programs."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
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
SENTENCES = ("reason", "detail")
"""The columns of sentences. One is a table's last, so that it pads no other column."""
INDENT = "  "
"""Before a sentence that stands below its row."""

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


def redraws() -> bool:
    """Return whether lines that were printed can be replaced: on a terminal that moves its cursor."""
    return on_terminal() and os.environ.get("TERM") != "dumb"


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

    Texts are made clean, because uploaders wrote some of them. `none` is returned instead of an empty table. Where the
    lines do not fit the `width`, the sentences of the last column stand below their rows, in full.

    Raises:
        KeyError: A row lacks one of the columns.

    """
    if not rows:
        return none
    cells = [[column.upper().replace("_", " ") for column in columns]]
    cells += [[_cell(row[column]) for column in columns] for row in rows]
    below = [""] * len(cells)
    if width and columns[-1] in SENTENCES and _line_width(cells) > width:
        below = ["", *[row[-1] for row in cells[1:]]]
        cells = [row[:-1] for row in cells]
    widths = _widths(cells)
    lines = []
    for row, sentence in zip(cells, below, strict=True):
        padded = [cell.ljust(size) for cell, size in zip(row, widths, strict=True)]
        lines.append(GAP.join(coloured(cell.strip()) + " " * (len(cell) - len(cell.strip())) for cell in padded))
        lines += _indented(sentence, width) if width else []
    return "\n".join(line.rstrip() for line in lines)


def _widths(cells: list[list[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*cells, strict=True)]


def _line_width(cells: list[list[str]]) -> int:
    widths = _widths(cells)
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _indented(sentence: str, width: int) -> list[str]:
    # A word longer than the line, such as a key, is left to the terminal, so that it can be copied in one piece.
    wrapped = textwrap.wrap(sentence, max(1, width - len(INDENT)), break_long_words=False, break_on_hyphens=False)
    return [INDENT + line for line in wrapped]


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


def _cell(value: Any) -> str:
    return "" if value is None else one_line(str(value))
