"""Where a prediction runs: the decision, and every constant that it depends on. Pure.

The event loop answers all requests, health checks included, and one thread exists for long predictions. A prediction
on the event loop avoids the way to the thread; a prediction in the thread does not delay anybody's health check.
"""

from __future__ import annotations

from enum import Enum

INLINE_BATCHED = 60e-6
"""Seconds. A shorter prediction skips the queue: to enter the queue, wait there and be woken costs about as much."""

INLINE_UNBATCHED = 500e-6
"""Seconds. The same for a method that is never batched, which gains nothing in the queue. 64 such predictions in one
turn of the event loop delay a health check by 32 ms."""

MAX_LOOP_SECONDS = 0.002
"""Seconds. Default of `--inline`: a longer prediction runs in the thread. `Place.INLINE` is
another limit: without the queue. The way to the thread and back takes 0.1 ms,
which is 5 % of it."""

BLOCKED_LOOP_SECONDS = 0.05
"""Seconds. If a prediction on the event loop takes longer than this, its estimate was wrong: its duration
depends on more than its number of rows, and the estimate is not used for a while (`Cost.start_cooldown`)."""

LOOP_TURNS = 4
"""Turns of the event loop before a prediction on it: one delivers the last batch, one reads the sockets, one starts the
handlers, one lets them parse. With 16 clients of histogram boosting the mean batch has 14.8 rows with three turns and
15.8 with four; an earlier measurement without turns gave 7.6. The latency of a single client does not change
measurably."""


class Place(Enum):
    """Where, and by which way."""

    INLINE = "on the event loop at once, without the queue"
    QUEUE = "through the queue, then on the event loop"
    THREAD = "through the queue, then in the thread"


def place(
    expected: float, *, idle: bool, batched: bool, cooldown: bool, max_loop_seconds: float = MAX_LOOP_SECONDS
) -> Place:
    """Return where a prediction runs that is expected to take `expected` seconds.

    `idle`: nothing is queued and nothing runs. `batched`: requests for this method share a call. `cooldown`: an earlier
    prediction by this method blocked the event loop for too long, so `expected` is not reliable.
    """
    if cooldown:
        return Place.THREAD
    if idle and expected <= inline_limit(batched=batched):
        return Place.INLINE
    return Place.QUEUE if expected <= max_loop_seconds else Place.THREAD


def inline_limit(*, batched: bool) -> float:
    """Return how many seconds a prediction may take to run without the queue."""
    return INLINE_BATCHED if batched else INLINE_UNBATCHED
