"""The whole table of where a prediction runs."""

from __future__ import annotations

import pytest

from server.inference.placement import INLINE_BATCHED, INLINE_UNBATCHED, MAX_LOOP_SECONDS, Place, inline_limit, place

INLINE, QUEUE, THREAD = Place.INLINE, Place.QUEUE, Place.THREAD
LONGER = 1.01


@pytest.mark.parametrize(
    ("expected", "idle", "batched", "cooldown", "where"),
    [
        # seconds, idle, batched, in cooldown → place
        (INLINE_BATCHED, True, True, False, INLINE),
        (INLINE_BATCHED, False, True, False, QUEUE),
        (INLINE_BATCHED * LONGER, True, True, False, QUEUE),
        (INLINE_UNBATCHED, True, False, False, INLINE),
        (INLINE_UNBATCHED, False, False, False, QUEUE),
        (INLINE_UNBATCHED * LONGER, True, False, False, QUEUE),
        (MAX_LOOP_SECONDS, True, True, False, QUEUE),
        (MAX_LOOP_SECONDS, True, False, False, QUEUE),
        (MAX_LOOP_SECONDS, False, True, False, QUEUE),
        (MAX_LOOP_SECONDS * LONGER, True, True, False, THREAD),
        (MAX_LOOP_SECONDS * LONGER, True, False, False, THREAD),
        (MAX_LOOP_SECONDS * LONGER, False, True, False, THREAD),
        (0.0, True, True, True, THREAD),
        (0.0, True, False, True, THREAD),
        (0.0, False, True, True, THREAD),
    ],
)
def test_place_every_state_has_one_place(
    expected: float, idle: bool, batched: bool, cooldown: bool, where: Place
) -> None:
    assert place(expected, idle=idle, batched=batched, cooldown=cooldown) is where


def test_place_with_inline_0_uses_the_thread_for_all_that_is_queued() -> None:
    assert place(1e-6, idle=False, batched=True, cooldown=False, max_loop_seconds=0.0) is THREAD
    assert place(1e-6, idle=True, batched=True, cooldown=False, max_loop_seconds=0.0) is INLINE


def test_inline_limit_is_the_duration_up_to_which_place_says_inline() -> None:
    for batched in (False, True):
        limit = inline_limit(batched=batched)
        assert place(limit, idle=True, batched=batched, cooldown=False) is INLINE
        assert place(limit * LONGER, idle=True, batched=batched, cooldown=False) is not INLINE
