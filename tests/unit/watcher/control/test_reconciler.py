from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from watcher.control.reconciler import Reconciler, Survey
from watcher.control.status_board import StatusBoard
from watcher.core.types import (
    FINGERPRINT,
    Change,
    Manifest,
    ModelId,
    ObjectKey,
    Observation,
    Observed,
    Release,
    State,
    StoredObject,
    key_of,
)
from watcher.errors import Rejected, Retryable, WatcherError
from watcher.metrics import Metrics

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IRIS = ModelId("team", "iris")


class OneModel:
    """A bucket that holds team/iris v1."""

    name = "models"

    def list(self, prefix: str = "") -> list[StoredObject]:
        return [StoredObject(f"{IRIS.prefix}v1/model.joblib", "etag", 1, NOW)]

    def read(self, key: str, limit: int) -> bytes:
        raise AssertionError(key)


class Refusing:
    """A runtime in which nothing runs and nothing can be written."""

    def __init__(self, error: WatcherError) -> None:
        self.error = error

    def render(self, release: Release) -> list[Manifest]:
        return [{"kind": "Process", "metadata": {"name": "iris", "annotations": {FINGERPRINT: "1"}}}]

    def observe(self, model: ModelId | None = None) -> Observation:
        return Observation()

    def apply(self, change: Change) -> None:
        raise self.error

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Retryable("ApiError", "the range of addresses is full"), State.PROGRESSING),
        (Rejected("Forbidden", "the quota is used up"), State.REJECTED),
    ],
)
def test_a_model_that_was_never_applied_is_shown_with_the_reason(error: WatcherError, state: State) -> None:
    board = StatusBoard()
    reconciler = Reconciler(OneModel(), Refusing(error), board, Metrics(), now=lambda: NOW)
    with pytest.raises(type(error)):
        reconciler.reconcile(IRIS)
    status = board.get(IRIS)
    assert status
    assert (status.state, status.reason) == (state, str(error))


class World:
    """A bucket and a runtime in memory, the reconciler between them, and a clock."""

    name = "models"

    def __init__(self, models: str, fraction: float = 0.5) -> None:
        self.files: dict[str, bytes] = {}
        self.objects: dict[ModelId, dict[ObjectKey, str]] = {}
        self.unreadable = ""
        self.undeletable: set[ModelId] = set()
        self.now, self.board, self.fraction = NOW, StatusBoard(), fraction
        for model in models:
            self.put(f"{model}/v1/model.joblib")
        self.restart()
        self.look()

    def restart(self) -> None:
        self.board = StatusBoard()
        self.reconciler = Reconciler(
            self, self, self.board, Metrics(), now=lambda: self.now, max_delete_fraction=self.fraction
        )

    def put(self, path: str, data: bytes = b"x") -> None:
        self.files[f"team/{path}"] = data

    def delete(self, models: str) -> None:
        for model in models:
            self.files = {key: data for key, data in self.files.items() if not key.startswith(f"team/{model}/")}

    def look(self, seconds: float = 0) -> None:
        """Survey `seconds` later, and work on all that it finds."""
        self.now += timedelta(seconds=seconds)
        survey = self.reconciler.survey()
        for model in sorted(survey.changed | survey.stale):
            with suppress(WatcherError):
                self.reconciler.reconcile(model)

    @property
    def running(self) -> str:
        return "".join(sorted(model.name for model in self.objects))

    def states(self, state: State) -> str:
        return "".join(item.model for item in self.board.models() if item.state is state)

    def list(self, prefix: str = "") -> list[StoredObject]:
        return [
            StoredObject(key, str(data), len(data), NOW) for key, data in self.files.items() if key.startswith(prefix)
        ]

    def read(self, key: str, limit: int) -> bytes:
        return self.files[key]

    def render(self, release: Release) -> list[Manifest]:
        print_of = f"{release.version.version} {release.version.artifact.etag}"
        meta = {"name": release.model.name, "annotations": {FINGERPRINT: print_of}}
        return [{"kind": kind, "metadata": meta} for kind in ("Deployment", "HPA")]

    def observe(self, model: ModelId | None = None) -> Observation:
        if self.unreadable:
            return Observation(unreadable={"team": self.unreadable})
        return Observation(
            {
                key: Observed(key, dict(found), state=State.READY)
                for key, found in self.objects.items()
                if model in (None, key)
            }
        )

    def apply(self, change: Change) -> None:
        if change.model in self.undeletable and not change.writes:
            raise Rejected("Forbidden", "this may not be deleted")
        have = self.objects.setdefault(change.model, {})
        have |= {key_of(item): item["metadata"]["annotations"][FINGERPRINT] for item in change.writes}
        for key in list(have) if change.remove else change.deletes:
            del have[key]
        if not have:
            del self.objects[change.model]

    def close(self) -> None:
        pass


def test_models_that_are_held_stay_held_when_some_are_restored_and_others_uploaded() -> None:
    world = World("abcdef")
    world.delete("abcd")
    world.look()
    assert world.states(State.HELD) == "abcd"
    for model in "abcxyz":
        world.put(f"{model}/v1/model.joblib")
        world.look(seconds=100)
    assert (world.states(State.HELD), world.running) == ("d", "abcdefxyz")
    world.delete("e")
    world.look()
    assert (world.states(State.HELD), world.running) == ("d", "abcdfxyz")
    world.put("d/v1/model.joblib")
    world.look()
    assert world.states(State.HELD) == ""
    world.delete("d")
    world.look()
    assert world.running == "abcfxyz"


def test_a_hold_is_found_again_by_a_restart_and_confirmed_by_one() -> None:
    world = World("abcd")
    world.delete("abc")
    world.restart()
    world.look()
    assert world.states(State.HELD) == "abc"
    world.fraction = 1
    world.restart()
    world.look()
    assert world.running == "d"


def test_a_second_removal_within_a_minute_waits_and_needs_nobody() -> None:
    world = World("abc")
    world.delete("a")
    world.look()
    world.delete("b")
    world.look(seconds=10)
    assert (world.states(State.HELD), world.running) == ("b", "bc")
    status = world.board.get(ModelId("team", "b"))
    assert status
    assert "nothing needs to be confirmed" in status.reason
    world.look(seconds=51)
    assert world.running == "c"


def test_a_slow_removal_of_all_is_held() -> None:
    world = World("abcdefghij")
    for model in "abcdefghij":
        world.delete(model)
        world.look(seconds=1)
    assert (world.states(State.HELD), world.running) == ("fghij", "fghij")
    world.look(seconds=100)
    assert world.running == "fghij"


def test_a_removal_that_is_not_done_yet_counts_once() -> None:
    world = World("abc")
    world.delete("a")
    world.reconciler.survey()
    world.delete("b")
    world.look(seconds=1)
    assert (world.states(State.HELD), world.running) == ("b", "bc")


def test_an_empty_upload_is_rejected_and_what_served_keeps_serving() -> None:
    world = World("ab")
    before = dict(world.objects)
    world.put("a/v2/model.joblib", b"")
    world.put("b/v1/model.joblib", b"")
    world.look()
    assert (world.objects, world.states(State.REJECTED)) == (before, "ab")
    status = world.board.get(ModelId("team", "a"))
    assert status
    assert status.reason == "team/a/v2/model.joblib is empty: upload it again"
    assert [refusal.key for refusal in world.board.refused] == ["team/a/v2/model.joblib", "team/b/v1/model.joblib"]
    world.put("a/v2/model.joblib")
    world.delete("b")
    world.look()
    assert (world.states(State.REJECTED), world.running) == ("", "a")
    assert "v2" in world.objects[ModelId("team", "a")][ObjectKey("Deployment", "a")]


def test_an_empty_version_that_is_not_chosen_is_no_matter() -> None:
    world = World("a")
    world.put("a/values.yaml", b'version: "v1"')
    world.put("a/v2/model.joblib", b"")
    world.look()
    assert world.states(State.REJECTED) == ""


def test_leftovers_without_a_deployment_do_not_count_and_are_swept() -> None:
    world = World("abcd")
    for model in ("b", "c"):  # as the garbage collector finds them, a while after the Deployment
        del world.objects[ModelId("team", model)][ObjectKey("Deployment", model)]
    world.undeletable.add(ModelId("team", "c"))
    world.delete("abc")
    world.look()
    assert (world.states(State.HELD), world.running) == ("", "cd")
    assert [item.model for item in world.board.models()] == ["d"]
    assert world.reconciler.survey() == Survey(frozenset(), frozenset())


def test_nothing_changes_in_a_namespace_that_cannot_be_read() -> None:
    world = World("abcd")
    world.delete("bcd")
    world.look()
    world.unreadable = "cannot be read: forbidden"
    assert world.reconciler.survey() == Survey(frozenset(), frozenset(), {"team": world.unreadable})
    assert [(item.model, item.state, item.reason) for item in world.board.models()] == [
        ("a", State.REJECTED, world.unreadable)
    ]
    world.unreadable = ""
    world.look()
    assert (world.states(State.READY), world.states(State.HELD)) == ("a", "bcd")


class Busy(World):
    """While its bucket is listed, two models are uploaded and applied."""

    def list(self, prefix: str = "") -> list[StoredObject]:
        listed = super().list(prefix)
        if not prefix and len(self.files) == 1:
            for model in "yz":
                self.put(f"{model}/v1/model.joblib")
                self.reconciler.reconcile(ModelId("team", model))
        return listed


def test_what_is_uploaded_during_a_survey_is_not_gone() -> None:
    world = Busy("a")
    assert (world.states(State.HELD), world.running) == ("", "ayz")
