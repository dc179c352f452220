"""Makes the runtime follow the bucket: a survey finds the models that need work, `reconcile` does it for one model.

Only `reconcile` writes, always after a fresh listing of the model's prefix. Only a complete survey approves a removal.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog

from watcher.control.canaries import Canaries
from watcher.control.choices import Choices
from watcher.control.failure import describe
from watcher.control.releases import Releases
from watcher.control.removals import Removals
from watcher.control.restores import Restores
from watcher.control.status_board import StatusBoard
from watcher.control.upload_times import UploadTimes
from watcher.core import trials
from watcher.core.catalog import read_listing
from watcher.core.ceilings import Ceilings
from watcher.core.comparison import Settled, compare, to_renew
from watcher.core.last_good import Choice, reason_of
from watcher.core.naming import ARTIFACT, MLFLOW_ARTIFACTS, model_of
from watcher.core.plan import fingerprints, plan
from watcher.core.removal_guard import RemovalGuard
from watcher.core.types import (
    Change,
    Entry,
    ModelId,
    ModelStatus,
    ObjectKey,
    Observation,
    Observed,
    Refusal,
    Release,
    State,
)
from watcher.errors import Rejected, WatcherError
from watcher.metrics import Metrics
from watcher.runtimes.base import Runtime
from watcher.stores.base import Bucket

log = structlog.get_logger()

MODEL_NAMES = tuple(f"/{name}" for name in (ARTIFACT, *MLFLOW_ARTIFACTS))

UNMOVED = frozenset({State.PAUSED, State.WAITING, State.HELD})
"""The states that depend on the bucket alone, whatever the model's pods do."""


@dataclass(frozen=True, slots=True)
class Survey:
    """The result of a full pass: models whose files changed since the last one, and others that need work."""

    changed: frozenset[ModelId]
    stale: frozenset[ModelId]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Namespaces that the runtime cannot read, and the reasons. Nothing is removed there."""


class Reconciler:
    """Thread-safe as long as no model is reconciled twice at once, which the work queue ensures."""

    def __init__(
        self,
        bucket: Bucket,
        runtime: Runtime,
        board: StatusBoard,
        metrics: Metrics,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        max_delete_fraction: float = 0.5,
        removal_delay: float = 0.0,
        namespaces: tuple[str, ...] = (),
        base: Mapping[str, Any] | None = None,
        ceilings: Ceilings | None = None,
        data_only: frozenset[str] = frozenset(),
        canaries: Canaries | None = None,
    ) -> None:
        self._bucket, self._runtime, self._board, self._metrics = bucket, runtime, board, metrics
        self._clock, self._namespaces = clock, namespaces
        self._releases = Releases(bucket, base or {}, ceilings, data_only)
        self._choices = Choices(self._releases, runtime, clock, now)
        self._removals = Removals(runtime, board, metrics, RemovalGuard(max_delete_fraction, removal_delay), clock)
        self._canaries = canaries
        self._times = UploadTimes(metrics, now)
        self._entries: Mapping[ModelId, Entry] = {}
        self._settled: dict[ModelId, Settled] = {}
        self._restores = Restores(clock)
        self._failed: set[ModelId] = set()
        self._on_trial: dict[ModelId, Observed | None] = {}
        """What the last reconcile of each model with a version on trial has seen of it."""
        self._showing, self._busy = threading.Lock(), set[ModelId]()
        self._absent: frozenset[ModelId] = frozenset()

    def serves(self, model: ModelId) -> bool:
        """Return whether the model's namespace is one of --namespaces; the others may not even be readable."""
        return not self._namespaces or model.namespace in self._namespaces

    def deleted(self, key: str) -> None:
        """Record that the store has named a key as deleted. It decides only whether to believe an empty listing."""
        if key.endswith(MODEL_NAMES) and (model := model_of(key)):
            self._removals.mark_deleted(model)

    def survey(self, *, resync: bool = False) -> Survey:
        """Compare all of the bucket with all of the runtime. With `resync`, every model needs work.

        Raises:
            Retryable, Rejected: something cannot be read; nothing is concluded from it.

        """
        # Observe first, then list. The other way round, a model that is uploaded and applied in between would run
        # without being listed, and look deleted.
        observed_at = self._clock()
        observation = self._runtime.observe()
        listed_at = self._clock()
        objects = self._bucket.list()
        catalog = read_listing(objects, self._namespaces)
        self._board.list_all(catalog.entries, listed_at)

        self._show_refused(catalog.refusals)
        self._show_unreadable(catalog.entries, observation)
        found = compare(catalog.entries, self._entries, {} if resync else self._settled, observation)
        failing = self._failing(found.in_step, observation.models)
        self._show_in_step(found.in_step - failing, observation.models)
        gone = self._removals.survey(frozenset(catalog.entries), observation, observed_at, empty=not objects)

        self._entries = catalog.entries
        self._evict(catalog.entries, observation)
        return Survey(found.changed, found.stale | failing | gone | to_renew(observation), observation.unreadable)

    def reconcile(self, model: ModelId, *, rewrite: bool = False) -> bool:
        """Bring one model to what the bucket holds now. With `rewrite`, write its objects even if none differs.

        Returns:
            False if the model is gone from the bucket and no survey has approved its removal yet.

        Raises:
            Retryable, Rejected: what served before keeps serving. The reason is on the status board.

        """
        entry, observed = None, None
        with self._showing:  # a refresh that has begun is done; none begins while the model is reconciled
            self._busy.add(model)
        try:
            entry = self._look(model)
            observed = self._runtime.observe(model).models.get(model)
            renewal_error = self._renew(observed) if observed and observed.renew else None
            if entry is None:
                return self._remove(model, observed)
            self._removals.mark_present(model)
            self._bring_up(entry, observed, renewal_error, rewrite=rewrite)
        except Exception as error:
            self._failed.add(model)
            self._show_failure(model, error, observed, entry)
            raise
        finally:
            self._busy.discard(model)
        self._failed.discard(model)
        return True

    def refresh(self, model: ModelId) -> bool:
        """Show a model's state as far as the runtime knows it without a request. Return True if it needs work.

        A model that is being reconciled is left alone: call again after that.
        """
        with self._showing:
            known = self._runtime.known(model)
            status, settled = self._board.get(model), self._settled.get(model)
            if known is None or status is None or status.state in UNMOVED or model in self._busy:
                return False
            observed = known.models.get(model)
            if model in self._on_trial and model not in self._failed:
                return observed != self._on_trial[model]
            if model in self._failed or not settled or not settled.holds(settled.entry, observed):
                return True
            if self._failing([model], known.models):
                return True
            self._show_in_step([model], known.models)
            return False

    def _look(self, model: ModelId) -> Entry | None:
        """Return what the bucket has of a model now."""
        listed_at = self._clock()
        entry = read_listing(self._bucket.list(model.prefix), self._namespaces).entries.get(model)
        if entry:
            self._board.list_one(entry, listed_at)
        return entry

    def _renew(self, observed: Observed) -> WatcherError | None:
        """Renew the URLs of a model. Return why that failed: the rest of its work does not wait for it."""
        try:
            self._runtime.apply(Change(observed.model, renew=True))
        except WatcherError as error:
            log.warning("renewing the signed URLs failed", model=str(observed.model), reason=str(error))
            return error
        return None

    def _remove(self, model: ModelId, observed: Observed | None) -> bool:
        removed = self._removals.remove(model, observed)
        if removed:
            self._forget({model})
        return removed

    def _bring_up(
        self, entry: Entry, observed: Observed | None, renewal_error: WatcherError | None, *, rewrite: bool
    ) -> None:
        """Write what differs, then raise why the URLs could not be renewed, if so."""
        self._write(entry, observed, rewrite=rewrite, quiet=renewal_error is not None)
        if renewal_error:
            raise renewal_error

    def _write(self, entry: Entry, observed: Observed | None, *, rewrite: bool, quiet: bool) -> None:
        """Write what differs from what the bucket asks for, and show the model's state.

        With `quiet`, a state without a change is not shown: the caller shows a failure instead.
        """
        model, found = entry.model, observed.objects if observed else {}
        wanted = self._wanted(entry, observed)
        if wanted is None:  # paused
            self._settled[model] = Settled(entry, found, observed.digests if observed else {})
            if not quiet:
                about = self._releases.wanted(entry)
                self._show(model, State.PAUSED, observed, "values.yaml says paused: true", about=about)
            return
        choice = self._choices.choose(entry, wanted, observed)
        release, manifests = choice.candidate.release, choice.candidate.manifests
        desired = fingerprints(manifests)
        is_restore = self._restores.needed(self._settled.get(model), entry, manifests, observed)
        # `plan` refuses a model with foreign objects, so it needs the observation even for a rewrite.
        rewrite_all = rewrite and observed is not None and not observed.foreign
        change = plan(manifests, None if rewrite_all else observed, model)
        digests = dict(observed.digests) if observed else {}
        digests |= self._apply(choice.with_memory(change) if change else choice.unwritten(observed))
        if is_restore:
            self._restores.done(model)
        if change:
            self._choices.began(choice)
            self._record_change(choice, change, observed, rewrite=rewrite)
        if release.trials or release.unmade:
            # Its objects depend on which pods are ready, so every survey has to find work for it.
            self._settled.pop(model, None)
            self._on_trial[model] = replace(observed, manifests={}) if observed else None
        else:
            self._on_trial.pop(model, None)
            kept = {key: digest for key, digest in digests.items() if key in desired}
            self._settled[model] = Settled(entry, desired, kept)
        if observed and not change and not quiet:
            note = self._canaries.compare(entry, release) if self._canaries else ""
            self._show_observed(observed, *trials.shown(release, observed, note))

    def _wanted(self, entry: Entry, observed: Observed | None) -> Release | None:
        """Return the release that the bucket asks for; None if the model is paused.

        Raises:
            Retryable, Rejected: that cannot be said. A release that runs and has failed is replaced all the same.

        """
        try:
            return self._releases.of(entry)
        except Rejected:
            if observed and not observed.foreign and (choice := self._choices.without_wanted(entry, observed)):
                # The Deployment alone: how many pods there should be, and at which address, cannot be said either.
                self._apply(Change(entry.model, (choice.running,)))
            raise

    def _apply(self, change: Change) -> Mapping[ObjectKey, str]:
        """Apply what there is to change, and return the digests of what was written."""
        if not change:
            return {}
        digests = self._runtime.apply(change)
        for manifest in change.writes:
            self._metrics.applied.labels(manifest["kind"]).inc()
        for key in change.deletes:
            self._metrics.deleted.labels(key.kind).inc()
        return digests

    def _record_change(self, choice: Choice, change: Change, observed: Observed | None, *, rewrite: bool) -> None:
        if rewrite:  # a resync: nothing new for the user
            return
        release = choice.candidate.release
        version = release.version.version
        if observed and choice.failure:
            log.warning("replaced", model=str(release.model), version=choice.failure.version, by=version)
            self._show_observed(replace(observed, version=version), observed.state, observed.reason)
            return
        self._times.applied(release)
        kinds = [manifest["kind"] for manifest in change.writes]
        log.info("applied", model=str(release.model), version=version, kinds=kinds)
        status = self._board.get(release.model)
        url, pods = status.url if status else "", observed.pods if observed else None
        self._board.set(release.model, State.APPLIED, version=version, url=url, pods=pods)

    def _show(self, model: ModelId, state: State, observed: Observed | None, reason: str, *, about: str = "") -> None:
        version, url = (observed.version, observed.url) if observed and observed.objects else ("", "")
        pods = observed.pods if observed else None
        if self._board.set(model, state, version=version, reason=reason, url=url, about=about, pods=pods):
            log.info(state.value.lower(), model=str(model), version=version, **({"reason": reason} if reason else {}))
        if state is State.READY and observed:
            self._times.ready(model, observed.etag)

    def _show_observed(self, observed: Observed, state: State, reason: str) -> None:
        """Show the state of what runs, or why it runs in the place of the wanted release."""
        if failure := self._choices.replaced(observed.model):
            failed = replace(observed, version=failure.version)
            self._show(observed.model, State.FAILED, failed, reason_of(failure, observed))
        else:
            self._show(observed.model, state, observed, reason)

    def _show_failure(self, model: ModelId, error: Exception, observed: Observed | None, entry: Entry | None) -> None:
        """Show why a model could not be reconciled, unless it is neither in the bucket nor on the status board."""
        status = self._board.get(model)
        if not entry and not status:
            return
        _, reason = describe(error)
        state = State.REJECTED if isinstance(error, Rejected) else State.PROGRESSING
        shown: Observed | ModelStatus | None = observed if observed and observed.objects else status
        version, url, pods = (shown.version, shown.url, shown.pods) if shown else ("", "", None)
        about = self._releases.wanted(entry) if entry else ""
        self._board.set(model, state, version=version, reason=reason, url=url, about=about, pods=pods)

    def _show_in_step(self, models: Iterable[ModelId], observed: Mapping[ModelId, Observed]) -> None:
        """Show the state of models that need no work; it may have changed without us."""
        for model in models:
            status, item = self._board.get(model), observed.get(model)
            if item and status and status.state is not State.PAUSED:
                self._show_observed(item, item.state, item.reason)

    def _failing(self, models: Iterable[ModelId], observed: Mapping[ModelId, Observed]) -> frozenset[ModelId]:
        """Return which models need another release, although their objects are as the last reconcile left them."""
        items = {model: observed[model] for model in models if model in observed}
        failing = (model for model, item in items.items() if self._choices.needs_work(item))
        return frozenset(model for model in failing if not self._is_paused(model))

    def _is_paused(self, model: ModelId) -> bool:
        status = self._board.get(model)
        return status is not None and status.state is State.PAUSED

    def _show_unreadable(self, entries: Iterable[ModelId], observation: Observation) -> None:
        for model in entries:
            if reason := observation.unreadable.get(model.namespace):
                self._show(model, State.REJECTED, None, reason)

    def _show_refused(self, refusals: tuple[Refusal, ...]) -> None:
        self._metrics.refused.set(len(refusals))
        for refusal in sorted(self._board.refuse(refusals)):
            log.warning("refused", key=refusal.key, reason=refusal.reason)

    def _evict(self, entries: Mapping[ModelId, Entry], observation: Observation) -> None:
        """Forget what is neither in the bucket nor in the runtime.

        Only after two surveys in a row: a model that is uploaded and applied during a survey is missing both from its
        listing and from its observation. Nothing is known of a namespace that cannot be read.
        """
        self._releases.keep(entries.values())
        known = {status.id for status in self._board.models()}
        known |= self._settled.keys() | self._restores.models()
        running = {model for model, item in observation.models.items() if item.runs}
        absent = {model for model in known - entries.keys() - running if model.namespace not in observation.unreadable}
        self._forget(absent & self._absent)
        self._absent = frozenset(absent)

    def _forget(self, models: Iterable[ModelId]) -> None:
        for model in models:
            if self._canaries:
                self._canaries.forget([model])
            self._board.drop(model)
            self._choices.forget(model)
            self._settled.pop(model, None)
            self._restores.forget(model)
            self._failed.discard(model)
            self._on_trial.pop(model, None)
            self._times.forget([model])
