"""The body of `GET /status`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from watcher.control.source_health import SourceHealth, SourceStatus
from watcher.control.status_board import StatusBoard
from watcher.core.text import one_line
from watcher.core.types import ModelStatus, Refusal


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


def _plain(item: ModelStatus | SourceStatus | Refusal) -> dict[str, Any]:
    fields = {name: one_line(value) if isinstance(value, str) else value for name, value in asdict(item).items()}
    return fields if isinstance(item, Refusal) else {**fields, "since": item.since.isoformat(timespec="seconds")}
