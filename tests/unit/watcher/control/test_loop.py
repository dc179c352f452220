from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from watcher.control.loop import SURVEY, Loop, next_survey
from watcher.control.progress import Progress
from watcher.control.reconciler import Survey
from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard
from watcher.core.types import ModelId
from watcher.errors import Retryable
from watcher.metrics import Metrics

IRIS = ModelId("team", "iris")


class Scripted:
    """A reconciler whose surveys take `seconds` and raise the given errors in turn; None is a success."""

    def __init__(self, *errors: Exception | None, clock: list[float] | None = None, seconds: float = 0) -> None:
        self.errors, self.clock, self.seconds = list(errors), clock or [0.0], seconds
        self.found, self.resyncs = Survey(frozenset(), frozenset()), list[bool]()
        self.progress, self.tasks = Progress(lambda: 0.0), list[list[str]]()
        self.needs_work = False

    def serves(self, model: ModelId) -> bool:
        return model.namespace == "team"

    def survey(self, *, resync: bool = False) -> Survey:
        self.clock[0] += self.seconds
        self.resyncs.append(resync)
        self.tasks.append(self.progress.tasks())
        error = self.errors.pop(0) if self.errors else None
        if error:
            raise error
        return self.found

    def reconcile(self, model: ModelId, *, rewrite: bool = False) -> bool:
        raise NotImplementedError

    def refresh(self, model: ModelId) -> bool:
        return self.needs_work


def loop_of(reconciler: Scripted, now: Any = time.monotonic, resync_interval: float = 600) -> Loop:
    return Loop(
        reconciler,  # type: ignore[arg-type]
        StatusBoard(),
        SourceHealth(),
        Metrics(),
        poll_interval=5,
        resync_interval=resync_interval,
        workers=0,
        now=now,
    )


def poll_of(loop: Loop) -> tuple[bool, str]:
    return next((source.live, source.detail) for source in loop._sources.all() if source.name == "poll")


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines


def test_hint_for_a_key_that_is_no_served_models_file_is_ignored() -> None:
    loop = loop_of(Scripted())
    for key in ("team/iris/v1/notes.txt", "other/iris/v1/model.joblib", "team/9lives/v1/model.joblib", "x"):
        loop.hint(key)
    assert (len(loop._workers._queue), loop._wake.is_set()) == (0, False)
    loop.hint("team/iris/v1/model.joblib")
    assert loop._workers._queue._due[IRIS] > time.monotonic()  # it waits for the other files of the upload
    assert loop._workers._queue.get() == IRIS
    loop.hint("")
    assert loop._wake.is_set()


def test_change_in_the_runtime_queues_a_model_only_if_it_needs_work() -> None:
    reconciler = Scripted()
    loop = loop_of(reconciler)
    loop.refresh_model(IRIS)
    assert not len(loop._workers._queue)
    reconciler.needs_work = True
    loop.refresh_model(IRIS)
    assert loop._workers._queue._due[IRIS] > time.monotonic()  # it waits for further changes


def test_change_in_the_runtime_does_not_shorten_a_retry() -> None:
    reconciler = Scripted()
    reconciler.needs_work, loop = True, loop_of(reconciler)
    loop._workers.add(IRIS, 60)
    loop.refresh_model(IRIS)
    assert loop._workers._queue._due[IRIS] > time.monotonic() + 30


def test_survey_with_resync_has_every_model_rewritten() -> None:
    reconciler = Scripted()
    reconciler.found = Survey(frozenset({IRIS}), frozenset({ModelId("team", "b")}))
    loop = loop_of(reconciler)
    loop._survey(resync=False)
    assert loop._workers._rewrite == set()
    loop._survey(resync=True)
    assert loop._workers._rewrite == {IRIS, ModelId("team", "b")}


def test_survey_does_not_shorten_a_retry_except_for_a_change_in_the_bucket() -> None:
    reconciler = Scripted()
    loop = loop_of(reconciler)
    stale, changed = ModelId("team", "stale"), ModelId("team", "changed")
    for model in (stale, changed):
        loop._workers.add(model, 60)
    reconciler.found = Survey(frozenset({changed}), frozenset({stale}))
    loop._survey(resync=False)
    due = loop._workers._queue._due
    assert (due[stale] > time.monotonic() + 30, due[changed] > time.monotonic()) == (True, False)


def test_survey_answers_the_hints_before_it() -> None:
    loop = loop_of(Scripted())
    loop.hint("")
    loop._survey(resync=False)
    assert not loop._wake.is_set()


def test_survey_that_fails_during_the_stop_is_not_reported(logged: list[Any]) -> None:
    loop = loop_of(Scripted(Retryable("StoreUnreachable", "the connection was closed")))
    loop._halt.set()
    assert not loop._survey(resync=False)
    assert (poll_of(loop), logged) == ((False, "no survey yet"), [])


def test_survey_with_an_unreadable_namespace_reports_it_as_a_source_until_it_is_readable() -> None:
    reconciler = Scripted()
    loop = loop_of(reconciler)
    shown = []
    for unreadable in ({"team-b": "cannot be read: forbidden"}, {}):
        reconciler.found = Survey(frozenset(), frozenset(), unreadable)
        loop._survey(resync=False)
        shown.append([(source.name, source.live, source.detail) for source in loop._sources.all()])
    assert shown == [
        [("namespace/team-b", False, "cannot be read: forbidden"), ("poll", True, "")],
        [("namespace/team-b", True, ""), ("poll", True, "")],
    ]


def test_survey_that_raises_an_unexpected_error_is_shown_logged_once_and_repeated(logged: list[Any]) -> None:
    loop = loop_of(Scripted(TypeError("'NoneType' object\nis not iterable"), TypeError("other"), None))
    assert not loop._survey(resync=False)
    live, detail = poll_of(loop)
    assert not live
    assert "TypeError: 'NoneType' object is not iterable" in detail
    warnings = [line for line in logged if line["log_level"] == "warning"]
    assert [(line["event"], "exc_info" in line) for line in warnings] == [("cannot survey", False)]
    assert any("exc_info" in line for line in logged if line["log_level"] == "debug")
    assert not loop._survey(resync=False)
    assert loop._survey(resync=False)
    assert poll_of(loop) == (True, "")
    passes = {
        result: loop._metrics.registry.get_sample_value("kubeserve_watcher_passes_total", {"result": result})
        for result in ("ok", "error")
    }
    assert passes == {"ok": 1, "error": 2}


@pytest.mark.parametrize(("hinted", "until"), [(True, 20), (False, 50)])
def test_wait_with_a_hint_ends_early_but_not_before_the_earliest_time(
    hinted: bool, until: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count()
    loop = loop_of(Scripted(), lambda: float(next(ticks)))
    for event in (loop._wake, loop._halt):
        monkeypatch.setattr(event, "wait", lambda _: None)
    start = next(ticks)
    if hinted:
        loop.hint("")
    loop._wait(earliest=start + 20, latest=start + 50)
    assert next(ticks) - start in range(until, until + 3)
    loop._halt.set()
    loop._wait(earliest=1000, latest=1000)
    assert next(ticks) < 100


@pytest.mark.parametrize(
    ("seconds", "succeeded", "pauses"),
    [(0.1, True, (1, 5)), (2, True, (20, 20)), (30, True, (300, 300)), (30, False, (5, 5))],
)
def test_next_survey_leaves_time_for_other_work_and_repeats_a_failed_one_soon(
    seconds: float, succeeded: bool, pauses: tuple[float, float]
) -> None:
    earliest, latest = next_survey(100, 100 + seconds, poll=5, succeeded=succeeded)
    assert (earliest - 100 - seconds, latest - 100 - seconds) == pytest.approx(pauses)


def test_next_survey_after_a_failure_does_not_wait_for_a_slow_poll() -> None:
    assert next_survey(100, 101, poll=3600, succeeded=False) == (106, 106)


def test_run_repeats_a_resync_whose_survey_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    reconciler = Scripted(None, None, Retryable("StoreUnreachable", "the store is down"), clock=clock, seconds=30)
    loop = loop_of(reconciler, lambda: clock[0], resync_interval=50)
    reconciler.progress = loop._progress

    def wait(_earliest: float, _latest: float) -> None:
        if len(reconciler.resyncs) == 4:
            loop._halt.set()

    monkeypatch.setattr(loop, "_wait", wait)
    loop._run()
    assert reconciler.resyncs == [False, False, True, True]
    assert loop._last_seconds == 30
    assert reconciler.tasks == [[SURVEY]] * 4


def test_refresh_during_a_survey_without_an_answer_reports_that_the_poll_is_not_live() -> None:
    clock = [0.0]
    loop = loop_of(Scripted(), lambda: clock[0])
    loop._survey(resync=False)
    with loop._progress.running(SURVEY):
        clock[0] = 9
        loop.refresh()
        assert poll_of(loop) == (True, "")
        clock[0] = 16
        loop.refresh()
        assert poll_of(loop) == (False, "the store or the API server has not answered the survey yet")
        assert loop.problem() == ""  # a restart would not bring the store back
        clock[0] = 601
        assert "the survey has not ended" in loop.problem()
    loop._last_seconds = 20  # a large bucket: a survey of 50 s is then usual
    loop._survey(resync=False)
    with loop._progress.running(SURVEY):
        clock[0] += 50
        loop.refresh()
        assert poll_of(loop) == (True, "")


def test_stop_during_a_survey_that_hangs_returns_within_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.control.loop.STOP_SECONDS", 0.2)
    release, reconciler = threading.Event(), Scripted()
    monkeypatch.setattr(reconciler, "survey", lambda **_: release.wait(60) and reconciler.found)
    loop = loop_of(reconciler)
    loop.start()
    started = time.monotonic()
    loop.stop()
    assert time.monotonic() - started < 5
    assert loop._thread.is_alive()
    release.set()
    loop._thread.join(30)
    assert not loop._thread.is_alive()


def test_problem_names_a_thread_that_has_ended_though_it_was_not_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = loop_of(Scripted())
    monkeypatch.setattr(loop, "_run", lambda: None)
    loop._thread = threading.Thread(target=loop._run)
    loop.start()
    loop._thread.join(30)
    assert loop.problem() == "the thread survey has ended"
    loop.stop()
    assert loop.problem() == ""
