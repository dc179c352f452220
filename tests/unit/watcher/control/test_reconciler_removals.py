"""Which models the reconciler removes, delays or holds when they disappear from the bucket."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.watcher.control.reconciled import A, Busy, World
from watcher.control.reconciler import Survey
from watcher.core.types import (
    ModelId,
    ObjectKey,
    State,
)


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


def test_survey_of_an_empty_bucket_holds_the_only_model_until_its_deletion_is_shown() -> None:
    for show in (
        lambda world: world.reconciler.deleted("team/a/v1/model.joblib"),
        lambda world: world.files.update({"_deleted/team/a": b""}),  # as `kubeserve delete` leaves it
    ):
        world = World("a")
        world.delete("a")
        world.look(seconds=100)
        world.reconciler.deleted("team/a/values.yaml")
        world.look(seconds=100)
        assert (world.states(State.HELD), world.running) == ("a", "a")
        show(world)
        world.look(seconds=1)
        assert world.running == ""


def test_survey_of_a_bucket_that_is_empty_for_a_moment_removes_nothing() -> None:
    world = World("a")
    files, world.files = world.files, {}
    world.look()
    world.files = files
    world.look(seconds=1)
    assert (world.states(State.READY), world.running, world.deleted) == ("a", "a", [])
