from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from watcher.control.status_board import StatusBoard
from watcher.core.types import ModelId, ModelStatus, State
from watcher.runtimes.kubernetes import events as k8s_events
from watcher.runtimes.kubernetes.events import EventRecorder, event_of


def status(state: State, version: str = "v2", reason: str = "") -> ModelStatus:
    return ModelStatus("team", "iris", version, state, reason, "", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("old", "new", "event"),
    [
        (None, status(State.APPLIED, "v1"), ("Normal", "Applied", "version v1")),
        (
            status(State.READY, "v9"),
            status(State.APPLIED, "v10"),
            ("Normal", "Applied", "version v10, after v9"),
        ),
        (
            status(State.READY, "v10"),
            status(State.APPLIED, "v9"),
            ("Normal", "RolledBack", "version v9, after v10"),
        ),
        (status(State.READY), status(State.APPLIED), ("Normal", "Applied", "version v2")),
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


class Server:
    """An API server that answers once it is `open`, and refuses the Events of one model."""

    def __init__(self, refused: str = "") -> None:
        self.open, self.refused = threading.Event(), refused
        self.written: list[str] = []

    def call(self, method: str, path: str, body: Any = None, **_: object) -> Any:
        self.open.wait()
        if method == "GET":
            return {
                "kind": "Deployment",
                "metadata": {"name": path.rpartition("/")[2], "namespace": "team", "uid": "1"},
            }
        if f"/{self.refused}-model-serving" in path:
            raise ValueError("this answer is not JSON")
        self.written.append(body["involvedObject"]["name"])
        return body


def test_events_are_written_behind_the_board_s_back_and_one_that_fails_stops_none() -> None:
    server, board = Server(refused="b"), StatusBoard()
    recorder = EventRecorder(server)  # type: ignore[arg-type]
    board.on_change = recorder.publish
    for model in "abc":
        assert board.set(ModelId("team", model), State.HELD, reason="many are gone")
    assert server.written == []
    server.open.set()
    recorder._waiting.join()
    assert server.written == ["a-model-serving", "c-model-serving"]


def test_events_are_dropped_where_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(k8s_events, "WAITING_LIMIT", 2)
    server = Server()
    recorder = EventRecorder(server)  # type: ignore[arg-type]
    for _ in range(9):
        recorder.publish(None, status(State.HELD))
    server.open.set()
    recorder._waiting.join()
    assert 2 <= len(server.written) <= 3  # one may be in hand


def test_the_board_tells_news_once() -> None:
    heard: list[tuple[ModelStatus | None, ModelStatus]] = []
    board = StatusBoard(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    board.on_change = lambda old, new: heard.append((old, new))
    for state in (State.PROGRESSING, State.PROGRESSING, State.READY):
        board.set(ModelId("team", "iris"), state, version="v2")
    assert heard == [(None, status(State.PROGRESSING)), (status(State.PROGRESSING), status(State.READY))]
