from __future__ import annotations

from datetime import UTC, datetime

from watcher.cli.commands.status import text_of
from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard
from watcher.core.types import ModelId, Refusal, State
from watcher.status_body import snapshot


def test_snapshot_keeps_since_until_something_changes_and_the_table_shows_the_same() -> None:
    times = iter(datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 9))
    board, sources = StatusBoard(lambda: next(times)), SourceHealth(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    assert board.set(ModelId("t", "m"), State.READY, version="v1")
    assert not board.set(ModelId("t", "m"), State.READY, version="v1")
    board.refuse([Refusal("k", "why")])
    sources.report("poll", live=True)
    status = snapshot(board, sources, lambda status: "data" if status.model == "m" else "")
    assert status["models"][0]["since"] == "2026-01-01T00:00:00+00:00"
    shown = text_of(status)
    assert all(word in shown for word in ("m", "v1", "Ready", "LOADED", "data", "k", "why", "poll"))
