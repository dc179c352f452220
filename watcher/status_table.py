"""The body of `GET /status`, and the same as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from watcher.control.source_health import SourceHealth, SourceStatus
from watcher.control.status_board import StatusBoard
from watcher.core.types import ModelStatus


def snapshot(board: StatusBoard, sources: SourceHealth) -> dict[str, Any]:
    """The body of `GET /status`."""
    return {
        "models": [_plain(item) for item in board.models()],
        "refused": [asdict(item) for item in board.refused],
        "sources": [_plain(item) for item in sources.all()],
    }


def table(status: Mapping[str, Any]) -> str:
    """The same as text, in the manner of kubectl."""
    parts = [
        _section(status["models"], ["namespace", "model", "version", "state", "since", "url", "reason"], "no models"),
        _section(status["refused"], ["key", "reason"], ""),
        _section(status["sources"], ["name", "live", "hints", "since", "detail"], ""),
    ]
    titles = ["MODELS", "REFUSED KEYS", "SOURCES"]
    return "\n\n".join(f"{title}\n{part}" for title, part in zip(titles, parts, strict=True) if part)


def _section(rows: list[Mapping[str, Any]], columns: list[str], empty: str) -> str:
    if not rows:
        return empty
    cells = [[row[column] for column in columns] for row in rows]
    return tabulate(cells, headers=[column.upper() for column in columns], tablefmt="plain", disable_numparse=True)


def _plain(item: ModelStatus | SourceStatus) -> dict[str, Any]:
    return {**asdict(item), "since": item.since.isoformat(timespec="seconds")}
