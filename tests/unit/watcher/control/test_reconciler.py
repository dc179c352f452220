"""What the reconciler writes and shows for each model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.watcher.control.reconciled import IRIS, NOW, A, OneModel, Refusing, World
from watcher.control.reconciler import Reconciler, Survey
from watcher.control.status_board import StatusBoard
from watcher.core.removal_guard import RETURN_WINDOW
from watcher.core.types import (
    Change,
    ModelId,
    ObjectKey,
    Observation,
    ObservedTrial,
    Pods,
    State,
)
from watcher.errors import Rejected, Retryable, WatcherError
from watcher.metrics import Metrics


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


def test_model_with_a_trial_follows_its_pods_in_every_survey() -> None:
    world = World("a")
    world.base = {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}}
    world.restart()
    world.put("a/values.yaml", b"canary: {version: v2, weight: 10}")
    world.look()
    world.look()
    assert world.reason("a") == "canary v2 is not in the bucket"
    world.put("a/v2/model.joblib")
    world.look()
    assert (world.states(State.PROGRESSING), world.reason("a")) == ("a", "canary v2 is starting")
    alone = dict(world.objects[A])
    world.trials = {"canary": ObservedTrial("v2", State.READY, "", Pods("v2", 1, 1))}
    world.look()
    world.look()
    assert (world.states(State.READY), world.reason("a")) == ("a", "canary v2 gets 10 % of the requests")
    assert world.objects[A] != alone
    world.trials = {}
    world.look()
    assert world.objects[A] == alone
    world.put("a/values.yaml", b"{}")
    world.look()
    world.look()
    assert (world.states(State.READY), world.reason("a")) == ("a", "")
    assert world.reconciler.survey() == Survey(frozenset(), frozenset())


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


def test_versions_show_which_one_a_rejection_a_pin_or_a_pause_is_about() -> None:
    world = World("a")
    world.look()
    world.put("a/v2/model.joblib", b"")
    world.look()
    assert world.versions("a") == {"v2": "Rejected", "v1": "Superseded"}
    world.put("a/values.yaml", b"paused: true")
    world.look()
    assert world.versions("a") == {"v2": "Paused", "v1": "Superseded"}
    world.put("a/values.yaml", b'version: "v1"')
    world.look()
    assert world.versions("a") == {"v2": "", "v1": "Ready"}
    world.put("README.md")
    world.delete("a")
    world.look()
    assert [step.state for step in world.board.steps(1)] == ["Removed"]


def test_reconcile_with_an_empty_version_that_is_not_chosen_is_not_rejected() -> None:
    world = World("a")
    world.put("a/values.yaml", b'version: "v1"')
    world.put("a/v2/model.joblib", b"")
    world.look()
    assert world.states(State.REJECTED) == ""


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


@pytest.mark.parametrize("error", [Retryable("StoreTimeout", "no URLs"), Rejected("AccessDenied", "no URLs")])
def test_reconcile_with_a_failing_renewal_of_urls_does_the_rest_and_shows_the_failure(
    error: WatcherError, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World("ab")
    world.look()
    apply, observe = world.apply, world.observe

    def fail_renewal(change: Change) -> dict[ObjectKey, str]:
        if change.renew:
            raise error
        return apply(change)

    def observe_due(model: ModelId | None = None) -> Observation:
        return Observation({key: replace(item, renew=True) for key, item in observe(model).models.items()})

    monkeypatch.setattr(world, "apply", fail_renewal)
    monkeypatch.setattr(world, "observe", observe_due)
    world.put("a/v2/model.joblib", b"y")
    before, shown = dict(world.objects[A]), list[State]()
    with pytest.raises(type(error)):
        world.reconciler.reconcile(A)
    assert (world.objects[A] != before, world.reason("a")) == (True, "no URLs")
    monkeypatch.setattr(world.board, "on_change", lambda _, new: shown.append(new.state))
    with pytest.raises(type(error)):
        world.reconciler.reconcile(A)
    assert shown == []  # the failure stays in view: no Event for a state that it replaces at once
    world.delete("a")
    world.reconciler.deleted("team/a/v1/model.joblib")
    world.look(seconds=1)
    assert world.running == "b"


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


HPA_OF_A = ObjectKey("HPA", "a")


def edit(world: World) -> None:
    """Edit the autoscaler of team/a as a person does, until it is written again."""
    world.digests[A, HPA_OF_A] = "edited"
    world.manifests[A, HPA_OF_A] = {"kind": "HPA", "metadata": {"name": "a", "annotations": {}}}


def test_edited_object_is_written_again_and_a_program_that_goes_on_editing_is_left_alone_for_a_while(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World("a")
    world.look()
    for writes in range(1, 6):
        before = world.writes
        edit(world)
        world.look(seconds=1)
        assert world.writes == before + 1, writes
    assert "metadata.annotations.kubeserve.io/fingerprint of HPA a" in capsys.readouterr().out
    edit(world)
    world.look(seconds=1)
    assert world.writes == before + 1
    assert world.states(State.REJECTED) == "a"
    assert world.reason("a").startswith("something else keeps changing metadata.annotations.kubeserve.io/fingerprint")
    world.look(seconds=600)
    assert world.writes == before + 2


def test_change_of_what_others_own_is_looked_at_once_and_kept() -> None:
    world = World("a")
    world.look()
    before = world.writes
    world.digests[A, HPA_OF_A] = "with a field of another manager"
    assert world.reconciler.survey().stale == {A}
    world.look()
    assert (world.writes, world.reconciler.survey().stale) == (before, frozenset())


def test_refresh_shows_a_change_of_the_pods_without_work() -> None:
    world = World("a")
    world.watched, world.state = True, State.PROGRESSING
    assert not world.reconciler.refresh(A)
    assert world.states(State.PROGRESSING) == "a"
    world.state = State.READY
    assert not world.reconciler.refresh(A)
    assert world.states(State.READY) == "a"


def test_refresh_finds_work_where_an_object_is_edited_or_gone() -> None:
    world = World("a")
    world.watched = True
    edit(world)
    assert world.reconciler.refresh(A)
    world.look()
    assert not world.reconciler.refresh(A)
    del world.objects[A][HPA_OF_A]
    assert world.reconciler.refresh(A)


def test_refresh_changes_nothing_of_a_model_that_is_unknown_paused_or_on_hold() -> None:
    world = World("abc")
    world.watched = True
    world.put("a/values.yaml", b"paused: true")
    world.delete("bc")
    world.look()
    world.look()
    shown = {status.model: status.state for status in world.board.models()}
    assert shown == {"a": State.PAUSED, "b": State.HELD, "c": State.HELD}
    world.objects[A].clear()
    assert not any(world.reconciler.refresh(ModelId("team", name)) for name in "abcz")
    assert {status.model: status.state for status in world.board.models()} == shown


def test_refresh_of_a_model_that_failed_keeps_the_reason_and_leaves_the_work_to_the_retry() -> None:
    world = World("a")
    world.watched = True
    world.put("a/values.yaml", b"autoscaling: {maxReplicas: many}")
    world.look()
    reason = world.reason("a")
    assert world.reconciler.refresh(A)
    assert (world.states(State.REJECTED), world.reason("a")) == ("a", reason)


def test_refresh_during_a_reconcile_shows_nothing() -> None:
    world, found = World("a"), []
    world.watched = True

    def look_meanwhile(release: object) -> list[object]:
        found.append((world.reconciler.refresh(A), world.states(State.FAILED)))
        return render(release)  # type: ignore[arg-type, return-value]

    render = world.render
    world.state = State.FAILED
    world.render = look_meanwhile  # type: ignore[method-assign, assignment]
    world.reconciler.reconcile(A)
    assert found == [(False, "")]


def test_refresh_of_a_model_on_trial_finds_work_only_if_something_has_changed_since_the_last_look() -> None:
    world = World("a")
    world.base = {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}}
    world.restart()
    world.watched = True
    world.put("a/v2/model.joblib")
    world.put("a/values.yaml", b"version: v1\ncanary: {version: v2, weight: 10}")
    world.look()
    world.look()
    assert not world.reconciler.refresh(A)
    world.trials = {"canary": ObservedTrial("v2", State.READY, "", Pods("v2", 1, 1))}
    assert world.reconciler.refresh(A)
    world.look()
    world.look()
    assert not world.reconciler.refresh(A)


def test_edit_that_cannot_be_undone_yet_is_undone_as_soon_as_the_runtime_permits_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World("a")
    world.look()
    apply, before = world.apply, world.writes

    def refuse(_: Change) -> dict[ObjectKey, str]:
        raise Rejected("Invalid", "spec.ports[0].name: Required value")

    monkeypatch.setattr(world, "apply", refuse)
    edit(world)
    for _ in range(10):
        world.look(seconds=1)
    assert world.reason("a") == "spec.ports[0].name: Required value"
    monkeypatch.setattr(world, "apply", apply)
    world.look(seconds=1)
    assert world.writes == before + 1
