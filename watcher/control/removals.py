"""Models that are gone from the bucket: what a survey decides about them, and their removal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from watcher.control.status_board import StatusBoard
from watcher.core.removal_guard import Decision, RemovalGuard
from watcher.core.types import Change, ModelId, Observation, Observed, State
from watcher.errors import WatcherError
from watcher.metrics import Metrics
from watcher.runtimes.base import Runtime

log = structlog.get_logger()

GONE = "no version is left in the bucket"


class Removals:
    """Removes what a survey has approved; everything else is shown with the reason why it stays."""

    def __init__(
        self, runtime: Runtime, board: StatusBoard, metrics: Metrics, guard: RemovalGuard, clock: Callable[[], float]
    ) -> None:
        self._runtime, self._board, self._metrics, self._guard, self._clock = runtime, board, metrics, guard, clock
        self._leftovers: frozenset[ModelId] = frozenset()

    def survey(
        self, wanted: frozenset[ModelId], observation: Observation, observed_at: float, *, empty: bool = False
    ) -> frozenset[ModelId]:
        """Return the models that need work: those to remove, and leftovers, whose Deployment alone is gone.

        `empty` is whether the bucket has no object at all.
        """
        running = frozenset(model for model, item in observation.models.items() if item.runs)
        decision = self._guard.decide(
            wanted, running, observed_at=observed_at, now=self._clock(), unreadable=observation.unreadable, empty=empty
        )
        self._show(decision, observation.models)
        leftovers = frozenset(model for model, item in observation.models.items() if item.objects) - running - wanted
        swept, self._leftovers = self._leftovers, leftovers
        # Sweep each leftover once; the garbage collector does the rest.
        return decision.approved | (leftovers - swept)

    def mark_deleted(self, model: ModelId) -> None:
        """Record that the store has named a file of a model as deleted."""
        self._guard.mark_deleted(model)

    def mark_present(self, model: ModelId) -> None:
        """Record that a model is in the bucket."""
        self._guard.mark_present(model)

    def remove(self, model: ModelId, observed: Observed | None) -> bool:
        """Remove a model that is gone from the bucket. Return False if no survey has approved it yet."""
        if observed is None or not observed.runs:
            self._sweep(model, observed)
            return True
        if not self._guard.approves(model):
            return False
        self._runtime.apply(Change(model, remove=True))
        self._guard.done(model, self._clock())
        for key in observed.objects:
            self._metrics.deleted.labels(key.kind).inc()
        self._board.removed(model, observed.version, GONE)
        log.info("removed", model=str(model), reason=GONE)
        return True

    def _sweep(self, model: ModelId, observed: Observed | None) -> None:
        """Delete the objects that a Deployment left. Errors are only logged: the garbage collector deletes them too."""
        for key in observed.objects if observed else ():
            try:
                self._runtime.apply(Change(model, deletes=(key,)))
            except WatcherError as error:
                log.debug("left to the garbage collector", model=str(model), object=str(key), reason=str(error))

    def _show(self, decision: Decision, observed: Mapping[ModelId, Observed]) -> None:
        for model, reason in sorted(decision.waiting.items()):
            self._set(model, State.WAITING, reason, observed[model])
        newly_held = [
            reason
            for model, reason in sorted(decision.held.items())
            if self._set(model, State.HELD, reason, observed[model])
        ]
        for reason, models in Counter(newly_held).items():
            log.warning("removal on hold", models=models, reason=reason)

    def _set(self, model: ModelId, state: State, reason: str, observed: Observed) -> bool:
        return self._board.set(
            model, state, version=observed.version, reason=reason, url=observed.url, pods=observed.pods
        )
