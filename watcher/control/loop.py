"""When to look: hints, the periodic survey, retries with backoff, and the stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import structlog
from tenacity import RetryCallState, wait_exponential_jitter

from watcher.control.reconciler import Reconciler
from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard
from watcher.control.workqueue import WorkQueue
from watcher.core.naming import model_of
from watcher.core.types import PENDING, ModelId
from watcher.errors import WatcherError
from watcher.metrics import Metrics

log = structlog.get_logger()

DEBOUNCE = 0.02
"""Seconds a hint waits for its companions: long enough for one upload's events, too short to be noticed."""

PROGRESS_INTERVAL = 1.0
"""Seconds between looks at models that are on their way."""

LISTING_SHARE = 0.1
"""A listing may take this share of the time: one that takes 2 s is made every 20 s."""


class Loop:
    """Workers take models from the queue; the thread that calls `run` surveys."""

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
        self._queue: WorkQueue[ModelId] = WorkQueue()
        self._failures: dict[ModelId, RetryCallState] = {}
        self._said: dict[ModelId, str] = {}
        self._backoff = wait_exponential_jitter(initial=1, max=60)
        self._wake, self._halt = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._work, name=f"worker-{n}", daemon=True) for n in range(workers)]
        self._rewrite: set[ModelId] = set()
        self._unreadable: set[str] = set()
        self._beat = now()
        sources.report("poll", live=False, detail="no survey yet")

    def hint(self, key: str) -> None:
        """Something may have changed at `key`; anywhere, if it is empty. The survey finds what is no model's file."""
        if not key:
            self._wake.set()
        elif (model := model_of(key)) and self._reconciler.serves(model):
            self._queue.add(model, DEBOUNCE)

    def look_at(self, model: ModelId) -> None:
        """The runtime says that this model's state changed."""
        self._queue.add(model)

    def run(self) -> None:
        """Survey until `stop` is called."""
        for thread in self._threads:
            thread.start()
        next_resync = self._now() + self._resync
        while not self._halt.is_set():
            started = self._now()
            resync = started >= next_resync
            done = self._survey(resync=resync)
            if resync and done:
                next_resync = started + self._resync
            ended = self._now()
            pause = (ended - started) / LISTING_SHARE if done else self._poll
            self._wait(ended + pause, ended + max(self._poll, pause))

    def stop(self) -> None:
        """Finish what is in hand and return from `run`. Safe in a signal handler."""
        self._halt.set()
        self._wake.set()

    def join(self, timeout: float) -> None:
        self._queue.close()
        deadline = self._now() + timeout
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - self._now()))

    def is_alive(self) -> bool:
        """False when no survey was begun or waited for in a minute: the process should be restarted."""
        return self._now() - self._beat < 60 + self._poll / LISTING_SHARE

    def _survey(self, *, resync: bool) -> bool:
        """False if it failed: it is tried again after the poll interval, however long a time-out took."""
        self._beat = self._now()
        self._wake.clear()
        try:
            with self._metrics.pass_seconds.time():
                survey = self._reconciler.survey(resync=resync)
        except WatcherError as error:
            self._metrics.passes.labels("error").inc()
            if self._sources.report("poll", live=False, detail=str(error)):
                log.warning("cannot survey", reason=str(error), retry_in=self._poll)
            return False
        self._metrics.passes.labels("ok").inc()
        if self._sources.report("poll", live=True):
            log.info("surveying", every=self._poll)
        self._report_unreadable(survey.unreadable)
        if resync:
            self._rewrite |= survey.changed | survey.stale
        for model in sorted(survey.changed):
            self._queue.add(model)
        for model in sorted(survey.stale):
            self._queue.add(model, keep_later=True)
        return True

    def _report_unreadable(self, found: Mapping[str, str]) -> None:
        for namespace, reason in found.items():
            if self._sources.report(f"namespace/{namespace}", live=False, detail=reason):
                log.warning("namespace is left out", namespace=namespace, reason=reason)
        for namespace in self._unreadable - found.keys():
            self._sources.report(f"namespace/{namespace}", live=True)
            log.info("namespace can be read again", namespace=namespace)
        self._unreadable = set(found)

    def _wait(self, earliest: float, latest: float) -> None:
        """Wait for the next survey; look at what is on its way meanwhile.

        A hint at the whole bucket ends the wait, but not before `earliest`: hints must not make listings back to back.
        """
        while not self._halt.is_set():
            woken = self._wake.is_set()
            left = (earliest if woken else latest) - self._now()
            if left <= 0:
                break
            self._beat = self._now()
            (self._halt if woken else self._wake).wait(min(left, PROGRESS_INTERVAL))
            self._look_at_progress()
        self._halt.wait(DEBOUNCE)

    def _look_at_progress(self) -> None:
        for status in self._board.models():
            if status.state in PENDING:
                self._queue.add(ModelId(status.namespace, status.model), keep_later=True)

    def _work(self) -> None:
        while (model := self._queue.get()) is not None:
            try:
                self._reconcile(model)
            finally:
                self._queue.done(model)

    def _reconcile(self, model: ModelId) -> None:
        rewrite = model in self._rewrite
        try:
            if not self._reconciler.reconcile(model, rewrite=rewrite):
                self._wake.set()
        except WatcherError as error:
            self._retry(model, error.reason, str(error))
        except Exception as error:  # one model's surprise must not end the worker, nor reach users as a traceback
            log.debug("unexpected", model=str(model), exc_info=True)
            self._retry(model, "Unexpected", f"{type(error).__name__}: {error}")
        else:
            self._failures.pop(model, None)
            self._said.pop(model, None)
            if rewrite:  # else a resync asked meanwhile, and this was not it
                self._rewrite.discard(model)

    def _retry(self, model: ModelId, reason: str, message: str) -> None:
        failures = self._failures.setdefault(model, RetryCallState(None, None, (), {}))  # type: ignore[arg-type]
        delay = self._backoff(failures)
        failures.attempt_number += 1
        self._metrics.failures.labels(reason).inc()
        say = log.debug if self._said.get(model) == message else log.warning  # news once: retries go on for days
        self._said[model] = message
        say("failed", model=str(model), reason=message, retry_in=round(delay, 1))
        self._queue.add(model, delay)
