from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from watcher.control.progress import Progress
from watcher.control.workers import Workers
from watcher.core.types import ModelId
from watcher.errors import Rejected, Retryable
from watcher.metrics import Metrics

IRIS = ModelId("team", "iris")


class Scripted:
    """A reconciler that records its calls and raises the given errors in turn; "" is a success."""

    def __init__(self, *errors: str | Exception) -> None:
        self.errors, self.calls, self.approved = list(errors), list[tuple[ModelId, bool]](), True
        self.needs_work = False
        self.before_return: Callable[[], None] = lambda: None

    def reconcile(self, model: ModelId, *, rewrite: bool = False) -> bool:
        self.calls.append((model, rewrite))
        self.before_return()
        error = self.errors.pop(0) if self.errors else ""
        if error:
            raise error if isinstance(error, Exception) else Rejected("InvalidValues", error)
        return self.approved

    def refresh(self, model: ModelId) -> bool:
        return self.needs_work


def workers_of(
    reconciler: Scripted,
    count: int = 0,
    metrics: Metrics | None = None,
    survey_soon: Callable[[], None] = lambda: None,
    now: Callable[[], float] = time.monotonic,
) -> Workers:
    return Workers(
        reconciler,
        metrics or Metrics(),
        Progress(time.monotonic),
        count=count,
        survey_soon=survey_soon,
        now=now,
    )


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines


def test_workers_log_a_repeated_failure_once_and_a_different_one_again(logged: list[Any]) -> None:
    workers = workers_of(Scripted("no", "no", "still no", "", "still no"))
    for _ in range(5):
        workers.reconcile(IRIS)
    assert [line["log_level"] for line in logged] == ["warning", "debug", "warning", "warning"]


def test_workers_after_an_unexpected_error_log_one_line_with_the_cause_and_retry(logged: list[Any]) -> None:
    metrics = Metrics()
    workers = workers_of(Scripted(TypeError("no attribute 'items'\n<html>")), metrics=metrics)
    workers.reconcile(IRIS)
    (warning,) = (line for line in logged if line["log_level"] == "warning")
    assert "TypeError: no attribute 'items' <html>" in warning["reason"]
    assert "exc_info" not in warning
    assert [line["log_level"] for line in logged if "exc_info" in line] == ["debug"]
    assert len(workers._queue) == 1
    assert metrics.registry.get_sample_value("kubeserve_watcher_failures_total", {"reason": "Unexpected"}) == 1


def test_workers_after_a_success_start_with_the_shortest_retry_delay_again(logged: list[Any]) -> None:
    workers = workers_of(Scripted("no", "no", "", "no"))
    for _ in range(4):
        workers.reconcile(IRIS)
    assert workers._queue._due[IRIS] - time.monotonic() > 0.5  # not at once
    delays = [line["retry_in"] for line in logged if "retry_in" in line]
    assert [delay <= 1 for delay in delays] == [True, False, True]


def test_workers_rewrite_a_model_until_it_succeeds() -> None:
    reconciler = Scripted("no", "")
    workers = workers_of(reconciler)
    workers.rewrite([IRIS])
    for _ in range(3):
        workers.reconcile(IRIS)
    assert reconciler.calls == [(IRIS, True), (IRIS, True), (IRIS, False)]


def test_workers_keep_a_resync_that_is_asked_for_during_a_plain_reconcile() -> None:
    reconciler = Scripted()
    workers = workers_of(reconciler)
    reconciler.before_return = lambda: workers.rewrite([IRIS])
    workers.reconcile(IRIS)
    reconciler.before_return = lambda: None
    workers.reconcile(IRIS)
    assert reconciler.calls == [(IRIS, False), (IRIS, True)]


def test_workers_keep_nothing_of_a_model_that_succeeded() -> None:
    workers = workers_of(Scripted(*["no"] * 100))
    models = [ModelId("team", f"m{number}") for number in range(100)]
    workers.rewrite(models)
    for model in models * 2:
        workers.reconcile(model)
    assert (workers._last_logged, workers._rewrite) == ({}, set())


def test_workers_when_the_api_server_answers_again_retry_all_that_waited_for_it() -> None:
    down = Retryable("ApiError", "HTTP 500")
    models = [ModelId("team", f"m{number}") for number in range(200)]
    workers = workers_of(Scripted(*[down] * len(models)), now=lambda: 0.0)
    for model in models:
        workers.reconcile(model)
    due = workers._queue._due
    assert min(due.values()) > 0
    workers.reconcile(models[0])
    assert sum(when == 0 for when in due.values()) == len(models) - 1


def test_workers_with_changed_files_reconcile_at_once_and_begin_with_the_shortest_delay(logged: list[Any]) -> None:
    workers = workers_of(Scripted(*["no"] * 9))
    for _ in range(8):
        workers.reconcile(IRIS)
    workers.changed(IRIS)
    assert workers._queue._due[IRIS] <= time.monotonic()
    workers.reconcile(IRIS)
    delays = [line["retry_in"] for line in logged if "retry_in" in line]
    assert (delays[-2] > 40, delays[-1] <= 1) == (True, True)


def test_workers_after_an_unexpected_error_go_on_in_the_same_thread() -> None:
    reconciler = Scripted(TypeError("broken"), RecursionError("deep"))
    workers = workers_of(reconciler, count=1)
    workers.start()
    for name in "abc":
        workers.add(ModelId("team", name))
    deadline = time.monotonic() + 30
    while len(reconciler.calls) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert workers.ended() == []
    for thread in workers.stop():
        thread.join(30)
    assert {model.name for model, _ in reconciler.calls} >= {"a", "b", "c"}


def test_workers_ask_for_a_survey_when_a_removal_is_not_approved() -> None:
    reconciler, asked = Scripted(), list[str]()
    workers = workers_of(reconciler, survey_soon=lambda: asked.append("survey"))
    workers.reconcile(IRIS)
    assert asked == []
    reconciler.approved = False
    workers.reconcile(IRIS)
    assert asked == ["survey"]


def test_workers_take_a_model_again_that_was_added_during_its_reconcile_and_show_it_as_progress() -> None:
    reconciler = Scripted()
    workers = workers_of(reconciler, count=2)
    tasks = list[list[str]]()

    def add_once() -> None:
        tasks.append(workers._progress.tasks())
        if len(reconciler.calls) == 1:
            workers.add(IRIS)

    reconciler.before_return = add_once
    workers.start()
    workers.add(IRIS)
    deadline = time.monotonic() + 30
    while len(tasks) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    for thread in workers.stop():
        thread.join(30)
    assert tasks == [["model team/iris"], ["model team/iris"]]
