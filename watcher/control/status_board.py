"""The state of every model, written by the reconciler and read by everything that shows it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from watcher.control.history import History
from watcher.core.text import clean, one_line
from watcher.core.types import (
    REMOVED,
    SEEN,
    Entry,
    ModelId,
    ModelStatus,
    Pods,
    Refusal,
    State,
    Step,
    VersionStatus,
)

SHOWN_REFUSALS = 1000
"""Refused keys that are shown. More than that nobody reads, and `/status` would grow to gigabytes."""

Now = Callable[[], datetime]


def utcnow() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


OnChange = Callable[[ModelStatus | None, ModelStatus], None]
"""Called with a model's previous status, if it had one, and its new one."""


class StatusBoard:
    """The state of every model and of its versions, what happened to them, and the refused keys. Thread-safe.

    Reasons and keys may contain text of uploaders: they are stored as one printable, bounded line.
    """

    def __init__(self, now: Now = utcnow) -> None:
        self._now, self._lock = now, threading.Lock()
        self.on_change: OnChange = lambda *_: None
        self.on_seen: Callable[[Step], None] = lambda _: None
        """Called with the step `Seen` of each version whose bytes were listed for the first time."""
        self._models: dict[ModelId, ModelStatus] = {}
        self._refused: tuple[Refusal, ...] = ()
        self._history = History()
        self._revision = 0

    @property
    def revision(self) -> int:
        """Return a number that differs whenever something that the board shows has changed."""
        return self._revision

    def set(
        self,
        model: ModelId,
        state: State,
        *,
        version: str = "",
        reason: str = "",
        url: str = "",
        about: str = "",
        pods: Pods | None = None,
    ) -> bool:
        """Store a model's status. Return True if it differs from the one before in more than its pods.

        Without `pods`, those of the status before remain.
        """
        with self._lock:
            old = self._models.get(model)
            known = pods or (old.pods if old else Pods())
            new = ModelStatus(
                model.namespace, model.name, version, state, one_line(reason), url, self._now(), about, known
            )
            if old and replace(new, since=old.since, pods=old.pods, loaded=old.loaded) == old:
                self._store(replace(old, pods=known))
                return False
            self._store(new)
            self._history.record(new)
        self.on_change(old, new)
        return True

    def set_loaded(self, status: ModelStatus, loaded: str) -> None:
        """Store how a model was loaded, unless its status has changed since it was asked."""
        with self._lock:
            now = self._models.get(status.id)
            if now and now.since == status.since:
                self._store(replace(now, loaded=loaded))

    def drop(self, model: ModelId) -> None:
        """Forget a model."""
        with self._lock:
            self._models.pop(model, None)
            self._history.forget(model)
            self._revision += 1

    def removed(self, model: ModelId, version: str, reason: str) -> None:
        """Record that a model's objects were deleted."""
        with self._lock:
            self._history.add_step(Step(self._now(), model, version, REMOVED, reason))
            self._revision += 1

    def get(self, model: ModelId) -> ModelStatus | None:
        """Return a model's status, or None."""
        with self._lock:
            return self._models.get(model)

    def list_all(self, entries: Mapping[ModelId, Entry], listed_at: float) -> None:
        """Store which versions the bucket has, by a complete listing that began at `listed_at`."""
        with self._lock:
            seen = self._seen(entries.values(), listed_at)
            self._revision += self._history.list_all(entries, listed_at)
        for step in seen:
            self.on_seen(step)

    def list_one(self, entry: Entry, listed_at: float) -> None:
        """Store which versions of one model the bucket has."""
        with self._lock:
            seen = self._seen([entry], listed_at)
            self._revision += self._history.list_one(entry, listed_at)
        for step in seen:
            self.on_seen(step)

    def _seen(self, entries: Iterable[Entry], listed_at: float) -> list[Step]:
        """Record that versions were listed for the first time, and return these steps."""
        new = [(entry.model, item) for entry in entries for item in self._history.newly_listed(entry, listed_at)]
        if not new:
            return []
        now = self._now()
        steps = [
            Step(now, model, item.version, SEEN, f"uploaded at {item.artifact.modified:%Y-%m-%dT%H:%M:%SZ}")
            for model, item in new
        ]
        for step in steps:
            self._history.add_step(step)
        return steps

    def version_revision(self, model: ModelId) -> int:
        """Return a number that differs whenever something of the model's versions has changed."""
        with self._lock:
            return self._history.revision(model)

    def recall(self, model: ModelId, version: str, state: str, reason: str, since: datetime) -> None:
        """Store what an earlier run of the watcher wrote of a version, as far as this one does not know better."""
        with self._lock:
            self._history.recall(model, version, state, reason, since)
            self._revision += 1

    def versions(self, status: ModelStatus) -> list[VersionStatus]:
        """Return the versions of a model in the bucket and their states, the newest first."""
        with self._lock:
            return self._history.versions(status)

    def steps(self, limit: int, model: ModelId | None = None) -> list[Step]:
        """Return what happened last, the newest first; to one model, if it is given."""
        with self._lock:
            return self._history.steps(limit, model)

    def refuse(self, refusals: Iterable[Refusal]) -> frozenset[Refusal]:
        """Replace the refused keys. Return those that were not refused before, for the log.

        Of many only the first are kept: anyone who may upload may make as many as the bucket holds.
        """
        every = list(refusals)
        cleaned = tuple(Refusal(clean(item.key), one_line(item.reason)) for item in every[:SHOWN_REFUSALS])
        if (others := len(every) - SHOWN_REFUSALS) > 0:
            cleaned += (Refusal("…", f"and {others} other keys"),)
        with self._lock:
            before, self._refused = frozenset(self._refused), cleaned
            self._revision += before != frozenset(cleaned)
        return frozenset(cleaned) - before

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """Return the refused keys of the last survey."""
        with self._lock:
            return self._refused

    def models(self) -> list[ModelStatus]:
        """Return the status of every model, in the order of their names."""
        with self._lock:
            return [self._models[model] for model in sorted(self._models)]

    def _store(self, status: ModelStatus) -> None:
        if self._models.get(status.id) != status:
            self._models[status.id] = status
            self._revision += 1
