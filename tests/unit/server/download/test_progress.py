from __future__ import annotations

import threading
import time

import pytest

from server.download import progress as progress_module
from server.download.progress import Progress, run_watched
from server.errors import ModelError


def test_run_watched_work_that_stands_still_is_abandoned_with_its_last_problem() -> None:
    forever = threading.Event()

    def work(progress: Progress) -> None:
        progress.problem = "the store is busy"
        forever.wait(60)

    begun = time.monotonic()
    with pytest.raises(ModelError, match=r"nothing came for 0 s; before that: the store is busy"):
        run_watched(work, stall_seconds=0.2)
    assert time.monotonic() - begun < 30
    forever.set()


def test_run_watched_slow_work_with_progress_is_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "CHECK_SECONDS", 0.05)
    steps = []

    def work(progress: Progress) -> None:
        for step in range(8):
            time.sleep(0.1)
            progress.record()
            steps.append(step)

    run_watched(work, stall_seconds=0.6)
    assert len(steps) == 8


@pytest.mark.parametrize("error", [ModelError("a sentence"), TimeoutError("of the work"), KeyError("x")])
def test_run_watched_an_error_of_the_work_is_raised(error: Exception) -> None:
    def work(_: Progress) -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        run_watched(work)
    assert raised.value is error
