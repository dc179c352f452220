"""Makes the runtime follow the bucket: a survey finds the models that need work, `reconcile` does it for one.

Only `reconcile` writes, always on a fresh listing of the model's prefix; only a complete survey approves a removal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from watcher.control.status_board import StatusBoard
from watcher.core import user_values
from watcher.core.catalog import read_listing
from watcher.core.chart import defaults, merge
from watcher.core.plan import NEVER_OBSERVED, fingerprint_of, plan
from watcher.core.removal_guard import HELD, WAITING, RemovalGuard
from watcher.core.types import (
    Change,
    Entry,
    Manifest,
    ModelId,
    ObjectKey,
    Observation,
    Observed,
    Release,
    State,
    StoredObject,
    key_of,
)
from watcher.errors import Rejected, WatcherError
from watcher.metrics import Metrics
from watcher.runtimes.base import Runtime
from watcher.stores.base import Bucket

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Survey:
    """What a full pass found: models whose bucket side changed since the last one, and others that need a look."""

    changed: frozenset[ModelId]
    stale: frozenset[ModelId]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Namespaces that the runtime could not look into, and why: nothing is removed there."""


class Reconciler:
    """Thread-safe as long as no model is reconciled twice at once, which the work queue sees to."""

    def __init__(
        self,
        bucket: Bucket,
        runtime: Runtime,
        board: StatusBoard,
        metrics: Metrics,
        *,
        now: Callable[[], datetime],
        max_delete_fraction: float = 0.5,
        namespaces: tuple[str, ...] = (),
        base: Mapping[str, Any] | None = None,
    ) -> None:
        self._bucket, self._runtime, self._board, self._metrics = bucket, runtime, board, metrics
        self._now, self._namespaces, self._base = now, namespaces, base or {}
        self._guard = RemovalGuard(max_delete_fraction)
        self._entries: Mapping[ModelId, Entry] = {}
        self._settled: dict[ModelId, tuple[Entry, Mapping[ObjectKey, str]]] = {}
        self._gone: frozenset[ModelId] = frozenset()
        self._leftovers: frozenset[ModelId] = frozenset()
        self._files: dict[str, tuple[str, bytes]] = {}
        self._applied: dict[ModelId, tuple[str, datetime]] = {}

    def serves(self, model: ModelId) -> bool:
        """Whether the model's namespace is one of ours; the runtime may not even look into the others."""
        return not self._namespaces or model.namespace in self._namespaces

    def survey(self, *, resync: bool = False) -> Survey:
        """Compare all of the bucket with all of the runtime. A failed read raises, and nothing is removed.

        With `resync`, every object is written again: the API server makes that a no-op unless somebody else
        changed it.
        """
        # In this order: what is uploaded and applied in between must not look as if it were gone from the bucket.
        observation = self._runtime.observe()
        observed = observation.models
        catalog = read_listing(self._bucket.list(), self._namespaces)
        if resync:
            self._settled.clear()
        self._refuse(catalog.refusals)
        unreadable = self._note_unreadable(catalog.entries, observation)
        readable = {model: entry for model, entry in catalog.entries.items() if model.namespace not in unreadable}
        changed = {model for model, entry in readable.items() if self._entries.get(model) != entry}
        stale = {model for model, entry in readable.items() if not self._is_settled(entry, observed.get(model))}
        gone = self._judge_gone(frozenset(catalog.entries), observed)
        self._entries = catalog.entries
        return Survey(frozenset(changed & stale), frozenset((stale - changed) | gone), unreadable)

    def _note_unreadable(self, entries: Mapping[ModelId, Entry], observation: Observation) -> Mapping[str, str]:
        """Show the models of namespaces that cannot be read as rejected, and return those namespaces."""
        for model in entries:
            if reason := observation.unreadable.get(model.namespace):
                self._show(model, State.REJECTED, None, reason=reason)
        return observation.unreadable

    def _judge_gone(self, wanted: frozenset[ModelId], observed: Mapping[ModelId, Observed]) -> frozenset[ModelId]:
        """What is not in the bucket and needs work: models to remove, and what removed ones left behind."""
        running = frozenset(model for model, item in observed.items() if item.runs)
        leftovers = frozenset(model for model, item in observed.items() if item.objects) - running - wanted
        approved = self._judge_removals(wanted, running)
        self._forget((set(self._entries) | self._gone) - wanted - running)
        self._gone = running - wanted
        swept, self._leftovers = self._leftovers, leftovers
        return approved | (leftovers - swept)

    def reconcile(self, model: ModelId, *, rewrite: bool = False) -> bool:
        """Bring one model to what the bucket says now.

        Returns:
            False if the model is gone from the bucket and no survey has approved its removal yet.

        Raises:
            Retryable, Rejected: nothing is lost; what served before keeps serving.

        """
        entry = read_listing(self._bucket.list(model.prefix), self._namespaces).entries.get(model)
        observed = self._runtime.observe(model).models.get(model)
        if entry is None:
            return self._remove(model, observed)
        try:
            self._bring_up(entry, observed, rewrite=rewrite)
        except WatcherError as error:
            state = State.REJECTED if isinstance(error, Rejected) else State.PROGRESSING
            self._show(model, state, observed, reason=str(error))
            raise
        return True

    def _bring_up(self, entry: Entry, observed: Observed | None, *, rewrite: bool) -> None:
        release = self._release(entry)
        if release is None:
            self._settled[entry.model] = (entry, observed.objects if observed else {})
            self._show(entry.model, State.PAUSED, observed, reason="values.yaml says paused: true")
            return
        manifests = self._runtime.render(release)
        change = plan(manifests, None if rewrite and _all_ours(observed) else observed, entry.model)
        if change:
            self._runtime.apply(change)
            self._note_applied(release, change, news=not rewrite)
        self._settled[entry.model] = (entry, _fingerprints(manifests))
        if not change and observed:
            self._show(entry.model, observed.state, observed)

    def _release(self, entry: Entry) -> Release | None:
        """The release that should serve; None when the model is paused."""
        above = user_values.model_values(entry, self._read)
        if above.get("paused"):
            return None
        version = user_values.choose_version(entry, above)
        if version.artifact.size == 0:
            raise Rejected("EmptyFile", f"{version.artifact.key} is empty: upload it again")
        return Release(version, user_values.overrides_of(version, above, self._read, merge(defaults(), self._base)))

    def _read(self, file: StoredObject) -> bytes:
        """A small file's bytes, from memory while its ETag is the same."""
        etag, text = self._files.get(file.key, ("", b""))
        if etag != file.etag:
            text = self._bucket.read(file.key, user_values.SIZE_LIMIT)
            self._files[file.key] = (file.etag, text)
        return text

    def _remove(self, model: ModelId, observed: Observed | None) -> bool:
        if observed is None or not observed.runs:
            self._sweep(model, observed)
            self._forget({model})
            return True
        if model not in self._guard.approved:
            return False
        self._runtime.apply(Change(model, remove=True))
        self._guard.done(model)
        self._forget({model})
        for key in observed.objects:
            self._metrics.deleted.labels(key.kind).inc()
        log.info("removed", model=str(model), reason="no version is left in the bucket")
        return True

    def _sweep(self, model: ModelId, observed: Observed | None) -> None:
        """Delete what a Deployment left behind, once: the garbage collector does it too, and may what we may not."""
        for key in observed.objects if observed else ():
            try:
                self._runtime.apply(Change(model, deletes=(key,)))
            except WatcherError as error:
                log.debug("left to the garbage collector", model=str(model), object=str(key), reason=str(error))

    def _judge_removals(self, wanted: frozenset[ModelId], running: frozenset[ModelId]) -> frozenset[ModelId]:
        """The models that may be removed now; the others wait or are held, and are shown so."""
        verdict, is_news = self._guard.decide(wanted, running, self._now())
        if is_news:
            log.warning("removal held", models=len(verdict.held), of=len(running), reason=HELD)
        for model in sorted(verdict.held | verdict.waiting):
            status = self._board.get(model)
            version, url = (status.version, status.url) if status else ("", "")
            reason = HELD if model in verdict.held else WAITING
            self._board.set(model, State.HELD, version=version, reason=reason, url=url)
        return self._guard.approved

    def _is_settled(self, entry: Entry, observed: Observed | None) -> bool:
        """True when nothing differs from what the last reconciliation left; then its state is shown, too."""
        if self._settled.get(entry.model) != (entry, observed.objects if observed else {}):
            return False
        status = self._board.get(entry.model)
        if observed and status and status.state is not State.PAUSED:
            self._show(entry.model, observed.state, observed)
        return True

    def _show(self, model: ModelId, state: State, observed: Observed | None, reason: str | None = None) -> None:
        text = reason if reason is not None else (observed.reason if observed else "")
        version, url = (observed.version, observed.url) if observed and observed.objects else ("", "")
        if self._board.set(model, state, version=version, reason=text, url=url):
            log.info(state.value.lower(), model=str(model), version=version, **({"reason": text} if text else {}))
        applied = self._applied.get(model)
        if state is State.READY and applied and observed and applied[0] == observed.etag:
            del self._applied[model]
            self._metrics.to_ready.observe(max(0.0, (self._now() - applied[1]).total_seconds()))

    def _note_applied(self, release: Release, change: Change, *, news: bool) -> None:
        for manifest in change.writes:
            self._metrics.applied.labels(manifest["kind"]).inc()
        for key in change.deletes:
            self._metrics.deleted.labels(key.kind).inc()
        if not news:
            return
        artifact = release.version.artifact
        self._applied[release.model] = (artifact.etag, artifact.modified)
        self._metrics.to_applied.observe(max(0.0, (self._now() - artifact.modified).total_seconds()))
        kinds = [manifest["kind"] for manifest in change.writes]
        log.info("applied", model=str(release.model), version=release.version.version, kinds=kinds)
        url = status.url if (status := self._board.get(release.model)) else ""
        self._board.set(release.model, State.APPLIED, version=release.version.version, url=url)

    def _refuse(self, refusals: tuple[Any, ...]) -> None:
        self._metrics.refused.set(len(refusals))
        for refusal in sorted(self._board.refuse(refusals)):
            log.warning("refused", key=refusal.key, reason=refusal.reason)

    def _forget(self, models: set[ModelId]) -> None:
        for model in models:
            self._board.drop(model)
            self._settled.pop(model, None)
            self._applied.pop(model, None)


def _fingerprints(manifests: list[Manifest]) -> dict[ObjectKey, str]:
    """Return the fingerprints as `Observed.objects` will have them."""
    return {key_of(item): fingerprint_of(item) for item in manifests if item["kind"] != NEVER_OBSERVED}


def _all_ours(observed: Observed | None) -> bool:
    return observed is not None and not observed.foreign
