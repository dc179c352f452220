from __future__ import annotations

from datetime import UTC, datetime

import pytest

from watcher.errors import Rejected
from watcher.k8s_events import Announcer, event_of
from watcher.models import ModelId, State
from watcher.status import Board, ModelStatus


def status(state: State, version: str = "v2", reason: str = "") -> ModelStatus:
    return ModelStatus("team", "iris", version, state, reason, "", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("old", "new", "event"),
    [
        (None, status(State.PROGRESSING, "v1", "applied"), ("Normal", "Applied", "version v1")),
        (
            status(State.READY, "v9"),
            status(State.PROGRESSING, "v10", "applied"),
            ("Normal", "Applied", "version v10, after v9"),
        ),
        (
            status(State.READY, "v10"),
            status(State.PROGRESSING, "v9", "applied"),
            ("Normal", "RolledBack", "version v9, after v10"),
        ),
        (status(State.READY), status(State.PROGRESSING, reason="applied"), ("Normal", "Applied", "version v2")),
        (status(State.PROGRESSING), status(State.FAILED, reason="not a model"), ("Warning", "Failed", "not a model")),
        (None, status(State.REJECTED, reason="bad values"), ("Warning", "Rejected", "bad values")),
        (status(State.READY), status(State.HELD, reason="many are gone"), ("Warning", "Held", "many are gone")),
        (None, status(State.PROGRESSING, reason="waiting for the pods"), None),
        (status(State.PROGRESSING), status(State.READY), None),
    ],
)
def test_what_people_want_to_know_is_an_event(
    old: ModelStatus | None, new: ModelStatus, event: tuple[str, str, str] | None
) -> None:
    assert event_of(old, new) == event


class Broken:
    def call(self, *_: object, **__: object) -> None:
        raise Rejected("Forbidden", "events may not be written")


def test_an_event_that_cannot_be_written_fails_nothing() -> None:
    board = Board()
    board.hear = Announcer(Broken()).tell  # type: ignore[arg-type]
    assert board.set(ModelId("team", "iris"), State.FAILED, reason="not a model")


def test_the_board_tells_news_once() -> None:
    heard: list[tuple[ModelStatus | None, ModelStatus]] = []
    board = Board(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    board.hear = lambda old, new: heard.append((old, new))
    for state in (State.PROGRESSING, State.PROGRESSING, State.READY):
        board.set(ModelId("team", "iris"), state, version="v2")
    assert heard == [(None, status(State.PROGRESSING)), (status(State.PROGRESSING), status(State.READY))]
