from __future__ import annotations

import pytest

from watcher.core.removal_guard import RETURN_WINDOW, RemovalGuard, Verdict, decide
from watcher.core.types import ModelId


def models(*numbers: int) -> frozenset[ModelId]:
    return frozenset(ModelId("t", f"m{number}") for number in numbers)


Models = frozenset[ModelId]
TEN, NONE = models(*range(10)), models()


@pytest.mark.parametrize(
    ("gone", "running", "recent", "held", "verdict"),
    [
        (NONE, NONE, NONE, NONE, Verdict()),
        (models(0), models(0), NONE, NONE, Verdict(allowed=models(0))),
        (models(*range(5)), TEN, NONE, NONE, Verdict(allowed=models(*range(5)))),
        (models(*range(6)), TEN, NONE, NONE, Verdict(held=models(*range(6)))),
        # What was held stays on hold when the share gets small, and counts together with what is new.
        (models(0), TEN, NONE, models(0), Verdict(held=models(0))),
        (models(0, 1), TEN, NONE, models(0), Verdict(allowed=models(1), held=models(0))),
        (models(*range(6)), TEN, NONE, models(0), Verdict(held=models(*range(6)))),
        # Recent removals delay others, whether they still run or not. They are not decided on again.
        (models(1), models(1, 2), models(0), NONE, Verdict(waiting=models(1))),
        (models(0, 1), models(0, 1, 2), models(0), NONE, Verdict(waiting=models(1))),
        (models(0), models(0, 1, 2), models(0), NONE, Verdict()),
        (models(5, 6), models(*range(5, 10)), models(*range(5)), models(5), Verdict(waiting=models(6), held=models(5))),
        (models(5, 6, 7), models(*range(5, 10)), models(*range(5)), NONE, Verdict(held=models(5, 6, 7))),
    ],
)
def test_decide_holds_a_mass_removal_and_delays_one_that_follows_another(
    gone: Models, running: Models, recent: Models, held: Models, verdict: Verdict
) -> None:
    assert decide(gone, running, fraction=0.5, recent=recent, held=held) == verdict


def test_decide_with_a_fraction_of_one_allows_all() -> None:
    assert decide(TEN, TEN, fraction=1, recent=models(10, 11)) == Verdict(allowed=TEN)


def test_decide_on_a_mass_removal_holds_what_is_allowed_but_still_pending() -> None:
    gone, recent = models(*range(8)), models(*range(5))
    verdict = decide(gone, TEN, fraction=0.5, recent=recent, pending=models(3, 4, 9))
    assert verdict == Verdict(held=models(3, 4, 5, 6, 7))


def test_guard_with_a_held_model_in_an_unreadable_namespace_keeps_the_hold() -> None:
    guard = RemovalGuard(0.5)
    assert set(guard.decide(NONE, models(0, 1), observed_at=0, now=0).held) == models(0, 1)
    assert guard.decide(NONE, NONE, observed_at=1, now=1, unreadable={"t"}).held == {}
    assert set(guard.decide(NONE, models(0, 1), observed_at=2, now=2).held) == models(0, 1)
    guard.decide(NONE, NONE, observed_at=3, now=3)  # somebody deleted both
    assert guard.decide(NONE, models(0), observed_at=4, now=4).approved == models(0)


def test_guard_with_a_removed_model_that_runs_again_after_an_hour_removes_it_again() -> None:
    guard = RemovalGuard(1)
    for start in (0, 2 * RETURN_WINDOW):
        assert guard.decide(NONE, TEN, observed_at=start, now=start).approved == TEN
        for model in TEN:
            guard.done(model, now=start + 1)
        assert guard.decide(NONE, NONE, observed_at=start + RETURN_WINDOW, now=start + RETURN_WINDOW).held == {}
        returned = guard.decide(NONE, models(3), observed_at=start + 2, now=start + 2)
        assert (returned.approved, list(returned.held)) == (NONE, list(models(3)))
        guard.decide(NONE, NONE, observed_at=start + 2 * RETURN_WINDOW, now=start + 2 * RETURN_WINDOW)


def test_guard_approves_a_removal_until_it_is_done_or_the_model_is_back() -> None:
    guard, (first, second) = RemovalGuard(1), sorted(models(0, 1))
    assert guard.decide(NONE, models(0, 1), observed_at=0, now=0).approved == models(0, 1)
    guard.done(first, now=1)
    guard.mark_present(second)
    assert (guard.approves(first), guard.approves(second)) == (False, False)


def test_guard_with_a_model_that_is_back_and_deleted_between_two_surveys_removes_it() -> None:
    guard, (model,) = RemovalGuard(1), sorted(models(0))
    guard.decide(NONE, models(0), observed_at=0, now=0)
    guard.done(model, now=1)
    guard.mark_present(model)  # a hint brought it up again, and it was deleted before the next survey
    again = guard.decide(NONE, models(0), observed_at=2, now=2)
    assert (again.approved, again.held) == (models(0), {})


def test_guard_with_a_model_that_runs_again_holds_it_for_longer_than_it_remembers_others() -> None:
    guard, (model,) = RemovalGuard(1), sorted(models(0))
    guard.decide(NONE, models(0), observed_at=0, now=0)
    guard.done(model, now=1)
    for now in (2, RETURN_WINDOW, 3 * RETURN_WINDOW):
        assert list(guard.decide(NONE, models(0), observed_at=now, now=now).held) == [model]
    guard.decide(
        models(0), models(0), observed_at=4 * RETURN_WINDOW, now=4 * RETURN_WINDOW
    )  # uploaded: it is forgotten
    assert guard.decide(
        NONE, models(0), observed_at=4 * RETURN_WINDOW + 1, now=4 * RETURN_WINDOW + 1
    ).approved == models(0)


def test_guard_with_a_mass_removal_does_not_hold_what_is_approved_already() -> None:
    guard = RemovalGuard(0.5)
    assert guard.decide(models(*range(1, 10)), TEN, observed_at=0, now=0).approved == models(0)
    decision = guard.decide(models(8, 9), TEN, observed_at=1, now=1)
    assert (set(decision.held), decision.approved) == (set(models(*range(1, 8))), models(0))


def test_guard_with_a_removed_model_that_a_survey_finds_in_the_bucket_forgets_the_removal() -> None:
    guard, (model,) = RemovalGuard(1), sorted(models(0))
    guard.decide(NONE, models(0), observed_at=0, now=0)
    guard.done(model, now=1)
    guard.decide(models(0), models(0), observed_at=2, now=2)
    assert guard.decide(NONE, models(0), observed_at=3, now=3).approved == models(0)


def test_guard_with_an_empty_bucket_holds_the_only_model_until_it_is_back() -> None:
    guard, only = RemovalGuard(0.5), models(0)
    for now in (0, 100, 10_000):
        decision = guard.decide(NONE, only, observed_at=now, now=now, empty=True)
        assert (decision.approved, set(decision.held)) == (NONE, only)
        assert "suddenly empty" in decision.held[next(iter(only))]
    assert guard.decide(only, only, observed_at=10_001, now=10_001).held == {}


def test_guard_with_an_empty_bucket_removes_a_model_that_an_event_has_named_as_deleted() -> None:
    guard, only = RemovalGuard(0.5), models(0)
    (model,) = only
    assert guard.decide(NONE, only, observed_at=0, now=0, empty=True).approved == NONE
    guard.mark_deleted(model)
    assert guard.decide(NONE, only, observed_at=1, now=1, empty=True).approved == only


def test_guard_with_an_event_of_an_earlier_deletion_holds_a_model_that_was_uploaded_again() -> None:
    guard, only = RemovalGuard(0.5), models(0)
    (model,) = only
    for back in (lambda: guard.mark_present(model), lambda: guard.decide(only, only, observed_at=0, now=0)):
        guard.mark_deleted(model)
        back()
        assert set(guard.decide(NONE, only, observed_at=1, now=1, empty=True).held) == only


def test_guard_that_missed_a_model_among_other_objects_removes_it_from_a_bucket_that_is_empty_since() -> None:
    guard, only = RemovalGuard(0.5, delay=10), models(0)
    assert guard.decide(NONE, only, observed_at=0, now=0).approved == NONE  # the delay
    assert guard.decide(NONE, only, observed_at=11, now=11, empty=True).approved == only


def test_guard_with_an_empty_bucket_and_a_fraction_of_one_removes_the_only_model() -> None:
    assert RemovalGuard(1).decide(NONE, models(0), observed_at=0, now=0, empty=True).approved == models(0)


def test_guard_with_an_empty_bucket_holds_several_models_until_each_is_back_whatever_events_say() -> None:
    guard, several = RemovalGuard(0.5), models(0, 1, 2)
    guard.mark_deleted(next(iter(several)))
    assert set(guard.decide(NONE, several, observed_at=0, now=0, empty=True).held) == several
    assert set(guard.decide(models(0, 1), several, observed_at=1, now=1).held) == models(2)
