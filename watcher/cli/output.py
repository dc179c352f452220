"""What a command prints: a table or lines for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from watcher.core.text import one_line
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
    click.echo(json.dumps(body, indent=2, ensure_ascii=False))


def on_terminal() -> bool:
    """Return whether a person looks: progress and colours are for people alone. Click removes colours in a pipe."""
    return sys.stdout.isatty()


def coloured(state: str) -> str:
    """Return the word of a state in its colour."""
    return click.style(state, fg=COLOURS[State(state)]) if state in set(State) else state


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, none: str = "") -> str:
    """Return the rows below their headers, in the manner of kubectl: each column as wide as its longest cell.

    Texts are made clean, because uploaders wrote some of them. `none` is returned instead of an empty table.

    Raises:
        KeyError: A row lacks one of the columns.

    """
    if not rows:
        return none
    cells = [[column.upper().replace("_", " ") for column in columns]]
    cells += [[_cell(row[column]) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(coloured(cell.strip()) + " " * (len(cell) - len(cell.strip())) for cell in padded))
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: Any) -> str:
    return "" if value is None else one_line(str(value))
