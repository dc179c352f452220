from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from watcher.control.parallel import for_each

BOUND = 120
"""Seconds until a process has ended that waits for nothing; its thread would hang for an hour."""

HANGS = """
import threading, time
from watcher.control.parallel import for_each

begun = threading.Event()

def hang(_):
    begun.set()
    time.sleep(3600)

threading.Thread(target=lambda: for_each(hang, [1], 2, "t"), daemon=True).start()
begun.wait()
"""


def test_for_each_returns_the_results_in_order() -> None:
    assert for_each(lambda item: item * 2, range(100), 8, "t") == [item * 2 for item in range(100)]
    assert for_each(str, [], 8, "t") == []


def test_for_each_runs_as_many_items_at_once_as_it_has_threads() -> None:
    together = threading.Barrier(4, timeout=60)
    assert len(for_each(lambda _: together.wait(), range(8), 4, "t")) == 8


def test_for_each_raises_what_the_function_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        for_each(lambda item: 1 // item, [1, 0, 2], 2, "t")


def test_for_each_that_hangs_does_not_delay_the_end_of_the_process() -> None:
    assert subprocess.run([sys.executable, "-c", HANGS], timeout=BOUND, check=False).returncode == 0
