"""What happened to the models: the last steps of all, and the state that each version of each is in.

Not thread-safe: the status board's lock guards it. It begins anew with each start of the watcher.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from watcher.core.text import one_line
from watcher.core.types import (
    SUPERSEDED,
    UNSUCCESSFUL,
    Entry,
    ModelId,
    ModelStatus,
    ModelVersion,
    State,
    Step,
    VersionStatus,
)

STEPS = 20_000
"""Steps that are kept, of all models together: at most about 25 MB. A start with 5,000 models makes 5,000."""

STEP_REASON = 1024
"""Bytes of a step's reason, as of a Kubernetes Event's message."""

SHOWN_VERSIONS = 20
"""Versions of a model that are shown."""


@dataclass(frozen=True, slots=True)
class Tried:
    """The last state of a version while it was the chosen one, and when another one was chosen instead."""

    state: State
    reason: str
    since: datetime
    left: datetime | None = None


class History:
    """The steps, and the versions of each model."""

    def __init__(self) -> None:
        self._steps: deque[Step] = deque(maxlen=STEPS)
        self._tried: dict[ModelId, dict[str, Tried]] = {}
        self._entries: dict[ModelId, tuple[float, Entry]] = {}
        self._is_complete = False
        self._changes = 0
        self._changed: dict[ModelId, int] = {}

    def record(self, status: ModelStatus) -> None:
        """Record a new status of a model as a step, and as the state of the version that it is about."""
        version = status.about or status.version
        self.add_step(Step(status.since, status.id, version, status.state, status.reason))
        if not version:
            return
        self._mark(status.id)
        tried = self._tried.setdefault(status.id, {})
        before = tried.get(version)
        is_same = before and before.state is status.state and not before.left
        tried[version] = Tried(status.state, status.reason, before.since if before and is_same else status.since)
        for name, item in tried.items():
            if name != version and not item.left:
                tried[name] = replace(item, left=status.since)

    def add_step(self, step: Step) -> None:
        """Record a step that is no status of a model."""
        self._steps.append(replace(step, reason=one_line(step.reason, STEP_REASON)))

    def forget(self, model: ModelId) -> None:
        """Forget the versions of a model. Its steps remain: they say how it went."""
        for known in (self._tried, self._entries, self._changed):
            known.pop(model, None)

    def list_all(self, entries: Mapping[ModelId, Entry], listed_at: float) -> bool:
        """Record a complete listing that began at `listed_at`; what was listed later stays. Return True for news."""
        gone = [model for model, (at, _) in self._entries.items() if model not in entries and at <= listed_at]
        for model in gone:
            del self._entries[model]
            self._tried.pop(model, None)
            self._mark(model)
        news = sum(self.list_one(entry, listed_at) for entry in entries.values())
        self._is_complete = True
        return bool(gone or news)

    def newly_listed(self, entry: Entry, listed_at: float) -> list[ModelVersion]:
        """Return the versions of a listing that is not recorded yet whose bytes were not there before.

        At the start of the watcher these are none: until the first complete listing nobody can say what is new.
        """
        at, before = self._entries.get(entry.model, (listed_at, None))
        if at > listed_at or (before is None and not self._is_complete):
            return []
        known = {(item.version, item.artifact.etag) for item in before.versions} if before else set()
        return [item for item in entry.versions if (item.version, item.artifact.etag) not in known]

    def list_one(self, entry: Entry, listed_at: float) -> bool:
        """Record a listing of one model. Return True for news."""
        at, before = self._entries.get(entry.model, (listed_at, None))
        if at > listed_at:
            return False
        self._entries[entry.model] = listed_at, entry
        if before == entry:
            return False
        self._mark(entry.model)
        tried = self._tried.get(entry.model, {})
        for version in tried.keys() - {item.version for item in entry.versions}:
            del tried[version]
        return True

    def recall(self, model: ModelId, version: str, state: str, reason: str, since: datetime) -> None:
        """Record what an earlier run of the watcher stored of a version, as far as this one does not know better."""
        tried = self._tried.setdefault(model, {})
        before = tried.get(version)
        if before is None and state in UNSUCCESSFUL:
            tried[version] = Tried(State(state), reason, since, left=since)
        elif before and (before.state, before.reason) == (state, reason):
            tried[version] = replace(before, since=min(before.since, since))
        self._mark(model)

    def revision(self, model: ModelId) -> int:
        """Return a number that differs whenever something of the model's versions has changed."""
        return self._changed.get(model, 0)

    def steps(self, limit: int, model: ModelId | None = None) -> list[Step]:
        """Return the last steps, the newest first; those of one model, if it is given."""
        found = (step for step in reversed(self._steps) if model in (None, step.model))
        return [step for step, _ in zip(found, range(limit), strict=False)]

    def versions(self, status: ModelStatus) -> list[VersionStatus]:
        """Return the versions of a model in the bucket, the newest first.

        Of many only the newest are returned, and those that the status is about.
        """
        _, entry = self._entries.get(status.id, (0.0, None))
        if entry is None:
            return []
        chosen, tried = status.about or status.version, self._tried.get(status.id, {})
        named = [item.version for item in entry.versions]
        place = named.index(chosen) if chosen in named else len(named)
        return [
            _state_of(item, tried.get(item.version), status, is_chosen=index == place, is_lower=index < place)
            for index, item in _shown(entry.versions, {chosen, status.pods.serving})
        ]

    def _mark(self, model: ModelId) -> None:
        self._changes += 1
        self._changed[model] = self._changes


def _shown(versions: tuple[ModelVersion, ...], needed: Iterable[str]) -> list[tuple[int, ModelVersion]]:
    """Return the newest versions and the `needed` ones with their places, the newest first."""
    every = list(enumerate(versions))[::-1]
    older = [item for item in every[SHOWN_VERSIONS:] if item[1].version in needed]
    return every[: SHOWN_VERSIONS - len(older)] + older


def _state_of(
    item: ModelVersion, tried: Tried | None, status: ModelStatus, *, is_chosen: bool, is_lower: bool
) -> VersionStatus:
    found = VersionStatus(item.artifact, item.version)
    if is_chosen:
        since = tried.since if tried else status.since
        return replace(found, state=status.state, reason=status.reason, since=since)
    if item.version == status.pods.serving:  # the last good version, while the chosen one is not ready
        return replace(found, state=State.READY, since=tried.since if tried and tried.state is State.READY else None)
    if tried and tried.state in UNSUCCESSFUL:
        return replace(found, state=tried.state, reason=tried.reason, since=tried.since)
    return replace(found, state=SUPERSEDED, since=tried.left if tried else None) if is_lower else found
