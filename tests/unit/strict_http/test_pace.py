"""How long a transfer may take."""

from __future__ import annotations

from strict_http.pace import Pace


def last(rate: float, step: float, most: float = 10_000.0) -> float:
    """Return when a transfer of so many bytes a second, in pieces of `step` seconds, is cut; `most` if it is not."""
    pace, now = Pace(0.0, 60.0, 1000.0), 0.0
    while now < most and not pace.is_over(now):
        now += step
        pace.record(now, int(rate * step))
    return now


def test_is_over_transfer_at_the_least_rate_goes_on() -> None:
    assert last(1000, 1.0) >= 10_000
    assert last(5000, 10.0) >= 10_000


def test_is_over_slow_transfer_ends_soon_after_the_time() -> None:
    assert 60 <= last(1, 0.5) <= 61
    assert 60 <= last(0, 5.0) <= 66
    assert 100 <= last(500, 1.0) <= 125


def test_is_over_fast_start_gives_no_credit_for_a_stall() -> None:
    pace = Pace(0.0, 60.0, 1000.0)
    pace.record(1.0, 10**9)
    assert not pace.is_over(61.0)
    assert pace.is_over(61.1)
