from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from watcher.control.status_board import StatusBoard
from watcher.core.types import SEEN, ModelId, ModelStatus, State, Step
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
        (
            status(State.PROGRESSING),
            status(State.FAILED, reason="not a model"),
            ("Warning", "Failed", "version v2: not a model"),
        ),
        (None, status(State.REJECTED, "", "bad values"), ("Warning", "Rejected", "bad values")),
        (
            status(State.READY, "v1"),
            replace(status(State.REJECTED, "v1", "bad values"), about="v2"),
            ("Warning", "Rejected", "version v2: bad values"),
        ),
        (
            status(State.READY),
            status(State.HELD, reason="many are gone"),
            ("Warning", "Held", "version v2: many are gone"),
        ),
        (None, status(State.PROGRESSING, reason="waiting for the pods"), None),
        (None, status(State.READY), None),
        (
            status(State.APPLIED),
            status(State.PROGRESSING, reason="waiting for the pods"),
            ("Normal", "Progressing", "version v2: waiting for the pods"),
        ),
        (status(State.PROGRESSING), status(State.READY), ("Normal", "Ready", "version v2 answers predictions")),
        (
            status(State.READY),
            status(State.PAUSED, reason="values.yaml says paused: true"),
            ("Normal", "Paused", "version v2: values.yaml says paused: true"),
        ),
    ],
)
def test_event_of_a_step_returns_it_and_of_a_first_look_none(
    old: ModelStatus | None, new: ModelStatus, event: tuple[str, str, str] | None
) -> None:
    assert event_of(old, new) == event


class Server:
    """An API server that answers once `open` is set, and fails for the Events of one model."""

    def __init__(self, refused: str = "") -> None:
        self.open, self.refused = threading.Event(), refused
        self.written: list[str] = []
        self.messages: list[str] = []
        self.without_deployment = False

    def call(self, method: str, path: str, body: Any = None, **_: object) -> Any:
        self.open.wait()
        if method == "GET" and self.without_deployment:
            return None
        if method == "GET":
            return {
                "kind": "Deployment",
                "metadata": {"name": path.rpartition("/")[2], "namespace": "team", "uid": "1"},
            }
        if f"/{self.refused}-model-serving" in path:
            raise ValueError("this answer is not JSON")
        self.written.append(body["involvedObject"]["name"])
        self.messages.append(body["message"])
        return body


def test_event_recorder_with_one_failing_write_writes_the_others_and_never_blocks_the_board() -> None:
    server, board = Server(refused="b"), StatusBoard()
    recorder = EventRecorder(server)  # type: ignore[arg-type]
    board.on_change = recorder.publish
    for model in "abc":
        assert board.set(ModelId("team", model), State.HELD, reason="many are gone")
    assert server.written == []
    server.open.set()
    recorder._waiting.join()
    assert server.written == ["a-model-serving", "c-model-serving"]


def test_event_of_a_model_without_a_deployment_is_about_its_namespace_and_names_the_model() -> None:
    server = Server()
    server.without_deployment = True
    server.open.set()
    recorder = EventRecorder(server)  # type: ignore[arg-type]
    recorder.publish(None, status(State.REJECTED, "", "bad values"))
    recorder._waiting.join()
    assert (server.written, server.messages) == (["team"], ["iris: bad values"])


def seen(version: str) -> Step:
    return Step(datetime(2026, 1, 1, tzinfo=UTC), ModelId("team", "iris"), version, SEEN, "uploaded at 09:00")


def test_event_that_a_first_version_was_seen_is_written_when_there_is_a_deployment_and_before_the_next() -> None:
    server = Server()
    server.without_deployment = True
    server.open.set()
    recorder = EventRecorder(server)  # type: ignore[arg-type]
    recorder.publish_seen(seen("v1"))
    recorder._waiting.join()
    assert server.messages == []
    server.without_deployment = False
    recorder.publish(None, status(State.APPLIED, "v1"))
    recorder.publish_seen(seen("v2"))
    recorder._waiting.join()
    assert server.messages == ["version v1, uploaded at 09:00", "version v1", "version v2, uploaded at 09:00"]
    assert set(server.written) == {"iris-model-serving"}


def test_event_recorder_with_a_full_queue_drops_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(k8s_events, "WAITING_LIMIT", 2)
    server = Server()
    recorder = EventRecorder(server)  # type: ignore[arg-type]
    for _ in range(9):
        recorder.publish(None, status(State.HELD))
    server.open.set()
    recorder._waiting.join()
    assert 2 <= len(server.written) <= 3  # one may be in progress


def test_status_board_with_the_same_state_again_publishes_nothing() -> None:
    published: list[tuple[ModelStatus | None, ModelStatus]] = []
    board = StatusBoard(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    board.on_change = lambda old, new: published.append((old, new))
    for state in (State.PROGRESSING, State.PROGRESSING, State.READY):
        board.set(ModelId("team", "iris"), state, version="v2")
    assert published == [(None, status(State.PROGRESSING)), (status(State.PROGRESSING), status(State.READY))]
