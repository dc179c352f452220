"""The delay before the next try of something that failed. The caller waits, and stops waiting at a stop."""

from __future__ import annotations

import random

FIRST = 1.0
"""Seconds. The delay after the first failure."""

CEILING = 60.0
"""Seconds. No delay is longer: whoever mends the cause sees the result within a minute."""

JITTER = 0.25
"""Share of a delay that is random: clients that lost the same server do not all come back at the same moment."""


def retry_delay(failures: int, jitter: float = JITTER) -> float:
    """Return the seconds to wait after this many failures in a row: 1, 2, 4 … 60, less up to a quarter."""
    longest = min(CEILING, FIRST * 2.0 ** min(failures - 1, 10))
    return longest * (1 - jitter * random.random())  # noqa: S311 - spreads load, protects nothing
