"""What a recorded document is compared by."""

from __future__ import annotations

import pytest

from tests.transcript import masked


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("iris v1 Ready 1/1 data 9s http://127.0.0.1:8001", "iris v1 Ready 1/1 data 3m http://127.0.0.1:32768"),
        ("v2  Failed  2026-11-30T05:55:10+00:00  1.6 KiB", "v2  Failed  2026-11-30T14:05:59+02:00  2 KiB"),
        ("2026-11-30T05:55:10Z", "2027-01-01T00:00:00.123456Z"),
        ("_status.json  988 B", "_status.json  1.0 KiB"),
        ("ready v1 after 850 ms", "ready v1 after 1.2 s"),
        ("the poll is 2h old", "the poll is 1d old"),
        ("──────── iris", "──── iris"),
    ],
)
def test_what_differs_from_run_to_run_is_masked(one: str, other: str) -> None:
    assert masked(one) == masked(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("iris v1 Ready", "iris v2 Ready"),
        ("iris v1 Ready", "iris v1 Failed"),
        ("loaded as data", "loaded as code"),
        ("since 2026-11-30T05:55:10+00:00", "since 30 Nov 2026"),
        ("3 models", "3 files"),
    ],
)
def test_what_a_reader_relies_on_is_not_masked(one: str, other: str) -> None:
    assert masked(one) != masked(other)
