"""Buckets include their upper bound, and no value is lost between flushes."""

from __future__ import annotations

from server.telemetry.histogram import Histogram


def test_buckets_include_their_bound_and_every_value_of_every_flush() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (1.0, 1.5):
        histogram.observe(value)
    histogram.flush()
    histogram.extend([3.0])
    histogram.flush()
    histogram.flush()
    assert histogram.buckets() == [("1.0", 1), ("2.0", 2), ("+Inf", 3)]
    assert histogram.sum == 5.5
