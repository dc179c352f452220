from __future__ import annotations

import pytest

from watcher.control.progress import STUCK_SECONDS, Progress


def test_progress_of_a_task_counts_from_its_start_until_it_ends() -> None:
    clock = [100.0]
    progress = Progress(lambda: clock[0])
    with progress.running("the survey"):
        clock[0] += 7
        assert (progress.seconds("the survey"), progress.seconds("another")) == (7, 0)
    assert progress.seconds("the survey") == 0


def test_progress_problem_names_the_task_that_is_stuck() -> None:
    clock = [100.0]
    progress = Progress(lambda: clock[0])
    with progress.running("the survey"):
        clock[0] += STUCK_SECONDS
        with progress.running("model team/iris"):
            assert progress.problem() == ""
            assert progress.tasks() == ["the survey", "model team/iris"]
            clock[0] += 1
            assert progress.problem() == "the survey has not ended for 601 s"
        assert "the survey" in progress.problem()
    assert progress.problem() == ""


def test_progress_of_a_task_that_raises_ends() -> None:
    progress = Progress(lambda: 1.0)
    with pytest.raises(ZeroDivisionError), progress.running("the survey"):
        _ = 1 / 0
    assert progress._started == {}
