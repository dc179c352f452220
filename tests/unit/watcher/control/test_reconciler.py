from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from watcher.control.reconciler import Reconciler, Survey
from watcher.control.status_board import StatusBoard
from watcher.core.removal_guard import RETURN_WINDOW
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
IRIS, A = ModelId("team", "iris"), ModelId("team", "a")


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
def test_reconcile_of_a_model_that_cannot_be_applied_shows_the_reason(error: WatcherError, state: State) -> None:
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

    def __init__(self, models: str, fraction: float = 0.5, delay: float = 0) -> None:
        self.files: dict[str, bytes] = {}
        self.objects: dict[ModelId, dict[ObjectKey, str]] = {}
        self.unreadable = ""
        self.observation_error: Exception | None = None
        self.undeletable: set[ModelId] = set()
        self.namespaces: tuple[str, ...] = ()
        self.foreign: tuple[ObjectKey, ...] = ()
        self.state, self.etag, self.writes, self.deleted = State.READY, "", 0, list[Change]()
        self.now, self.board, self.metrics = NOW, StatusBoard(), Metrics()
        self.fraction, self.delay = fraction, delay
        for model in models:
            self.put(f"{model}/v1/model.joblib")
        self.restart()
        self.look()

    def restart(self) -> None:
        self.board = StatusBoard()
        self.reconciler = Reconciler(
            self,
            self,
            self.board,
            self.metrics,
            now=lambda: self.now,
            clock=lambda: self.now.timestamp(),
            max_delete_fraction=self.fraction,
            removal_delay=self.delay,
            namespaces=self.namespaces,
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

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"kubeserve_watcher_{name}", labels)

    def reason(self, model: str) -> str:
        status = self.board.get(ModelId("team", model))
        assert status
        return status.reason

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
        if self.observation_error:
            raise self.observation_error
        if self.unreadable:
            return Observation(unreadable={"team": self.unreadable})
        return Observation(
            {
                key: Observed(key, dict(found), "v1", self.state, "", f"http://{key.name}", self.etag, self.foreign)
                for key, found in self.objects.items()
                if model in (None, key)
            }
        )

    def apply(self, change: Change) -> None:
        if change.model in self.undeletable and not change.writes:
            raise Rejected("Forbidden", "this may not be deleted")
        self.writes += len(change.writes)
        self.deleted += [change] if change.deletes or change.remove else []
        have = self.objects.setdefault(change.model, {})
        have |= {key_of(item): item["metadata"]["annotations"][FINGERPRINT] for item in change.writes}
        for key in list(have) if change.remove else change.deletes:
            del have[key]
        if not have:
            del self.objects[change.model]

    def close(self) -> None:
        pass


def test_survey_with_held_models_keeps_the_hold_when_some_are_restored_and_others_uploaded() -> None:
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


def test_survey_after_a_restart_holds_again_unless_the_fraction_confirms_it() -> None:
    world = World("abcd")
    world.delete("abc")
    world.restart()
    world.look()
    assert world.states(State.HELD) == "abc"
    world.fraction = 1
    world.restart()
    world.look()
    assert world.running == "d"


def test_survey_with_a_second_removal_within_a_minute_delays_it_without_a_hold() -> None:
    world = World("abc")
    world.delete("a")
    world.look()
    world.delete("b")
    world.look(seconds=10)
    assert (world.states(State.WAITING), world.running) == ("b", "bc")
    status = world.board.get(ModelId("team", "b"))
    assert status
    assert "nothing needs to be confirmed" in status.reason
    assert world.states(State.HELD) == ""
    world.look(seconds=51)
    assert world.running == "c"


def test_survey_with_a_slow_removal_of_all_models_holds_the_second_half() -> None:
    world = World("abcdefghij")
    for model in "abcdefghij":
        world.delete(model)
        world.look(seconds=1)
    assert (world.states(State.HELD), world.running) == ("fghij", "fghij")
    world.look(seconds=100)
    assert world.running == "fghij"


def test_survey_with_a_removal_in_progress_counts_it_once() -> None:
    world = World("abc")
    world.delete("a")
    world.reconciler.survey()
    world.delete("b")
    world.look(seconds=1)
    assert (world.states(State.WAITING), world.running) == ("b", "bc")


def test_reconcile_of_an_empty_upload_rejects_it_and_keeps_what_served() -> None:
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


def test_reconcile_with_an_empty_version_that_is_not_chosen_is_not_rejected() -> None:
    world = World("a")
    world.put("a/values.yaml", b'version: "v1"')
    world.put("a/v2/model.joblib", b"")
    world.look()
    assert world.states(State.REJECTED) == ""


def test_survey_with_objects_without_a_deployment_deletes_them_and_counts_no_removal() -> None:
    world = World("abcd")
    for model in ("b", "c"):  # as the garbage collector finds them, a while after the Deployment
        del world.objects[ModelId("team", model)][ObjectKey("Deployment", model)]
    world.undeletable.add(ModelId("team", "c"))
    world.delete("abc")
    world.look()
    assert (world.states(State.HELD), world.running) == ("", "cd")
    assert [item.model for item in world.board.models()] == ["d"]
    assert world.reconciler.survey() == Survey(frozenset(), frozenset())


def test_survey_with_an_unreadable_namespace_changes_nothing_there() -> None:
    world = World("abcd")
    world.delete("bcd")
    world.look()
    world.unreadable = "cannot be read: forbidden"
    assert world.reconciler.survey() == Survey(frozenset(), frozenset(), {"team": world.unreadable})
    assert (world.states(State.REJECTED), world.states(State.HELD)) == ("a", "bcd")
    for _ in range(3):
        world.look()
    assert (world.states(State.REJECTED), world.states(State.HELD)) == ("a", "bcd")
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


def test_survey_during_which_models_are_uploaded_does_not_take_them_for_gone() -> None:
    world = Busy("a")
    assert (world.states(State.HELD), world.running) == ("", "ayz")
    assert world.states(State.APPLIED) == "ayz"


def test_survey_with_a_namespace_that_is_readable_again_keeps_the_hold_of_a_single_model() -> None:
    world = World("abcdef")
    world.delete("abcd")
    world.look()
    for model in "abc":
        world.put(f"{model}/v1/model.joblib")
    world.look(seconds=100)
    assert world.states(State.HELD) == "d"
    world.unreadable = "cannot be read: forbidden"
    world.look(seconds=100)
    world.unreadable = ""
    world.look(seconds=100)
    assert (world.states(State.HELD), world.running) == ("d", "abcdef")


def test_reconciler_with_namespaces_serves_only_those() -> None:
    world = World("")
    world.put("a/v1/model.joblib")
    world.namespaces = ("other",)
    world.restart()
    world.look()
    assert world.reconciler.reconcile(A)
    assert (world.running, world.reconciler.serves(A)) == ("", False)
    assert [item.reason for item in world.board.refused] == ["namespace 'team' is not in --namespaces"]
    world.namespaces = ("team",)
    world.restart()
    world.look()
    assert (world.running, world.reconciler.serves(A)) == ("a", True)


def test_survey_of_models_that_need_no_work_finds_none_except_for_a_resync() -> None:
    world = World("ab")
    assert world.reconciler.survey() == Survey(frozenset(), frozenset())
    assert world.reconciler.survey(resync=True).stale == {A, ModelId("team", "b")}
    world.put("a/v1/model.joblib", b"other bytes")
    assert world.reconciler.survey() == Survey(frozenset({A}), frozenset())
    assert world.reconciler.survey() == Survey(frozenset(), frozenset({A}))  # the change was reported already


def test_reconcile_with_rewrite_writes_every_object_without_news_for_the_user() -> None:
    world = World("a")
    world.look()
    before, events = world.writes, list[State]()
    world.board.on_change = lambda _, new: events.append(new.state)
    world.reconciler.reconcile(A)
    assert world.writes == before
    world.reconciler.reconcile(A, rewrite=True)
    assert (world.writes, events) == (before + 2, [])
    assert world.sample("applied_total", kind="HPA") == 2
    assert world.sample("upload_to_applied_seconds_count") == 1


def test_reconcile_with_rewrite_of_a_model_with_foreign_objects_writes_nothing() -> None:
    world = World("a")
    world.foreign = (ObjectKey("Service", "a"),)
    before = world.writes
    with pytest.raises(Rejected, match="Service a exists"):
        world.reconciler.reconcile(A, rewrite=True)
    assert world.writes == before


def test_reconcile_of_a_paused_model_leaves_it_as_it_is_until_it_is_resumed() -> None:
    world = World("a")
    world.put("a/values.yaml", b"paused: true")
    world.put("a/v2/model.joblib")
    world.look()
    assert (world.states(State.PAUSED), world.reason("a")) == ("a", "values.yaml says paused: true")
    assert world.reconciler.survey() == Survey(frozenset(), frozenset())
    assert world.states(State.PAUSED) == "a"
    assert "v1" in world.objects[A][ObjectKey("Deployment", "a")]
    world.put("a/values.yaml", b"paused: false")
    world.look()
    assert "v2" in world.objects[A][ObjectKey("Deployment", "a")]


def test_reconcile_of_a_new_version_keeps_the_url_and_measures_until_it_is_ready() -> None:
    world = World("a")
    world.state, world.etag = State.PROGRESSING, str(b"x")
    world.look()
    assert world.sample("upload_to_ready_seconds_count") == 0
    world.state = State.READY
    world.look()
    assert world.sample("upload_to_ready_seconds_count") == 1
    world.put("a/v2/model.joblib")
    world.look()
    status = world.board.get(A)
    assert status
    assert (status.state, status.version, status.url) == (State.APPLIED, "v2", "http://a")


def test_survey_counts_what_it_refuses_and_what_is_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    world = World("abc")
    world.put("a/v1/model.pkl")
    world.delete("b")
    world.look()
    assert world.sample("refused_keys") == 1
    assert (world.sample("deleted_total", kind="Deployment"), world.sample("deleted_total", kind="HPA")) == (1, 1)
    world.delete("ac")
    world.look(seconds=100)
    world.look(seconds=100)
    assert capsys.readouterr().out.count("removal on hold") == 1


def test_survey_with_objects_without_a_deployment_of_a_model_in_the_bucket_has_them_completed_not_deleted() -> None:
    world = World("a")
    del world.objects[A][ObjectKey("Deployment", "a")]
    world.look()
    assert len(world.objects[A]) == 2
    assert world.deleted == []


def test_survey_with_a_missing_model_removes_it_only_after_the_delay() -> None:
    world = World("ab", delay=10)
    world.delete("a")
    for _ in range(5):
        world.look()  # as many hints would cause surveys
    world.look(seconds=9.9)
    assert (world.states(State.WAITING), world.running) == ("a", "ab")
    assert "removed after 10 s, unless it is uploaded again" in world.reason("a")
    world.look(seconds=0.2)
    assert (world.states(State.WAITING), world.running) == ("", "b")


def test_survey_with_a_model_that_is_uploaded_again_begins_the_delay_again() -> None:
    world = World("ab", delay=10)
    world.delete("a")
    world.look()
    world.now += timedelta(seconds=9)
    world.put("a/v1/model.joblib")
    world.reconciler.reconcile(A)  # a hint: no survey has seen the upload
    world.delete("a")
    world.look()
    world.look(seconds=9)
    assert (world.states(State.WAITING), world.running) == ("a", "ab")
    world.look(seconds=1)
    assert world.running == "b"


def test_survey_with_a_mass_removal_holds_also_those_whose_delay_has_not_ended() -> None:
    world = World("abcdefghij", delay=10)
    for model in "abcdefghij":
        world.delete(model)
        world.look(seconds=0.9)
    assert (world.states(State.HELD), world.running) == ("abcdefghij", "abcdefghij")
    world.look(seconds=100)
    assert (world.states(State.HELD), world.running) == ("abcdefghij", "abcdefghij")


def test_survey_with_a_removed_model_that_runs_again_leaves_it_until_it_is_in_the_bucket() -> None:
    world = World("abc")
    theirs = dict(world.objects[A])
    world.delete("a")
    world.look()
    assert world.running == "bc"
    for _ in range(3):
        world.objects[A] = dict(theirs)  # another watcher with the same owner makes it again
        world.look(seconds=1)
        assert (world.states(State.HELD), world.running) == ("a", "abc")
    assert "--owner" in world.reason("a")
    world.put("a/v1/model.joblib")
    world.look()
    assert world.states(State.READY) == "abc"
    world.delete("a")
    world.look(seconds=100)
    assert world.running == "bc"


def test_survey_with_a_removal_during_the_observation_does_not_hold_the_model() -> None:
    world = World("ab")
    world.delete("a")
    survey = world.reconciler.survey()
    before = world.reconciler._clock()
    observation = world.observe()
    world.now += timedelta(seconds=1)
    for model in survey.stale:
        world.reconciler.reconcile(model)
    world.reconciler._removals.survey(frozenset({ModelId("team", "b")}), observation, before)
    assert world.states(State.HELD) == ""


def test_reconcile_of_a_model_that_something_else_overwrites_restores_it_once_in_ten_minutes() -> None:
    world = World("a")
    ours = dict(world.objects[A])
    theirs = dict.fromkeys(ours, "theirs")
    restored = []
    for second in range(1300):
        world.objects[A] = dict(theirs)
        world.look(seconds=1)
        if world.objects[A] == ours:
            restored.append(second)
    assert restored == [0, 600, 1200]
    assert world.states(State.REJECTED) == "a"
    assert "--owner" in world.reason("a")
    world.objects[A] = dict(ours)  # the other one was stopped
    world.look()
    assert world.states(State.READY) == "a"


def test_reconcile_of_a_model_whose_objects_are_deleted_by_hand_restores_them_each_time() -> None:
    world = World("a")
    for _ in range(5):
        world.objects[A].pop(ObjectKey("HPA", "a"))
        world.look(seconds=1)
        assert len(world.objects[A]) == 2


def test_reconcile_that_fails_with_an_unexpected_error_shows_it_and_keeps_version_and_url() -> None:
    world = World("a")
    world.board.set(A, State.READY, version="v1", url="http://a")
    world.observation_error = TypeError("'NoneType' object is not iterable")
    with pytest.raises(TypeError):
        world.reconciler.reconcile(A)
    status = world.board.get(A)
    assert status
    assert (status.state, status.version, status.url) == (State.PROGRESSING, "v1", "http://a")
    assert "TypeError: 'NoneType' object is not iterable" in status.reason
    with pytest.raises(TypeError):
        world.reconciler.reconcile(ModelId("team", "unknown"))
    assert [item.model for item in world.board.models()] == ["a"]


def test_reconciler_after_many_uploads_and_removals_keeps_nothing_of_them() -> None:
    world = World("z", fraction=1, delay=1)
    world.look(seconds=2 * RETURN_WINDOW)
    before = sizes(world.reconciler) | sizes(world.board)
    for number in range(100):
        world.put(f"m{number}/v1/model.joblib")
        world.put(f"m{number}/v1/values.yaml", b"autoscaling: {maxReplicas: 3}")
        world.put(f"m{number}/values.yaml", b"paused: true" if number % 10 == 0 else b"")
        if number % 10 == 1:
            world.put(f"m{number}/v2/model.joblib", b"")  # rejected
    world.look()
    assert sum(sizes(world.reconciler).values()) > 400
    world.files = {key: data for key, data in world.files.items() if key.startswith("team/z/")}
    for _ in range(5):
        world.look(seconds=RETURN_WINDOW)
    assert world.running == "z"
    assert sizes(world.reconciler) | sizes(world.board) == before


def test_reconciler_forgets_a_model_that_was_uploaded_and_deleted_between_two_surveys() -> None:
    world = World("a")
    world.put("b/v1/model.joblib")
    world.reconciler.reconcile(ModelId("team", "b"))
    world.delete("b")
    del world.objects[ModelId("team", "b")]
    world.reconciler.survey()
    world.reconciler.survey()
    assert [item.model for item in world.board.models()] == ["a"]
    assert list(world.reconciler._settled) == [A]


def sizes(root: object) -> dict[str, int]:
    """Return the size of every container that `root` and its parts hold, by name."""
    found: dict[str, int] = {}
    for name, value in vars(root).items():
        label = f"{type(root).__name__}.{name}"
        if isinstance(value, dict | set | frozenset | tuple | list):
            found[label] = len(value)
        elif type(value).__module__.startswith("watcher.") and hasattr(value, "__dict__"):
            found |= sizes(value)
    return found
