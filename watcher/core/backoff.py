"""The delay before the next try of something that failed. The caller waits, and stops waiting at a stop. Pure."""

from __future__ import annotations

import random

FIRST = 1.0
"""Seconds. The delay after the first failure."""

CEILING = 60.0
"""Seconds. The longest delay after failures that end only when a person changes the very thing that fails."""

SHARED_CEILING = 5.0
"""Seconds. The longest delay after failures of something that many share, such as the API server, a namespace or a
stream: whoever mends it sees the result within 10 s."""

SHARED_RATE = 10.0
"""Tries per second, of all that wait for something that they share: the store and the API server must not have to
answer for every one of a thousand models before they answer again."""

JITTER = 0.25
"""Share of a delay that is random: clients that lost the same server do not all come back at the same moment."""


def retry_delay(failures: int, ceiling: float = CEILING, jitter: float = JITTER) -> float:
    """Return the seconds to wait after this many failures in a row: 1, 2, 4 … `ceiling`, less up to a quarter."""
    longest = min(ceiling, FIRST * 2.0 ** min(failures - 1, 10))
    return longest * (1 - jitter * random.random())  # noqa: S311 - spreads load, protects nothing


def shared_delay(failures: int, waiting: int) -> float:
    """Return the seconds to wait after a failure of something that `waiting` others wait for too.

    Few are tried within SHARED_CEILING. Many are tried more rarely, at SHARED_RATE together: the first that succeeds
    shows that the others need not wait any longer.
    """
    return max(retry_delay(failures, SHARED_CEILING), retry_delay(1, jitter=JITTER) * waiting / SHARED_RATE)
