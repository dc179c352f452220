"""Whether a canary should serve: its figures against those of the version that serves. Pure.

docs/adr/0025-a-canary-is-promoted-by-its-figures.md has the reasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

WINDOW = 600.0
"""Seconds. A canary is promoted after it has answered for this long."""
LONGEST = 86400.0
"""Seconds that the figures cover at most: with few requests it takes longer than WINDOW until there are enough."""
MIN_REQUESTS = 200
"""Requests that a version must have answered before it is judged: with fewer, one slow or failed request decides."""
ERROR_MARGIN = 0.02
"""Share of requests that may fail more often than with the version that serves."""
P99_FACTOR, P99_MARGIN = 1.5, 0.02
"""A canary is too slow if its 99th percentile is larger by this factor and by so many seconds."""


class Decision(StrEnum):
    """What to do with a canary."""

    WAIT = "wait"
    PROMOTE = "promote"
    ROLL_BACK = "roll back"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a version answered: requests, the share with a code from 500, and the 99th percentile in seconds.

    The last two are None without a request.
    """

    requests: float = 0.0
    errors: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision, and the figures in words."""

    decision: Decision
    text: str


def verdict(canary: tuple[str, Figures], stable: tuple[str, Figures], seconds: float) -> Verdict:
    """Return what to do with a canary that has answered for so many seconds. Each is a version and its figures.

    Too many errors end it at once, because users have them, even where the version that serves has no requests of its
    own. A larger latency ends it after WINDOW.
    """
    text = f"{said(*canary)}, against {said(*stable)}"
    tried, serving = canary[1], stable[1]
    if tried.requests >= MIN_REQUESTS and (tried.errors or 0.0) > (serving.errors or 0.0) + ERROR_MARGIN:
        return Verdict(Decision.ROLL_BACK, f"too many errors: {text}")
    if min(tried.requests, serving.requests) < MIN_REQUESTS:
        return Verdict(Decision.WAIT, f"{text}; both need {MIN_REQUESTS} requests")
    if seconds < WINDOW:
        return Verdict(Decision.WAIT, f"{text}; {WINDOW - seconds:.0f} s to go")
    if _is_too_slow(tried.p99, serving.p99):
        return Verdict(Decision.ROLL_BACK, f"too slow: {text}")
    return Verdict(Decision.PROMOTE, text)


def _is_too_slow(tried: float | None, serving: float | None) -> bool:
    if tried is None or serving is None:
        return False
    return tried > serving * P99_FACTOR and tried > serving + P99_MARGIN


def said(version: str, figures: Figures) -> str:
    """Return the figures of a version for people."""
    latency = "" if figures.p99 is None else f", p99 {figures.p99 * 1000:.3g} ms"
    return f"{version} {(figures.errors or 0.0) * 100:.1f} % errors of {figures.requests:.0f} requests{latency}"
