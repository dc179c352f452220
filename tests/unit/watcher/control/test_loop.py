from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from watcher.control.loop import Loop
from watcher.control.reconciler import Survey
from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard
from watcher.core.types import ModelId, State
from watcher.errors import Rejected, Retryable
from watcher.metrics import Metrics

IRIS = ModelId("team", "iris")


class Scripted:
    """A reconciler that notes what it is asked, and fails with the `errors` in turn."""

    def __init__(self, *errors: str) -> None:
        self.errors, self.asked = list(errors), list[tuple[ModelId, bool]]()
        self.found = Survey(frozenset(), frozenset())

    def serves(self, model: ModelId) -> bool:
        return model.namespace == "team"

    def survey(self, *, resync: bool = False) -> Survey:
        return self.found

    def reconcile(self, model: ModelId, *, rewrite: bool = False) -> bool:
        self.asked.append((model, rewrite))
        if self.errors and (error := self.errors.pop(0)):
            raise Rejected("Broken", error)
        return True


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


def test_hints_are_taken_for_files_of_models_that_are_served() -> None:
    loop = loop_of(Scripted())
    for key in ("team/iris/v1/notes.txt", "other/iris/v1/model.joblib", "team/9lives/v1/model.joblib", "x"):
        loop.hint(key)
    assert (len(loop._queue), loop._wake.is_set()) == (0, False)
    loop.hint("team/iris/v1/model.joblib")
    assert loop._queue.get() == IRIS
    loop.hint("")
    assert loop._wake.is_set()


def test_loop_while_waiting_queues_the_models_whose_rollout_is_not_complete() -> None:
    loop = loop_of(Scripted())
    for state in State:
        loop._board.set(ModelId("team", state.value.lower()), state)
    loop._look_at_progress()
    assert {loop._queue.get(), loop._queue.get()} == {ModelId("team", "applied"), ModelId("team", "progressing")}
    assert not len(loop._queue)


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines


def test_a_failure_is_logged_again_when_it_says_something_else(logged: list[Any]) -> None:
    loop = loop_of(Scripted("no", "no", "still no", "", "still no"))
    for _ in range(5):
        loop._reconcile(IRIS)
    assert [line["log_level"] for line in logged] == ["warning", "debug", "warning", "warning"]


def test_a_resync_s_write_is_tried_until_it_succeeds() -> None:
    reconciler = Scripted("no", "")
    reconciler.found = Survey(frozenset(), frozenset({IRIS}))
    loop = loop_of(reconciler)
    loop._survey(resync=True)
    for _ in range(3):
        loop._reconcile(IRIS)
    assert reconciler.asked == [(IRIS, True), (IRIS, True), (IRIS, False)]


def test_a_namespace_that_cannot_be_read_is_a_source_that_is_not_live() -> None:
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


@pytest.mark.parametrize(("woken", "until"), [(True, 20), (False, 50)])
def test_a_hint_at_everything_does_not_make_listings_back_to_back(
    woken: bool, until: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.control.loop.PROGRESS_INTERVAL", 0.001)
    ticks = itertools.count()
    loop = loop_of(Scripted(), lambda: float(next(ticks)))
    if woken:
        loop.hint("")
    loop._wait(earliest=20, latest=50)
    assert next(ticks) - 1 in (until, until + 1)
    loop.stop()
    loop._wait(earliest=1000, latest=1000)
    assert next(ticks) < 100


class Slow(Scripted):
    """Its surveys take 30 s each, and the third one fails."""

    def __init__(self, clock: list[float]) -> None:
        super().__init__()
        self.clock, self.resyncs = clock, list[bool]()

    def survey(self, *, resync: bool = False) -> Survey:
        self.clock[0] += 30
        self.resyncs.append(resync)
        if len(self.resyncs) == 3:
            raise Retryable("StoreUnreachable", "the store is down")
        return self.found


def test_a_survey_that_fails_is_soon_tried_again_and_its_resync_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    reconciler = Slow(clock)
    loop = loop_of(reconciler, lambda: clock[0], resync_interval=50)
    waits = []

    def wait(earliest: float, latest: float) -> None:
        waits.append((earliest - clock[0], latest - clock[0]))
        if len(waits) == 4:
            loop.stop()

    monkeypatch.setattr(loop, "_wait", wait)
    loop.run()
    assert reconciler.resyncs == [False, False, True, True]
    assert waits == [(300, 300), (300, 300), (5, 5), (300, 300)]
