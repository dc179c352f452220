from __future__ import annotations

import pytest

from watcher.core.removal_guard import Verdict, decide
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
        # What was held stays so when the share gets small, and counts beside what is new.
        (models(0), TEN, NONE, models(0), Verdict(held=models(0))),
        (models(0, 1), TEN, NONE, models(0), Verdict(allowed=models(1), held=models(0))),
        (models(*range(6)), TEN, NONE, models(0), Verdict(held=models(*range(6)))),
        # Recent removals delay, whether they still run or not; they are not judged again.
        (models(1), models(1, 2), models(0), NONE, Verdict(waiting=models(1))),
        (models(0, 1), models(0, 1, 2), models(0), NONE, Verdict(waiting=models(1))),
        (models(0), models(0, 1, 2), models(0), NONE, Verdict()),
        (models(5, 6), models(*range(5, 10)), models(*range(5)), models(5), Verdict(waiting=models(6), held=models(5))),
        (models(5, 6, 7), models(*range(5, 10)), models(*range(5)), NONE, Verdict(held=models(5, 6, 7))),
    ],
)
def test_a_mass_removal_is_held_and_one_after_another_waits(
    gone: Models, running: Models, recent: Models, held: Models, verdict: Verdict
) -> None:
    assert decide(gone, running, fraction=0.5, recent=recent, held=held) == verdict


def test_all_may_go_where_the_share_is_all() -> None:
    assert decide(TEN, TEN, fraction=1, recent=models(10, 11)) == Verdict(allowed=TEN)
