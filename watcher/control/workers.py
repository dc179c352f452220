"""The threads that reconcile, one model at a time each, and their retries with backoff."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from watcher.control.failure import describe
from watcher.control.progress import Progress
from watcher.control.retries import Retries
from watcher.control.workqueue import WorkQueue
from watcher.core.types import ModelId
from watcher.errors import WatcherError
from watcher.metrics import Metrics

log = structlog.get_logger()


REACTION = 0.5
"""Seconds between a change of a model's objects and the work on it. All changes within this time are one piece of work,
and a program that changes an object a hundred times a second causes two a second."""


class Reconciles(Protocol):
    """What the workers need of the reconciler."""

    def reconcile(self, model: ModelId, *, rewrite: bool = False) -> bool: ...
    def refresh(self, model: ModelId) -> bool: ...


class Workers:
    """A queue of models and the threads that take them from it. No model is reconciled by two threads at once."""

    def __init__(
        self,
        reconciler: Reconciles,
        metrics: Metrics,
        progress: Progress,
        *,
        count: int,
        survey_soon: Callable[[], None],
        now: Callable[[], float],
    ) -> None:
        self._reconciler, self._metrics, self._progress = reconciler, metrics, progress
        self._survey_soon = survey_soon
        self._queue: WorkQueue[ModelId] = WorkQueue(now)
        self._retries = Retries()
        self._last_logged: dict[ModelId, str] = {}
        self._rewrite: set[ModelId] = set()
        self._threads = [threading.Thread(target=self._work, name=f"worker-{n}", daemon=True) for n in range(count)]
        metrics.queue.set_function(self._queue.__len__)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[threading.Thread]:
        """Take no further model. Return the threads, which end when their current models are done."""
        self._queue.close()
        return self._threads

    def add(self, model: ModelId, delay: float = 0.0, *, keep_later: bool = False) -> None:
        """Reconcile `model` after `delay` seconds; with `keep_later`, not before a retry that is already waiting."""
        self._queue.add(model, delay, keep_later=keep_later)

    def changed(self, model: ModelId) -> None:
        """Reconcile a model whose files have changed: its earlier failures no longer count."""
        self._retries.changed(model)
        self._queue.add(model)

    def refresh(self, model: ModelId) -> None:
        """Show the state of a model whose objects have changed, and reconcile it soon if it needs work.

        A retry that is planned keeps its time.
        """
        if self._reconciler.refresh(model):
            self.add(model, REACTION, keep_later=True)

    def rewrite(self, models: Iterable[ModelId]) -> None:
        """Write every object of these models when they are reconciled next, until that succeeds."""
        self._rewrite.update(models)

    def ended(self) -> list[str]:
        """Return the names of threads that have ended. Before `stop` that is a defect."""
        return [thread.name for thread in self._threads if thread.ident and not thread.is_alive()]

    def _work(self) -> None:
        while (model := self._queue.get()) is not None:
            try:
                with self._progress.running(f"model {model}"):
                    self.reconcile(model)
            finally:
                self._queue.done(model)

    def reconcile(self, model: ModelId) -> None:
        """Reconcile `model` once. Whatever fails is logged, shown and retried; nothing is raised."""
        rewrite = model in self._rewrite
        try:
            approved = self._reconciler.reconcile(model, rewrite=rewrite)
        except Exception as error:  # noqa: BLE001 - a defect in one model must not end the thread
            self._retry(model, error)
            return
        self._last_logged.pop(model, None)
        self._retry_now(self._retries.succeeded(model))
        if rewrite:  # otherwise a resync may have added the model meanwhile, and its rewrite is still to come
            self._rewrite.discard(model)
        if not approved:
            self._survey_soon()
        self.refresh(model)  # what changed meanwhile was left for now

    def _retry(self, model: ModelId, error: Exception) -> None:
        delay, released = self._retries.failed(model, error)
        reason, message = describe(error)
        self._metrics.failures.labels(reason).inc()
        # A retry may fail the same way for days: only the first of equal messages is a warning.
        write = log.debug if self._last_logged.get(model) == message else log.warning
        self._last_logged[model] = message
        write("failed", model=str(model), reason=message, retry_in=round(delay, 1))
        if not isinstance(error, WatcherError):
            log.debug("unexpected error", model=str(model), exc_info=error)
        self._queue.add(model, delay)
        self._retry_now(released)

    def _retry_now(self, models: Iterable[ModelId]) -> None:
        for model in models:
            self._queue.add(model)
