"""What the status board shows of a model's versions, and of what happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from watcher.control import history
from watcher.control.status_board import StatusBoard
from watcher.core.catalog import read_listing
from watcher.core.types import SEEN, Entry, ModelId, Pods, State, Step, StoredObject

IRIS, WINE = ModelId("team", "iris"), ModelId("team", "wine")
START = datetime(2026, 1, 1, tzinfo=UTC)


class Board(StatusBoard):
    """A status board whose clock goes on by an hour with each use."""

    def __init__(self) -> None:
        self.hours = 0
        super().__init__(self.tick)

    def tick(self) -> datetime:
        self.hours += 1
        return START + timedelta(hours=self.hours)

    def states(self) -> dict[str, str]:
        status = self.get(IRIS)
        assert status
        return {item.version: item.state for item in self.versions(status)}


def entry(*versions: str, model: ModelId = IRIS, etag: str = "e") -> Entry:
    files = [StoredObject(f"{model.prefix}{name}/model.joblib", f"{etag}-{name}", 5, START) for name in versions]
    return read_listing(files).entries[model]


def ready(version: str) -> Pods:
    return Pods(version, 1, 1)


def test_versions_of_an_update_that_fails_show_the_last_good_one_as_ready_and_the_reason() -> None:
    board = Board()
    board.list_one(entry("v9", "v10", "v2"), 1)
    board.set(IRIS, State.READY, version="v9", pods=ready("v9"))
    board.set(IRIS, State.APPLIED, version="v10")
    assert board.states() == {"v10": "Applied", "v9": "Ready", "v2": "Superseded"}
    board.set(IRIS, State.FAILED, version="v10", reason="not a model")
    status = board.get(IRIS)
    assert status
    newest, good, old = board.versions(status)
    assert (newest.state, newest.reason, newest.artifact.etag) == ("Failed", "not a model", "e-v10")
    assert (good.state, good.since) == ("Ready", START + timedelta(hours=1))
    assert (old.state, old.since) == ("Superseded", None)


def test_versions_after_a_pin_keep_why_one_failed_and_say_nothing_of_one_that_was_never_tried() -> None:
    board = Board()
    board.list_one(entry("v1", "v2", "v3"), 1)
    board.set(IRIS, State.FAILED, version="v2", reason="not a model")
    board.set(IRIS, State.READY, version="v1", pods=ready("v1"))
    assert board.states() == {"v3": "", "v2": "Failed", "v1": "Ready"}


def test_versions_of_a_rejected_upload_have_the_state_at_the_version_of_the_bucket() -> None:
    board = Board()
    board.list_one(entry("v1", "v2"), 1)
    board.set(IRIS, State.REJECTED, version="v1", about="v2", reason="is empty", pods=ready("v1"))
    assert board.states() == {"v2": "Rejected", "v1": "Ready"}


def test_since_of_a_version_is_the_time_of_its_state_and_not_of_another_reason() -> None:
    board = Board()
    board.list_one(entry("v1"), 1)
    for reason in ("starting", "waiting for the pods"):
        board.set(IRIS, State.PROGRESSING, version="v1", reason=reason)
    status = board.get(IRIS)
    assert status
    (found,) = board.versions(status)
    assert (found.since, status.since) == (START + timedelta(hours=1), START + timedelta(hours=2))


def test_superseded_since_is_when_another_version_was_chosen() -> None:
    board = Board()
    board.list_one(entry("v1", "v2"), 1)
    board.set(IRIS, State.READY, version="v1", pods=ready("v1"))
    board.set(IRIS, State.READY, version="v2", pods=ready("v2"))
    status = board.get(IRIS)
    assert status
    assert [(item.state, item.since) for item in board.versions(status)] == [
        ("Ready", START + timedelta(hours=2)),
        ("Superseded", START + timedelta(hours=2)),
    ]


def test_versions_of_very_many_are_the_newest_and_those_that_the_status_is_about() -> None:
    board = Board()
    board.list_one(entry(*(f"v{number}" for number in range(100))), 1)
    board.set(IRIS, State.PROGRESSING, version="v3", pods=ready("v1"))
    shown = list(board.states())
    assert len(shown) == history.SHOWN_VERSIONS
    assert shown[0] == "v99"
    assert shown[-2:] == ["v3", "v1"]


def test_a_listing_does_not_undo_a_later_one_of_the_same_model() -> None:
    board = Board()
    board.set(IRIS, State.READY, version="v1")
    board.list_one(entry("v1", "v2"), listed_at=2)
    board.list_all({IRIS: entry("v1")}, listed_at=1)
    assert list(board.states()) == ["v2", "v1"]
    board.list_all({IRIS: entry("v1")}, listed_at=3)
    assert list(board.states()) == ["v1"]


def test_a_version_that_is_uploaded_again_after_its_deletion_begins_anew() -> None:
    board = Board()
    board.set(IRIS, State.FAILED, version="v2", reason="not a model")
    board.list_one(entry("v1"), 1)
    board.set(IRIS, State.READY, version="v1", pods=ready("v1"))
    board.list_one(entry("v1", "v2"), 2)
    assert board.states() == {"v2": "", "v1": "Ready"}


def test_steps_are_the_newest_first_and_of_one_model_if_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "STEPS", 4)
    board, other = Board(), ModelId("team", "other")
    board.set(IRIS, State.APPLIED, version="v1")
    for reason in "abcd":
        board.set(other, State.FAILED, version="v1", reason=reason)
    board.set(IRIS, State.READY, version="v1")
    board.removed(IRIS, "v1", "no version is left in the bucket")
    assert [step.state for step in board.steps(10, IRIS)] == ["Removed", "Ready"]
    assert [step.reason for step in board.steps(3)] == ["no version is left in the bucket", "", "d"]
    assert len(board.steps(10)) == 4  # the oldest are forgotten


def test_pods_and_loaded_change_the_revision_and_neither_since_nor_the_steps() -> None:
    board, changes = Board(), list[str]()
    board.on_change = lambda _, new: changes.append(new.state)
    board.set(IRIS, State.READY, version="v1", pods=Pods("v1", 1, 2))
    before = board.get(IRIS)
    assert before
    for step in (
        lambda: board.set(IRIS, State.READY, version="v1", pods=Pods("v1", 2, 2)),
        lambda: board.set_loaded(before, "data"),
    ):
        revision = board.revision
        assert not step()
        assert board.revision != revision
    after = board.get(IRIS)
    assert after
    assert (after.pods.ready, after.loaded, after.since) == (2, "data", before.since)
    assert (changes, len(board.steps(10))) == (["Ready"], 1)
    revision = board.revision
    assert not board.set(IRIS, State.READY, version="v1")
    assert board.revision == revision


def test_set_loaded_of_a_status_that_has_changed_meanwhile_is_dropped() -> None:
    board = Board()
    board.set(IRIS, State.READY, version="v1")
    asked = board.get(IRIS)
    assert asked
    board.set(IRIS, State.READY, version="v2")
    board.set_loaded(asked, "code")
    now = board.get(IRIS)
    assert now
    assert now.loaded == ""


def test_a_version_is_seen_once_for_each_upload_and_none_is_at_the_start() -> None:
    board, seen = Board(), list[Step]()
    board.on_seen = seen.append
    board.list_one(entry("v1"), 1)
    board.list_all({IRIS: entry("v1", "v2")}, 2)
    seen.clear()  # v2 came during the first listing
    board.list_all({IRIS: entry("v1", "v2")}, 3)
    assert seen == []
    board.list_one(entry("v1", "v2", "v3"), 5)
    board.list_all({IRIS: entry("v1", "v2")}, 4)  # which began before that
    board.list_all({IRIS: entry("v1", "v2", "v3"), WINE: entry("v1", model=WINE)}, 6)
    said = [(str(step.model), step.version, step.state, step.reason) for step in seen]
    assert said == [
        ("team/iris", "v3", SEEN, "uploaded at 2026-01-01T00:00:00Z"),
        ("team/wine", "v1", SEEN, "uploaded at 2026-01-01T00:00:00Z"),
    ]
    board.list_one(entry("v1", "v2", "v3", etag="other bytes"), 7)
    assert [step.version for step in seen[2:]] == ["v1", "v2", "v3"]
    assert board.steps(1)[0] == seen[-1]
