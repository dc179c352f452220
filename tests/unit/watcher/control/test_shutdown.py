from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

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


SIGNAL_TO_ANOTHER_THREAD = """
import signal, threading, time
from watcher.control.shutdown import StopSignals

def receive():
    time.sleep(0.5)  # the main thread waits by now
    signal.pthread_kill(threading.get_ident(), signal.{name})
    time.sleep(600)

signals = StopSignals()
threading.Thread(target=receive, daemon=True).start()
signals.wait()
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_wait_for_a_signal_that_another_thread_receives_returns(name: str) -> None:
    program = SIGNAL_TO_ANOTHER_THREAD.format(name=name)
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
