"""The body of `GET /status`, and the same as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from watcher.control.source_health import SourceHealth, SourceStatus
from watcher.control.status_board import StatusBoard
from watcher.core.text import one_line
from watcher.core.types import ModelStatus, Refusal

SECTIONS = (
    ("MODELS", "models", ("namespace", "model", "version", "state", "loaded", "since", "url", "reason")),
    ("REFUSED KEYS", "refused", ("key", "reason")),
    ("SOURCES", "sources", ("name", "live", "hints", "since", "detail")),
)


def snapshot(
    board: StatusBoard, sources: SourceHealth, loaded_as: Callable[[ModelStatus], str] = lambda _: ""
) -> dict[str, Any]:
    """Return the body of `GET /status`. Texts that others wrote are clean and bounded.

    `loaded_as` returns how a model was loaded, `data` or `code`; "" where that is not known.
    """
    return {
        "models": [{**_plain(item), "loaded": loaded_as(item)} for item in board.models()],
        "refused": [_plain(item) for item in board.refused],
        "sources": [_plain(item) for item in sources.all()],
    }


def table(status: Mapping[str, Any]) -> str:
    """Return the same as text, in the manner of kubectl.

    Raises:
        KeyError, TypeError: `status` is not the body of a watcher's `GET /status`.

    """
    parts = [f"{title}\n{_aligned(status[key], columns)}" for title, key, columns in SECTIONS if status[key]]
    return "\n\n".join(parts if status["models"] else ["MODELS\nno models", *parts])


def _aligned(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return the rows below their headers, each column as wide as its longest cell."""
    cells = [[column.upper() for column in columns]]
    cells += [[one_line(str(row[column])) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def _plain(item: ModelStatus | SourceStatus | Refusal) -> dict[str, Any]:
    fields = {name: one_line(value) if isinstance(value, str) else value for name, value in asdict(item).items()}
    return fields if isinstance(item, Refusal) else {**fields, "since": item.since.isoformat(timespec="seconds")}
