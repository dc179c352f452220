from __future__ import annotations

import threading
import time

from watcher.control.shutdown import stop_all


def test_stop_all_with_a_part_that_hangs_stops_the_others_and_returns_in_time() -> None:
    release, stopped = threading.Event(), []
    started = time.monotonic()
    stop_all(0.3, hanging=lambda: release.wait(60) and None, other=lambda: stopped.append("other"))
    release.set()
    assert stopped == ["other"]
    assert 0.3 <= time.monotonic() - started < 5


def test_stop_all_returns_as_soon_as_every_part_has_stopped() -> None:
    both = threading.Barrier(2)  # each part waits for the other: they are stopped at the same time
    started = time.monotonic()
    stop_all(30, one=lambda: both.wait(20) and None, two=lambda: both.wait(20) and None)
    assert time.monotonic() - started < 10
