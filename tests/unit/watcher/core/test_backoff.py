from __future__ import annotations

from watcher.core.backoff import retry_delay


def test_retry_delay_doubles_from_one_second_up_to_a_minute() -> None:
    assert [retry_delay(failures, jitter=0) for failures in (1, 2, 3, 6, 7, 8, 100_000)] == [1, 2, 4, 32, 60, 60, 60]


def test_retry_delay_with_jitter_is_spread_over_the_last_quarter() -> None:
    delays = {retry_delay(100) for _ in range(200)}
    assert 45 <= min(delays) < 50
    assert 55 < max(delays) <= 60
