"""When to survey the bucket, and when to reconcile a model: after a hint, or a change of its objects."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import structlog

from watcher.control.failure import describe
from watcher.control.progress import Progress
from watcher.control.reconciler import Reconciler, Survey
from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard
from watcher.control.workers import Workers
from watcher.core.naming import model_of
from watcher.core.types import ModelId
from watcher.errors import WatcherError
from watcher.metrics import Metrics

log = structlog.get_logger()

DEBOUNCE = 0.02
"""Seconds. A hint waits this long for others: long enough for the events of one upload, too short to be noticed."""

LISTING_SHARE = 0.1
"""The share of the time that surveys may take: one that takes 2 s is made every 20 s."""

FAILED_POLL = 5.0
"""Seconds. The longest pause after a survey that failed: whatever it failed of may be mended by now."""

OVERDUE_SECONDS = 10.0
"""Seconds. A survey that takes longer, and three times longer than the last, is shown as not live while it runs."""

STOP_SECONDS = 3.0
"""Seconds that the workers and the survey have to finish their current task at the stop. A longer one is abandoned."""

SURVEY = "the survey"


class Loop:
    """Surveys in a thread of its own, and gives the models that need work to the workers."""

    def __init__(
        self,
        reconciler: Reconciler,
        board: StatusBoard,
        sources: SourceHealth,
        metrics: Metrics,
        *,
        poll_interval: float,
        resync_interval: float,
        workers: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reconciler, self._board, self._sources, self._metrics = reconciler, board, sources, metrics
        self._poll, self._resync, self._now = poll_interval, resync_interval, now
        self._wake, self._halt = threading.Event(), threading.Event()
        self._progress = Progress(now)
        self._workers = Workers(reconciler, metrics, self._progress, count=workers, survey_soon=self._wake.set, now=now)
        self._thread = threading.Thread(target=self._run, name="survey", daemon=True)
        self._last_seconds = 0.0
        self._unreadable: set[str] = set()
        sources.report("poll", live=False, detail="no survey yet")

    def start(self) -> None:
        """Start the workers and the surveys."""
        self._workers.start()
        self._thread.start()

    def stop(self) -> None:
        """End the surveys and the workers. Return when their current tasks are done, or after `STOP_SECONDS`."""
        self._halt.set()
        self._wake.set()
        deadline = self._now() + STOP_SECONDS
        for thread in (self._thread, *self._workers.stop()):
            if thread.is_alive():
                thread.join(max(0.0, deadline - self._now()))
        if unfinished := self._progress.tasks():
            log.warning("stopping without waiting any longer", unfinished=unfinished)

    def hint(self, key: str) -> None:
        """Reconcile soon the model that `key` belongs to, or survey the bucket if it is empty.

        Keys of other files are left to the survey.
        """
        if not key:
            self._wake.set()
        elif (model := model_of(key)) and self._reconciler.serves(model):
            self._workers.add(model, DEBOUNCE)

    def refresh_model(self, model: ModelId) -> None:
        """Show the state of a model that has changed in the runtime, and reconcile the model if it needs work."""
        self._workers.refresh(model)

    def problem(self) -> str:
        """Return why this process needs a restart, or "".

        A store or an API server that is down is no such reason: a restart would not bring it back.
        """
        ended = [*self._workers.ended(), *(["survey"] if self._thread.ident and not self._thread.is_alive() else [])]
        if ended and not self._halt.is_set():
            return f"the thread {ended[0]} has ended"
        return self._progress.problem()

    def refresh(self) -> None:
        """Report a survey that takes unusually long as not live. Call it before the health of sources is shown."""
        if self._progress.seconds(SURVEY) > max(OVERDUE_SECONDS, 3 * self._last_seconds):
            detail = "the store or the API server has not answered the survey yet"
            if self._sources.report("poll", live=False, detail=detail):
                log.warning("a survey takes long", reason=detail)

    def _run(self) -> None:
        next_resync = self._now() + self._resync
        while not self._halt.is_set():
            started = self._now()
            resync = started >= next_resync
            with self._progress.running(SURVEY):
                succeeded = self._survey(resync=resync)
            ended = self._now()
            if succeeded:
                self._last_seconds = ended - started
                next_resync = started + self._resync if resync else next_resync
            self._wait(*next_survey(started, ended, self._poll, succeeded=succeeded))

    def _survey(self, *, resync: bool) -> bool:
        """Survey once and queue what it finds. Return False if it failed; nothing is raised."""
        self._wake.clear()
        try:
            with self._metrics.pass_seconds.time():
                self._queue_changes(self._reconciler.survey(resync=resync), resync=resync)
        except Exception as error:  # noqa: BLE001 - whatever a store may answer, the next survey is made
            self._report_failure(error)
            return False
        self._metrics.passes.labels("ok").inc()
        if self._sources.report("poll", live=True):
            log.info("surveying", every=self._poll)
        return True

    def _queue_changes(self, survey: Survey, *, resync: bool) -> None:
        self._report_unreadable(survey.unreadable)
        if resync:
            self._workers.rewrite(survey.changed | survey.stale)
        for model in sorted(survey.changed):
            self._workers.changed(model)
        for model in sorted(survey.stale):
            self._workers.add(model, keep_later=True)

    def _report_failure(self, error: Exception) -> None:
        if self._halt.is_set():
            return
        self._metrics.passes.labels("error").inc()
        _, message = describe(error)
        if self._sources.report("poll", live=False, detail=message):
            log.warning("cannot survey", reason=message, retry_in=min(self._poll, FAILED_POLL))
        if not isinstance(error, WatcherError):
            log.debug("unexpected error", exc_info=error)

    def _report_unreadable(self, found: Mapping[str, str]) -> None:
        for namespace, reason in found.items():
            if self._sources.report(f"namespace/{namespace}", live=False, detail=reason):
                log.warning("namespace is left out", namespace=namespace, reason=reason)
        for namespace in self._unreadable - found.keys():
            self._sources.report(f"namespace/{namespace}", live=True)
            log.info("namespace can be read again", namespace=namespace)
        self._unreadable = set(found)

    def _wait(self, earliest: float, latest: float) -> None:
        """Wait for the next survey.

        A hint at the whole bucket ends the wait, but not before `earliest`: hints must not cause listings without a
        pause between them.
        """
        while not self._halt.is_set():
            hinted = self._wake.is_set()
            left = (earliest if hinted else latest) - self._now()
            if left <= 0:
                break
            # After a hint `_wake` is set already, so a wait for it would return immediately.
            (self._halt if hinted else self._wake).wait(left)
        self._halt.wait(DEBOUNCE)  # so that the survey covers all events of one upload


def next_survey(started: float, ended: float, poll: float, *, succeeded: bool) -> tuple[float, float]:
    """Return when the next survey may begin if there is a hint, and when it begins without one. Pure.

    A failed survey is repeated after the poll interval, at most FAILED_POLL, however long it took to fail.
    """
    if not succeeded:
        again = ended + min(poll, FAILED_POLL)
        return again, again
    pause = (ended - started) / LISTING_SHARE
    return ended + pause, ended + max(poll, pause)
