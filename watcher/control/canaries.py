"""Compares each canary with `promote: auto` with the version that serves, and edits values.yaml by the verdict.

A person could make the same edit. So the bucket stays the only desired state, and a restart forgets nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from watcher.control.traffic_board import TrafficBoard
from watcher.core.naming import VALUES
from watcher.core.types import Entry, ModelId, Release, Trial
from watcher.core.user_values import SIZE_LIMIT, choose_version, parse
from watcher.core.values_edit import edited
from watcher.core.verdict import LONGEST, MIN_REQUESTS, WINDOW, Decision, Figures, Verdict, verdict
from watcher.errors import WatcherError
from watcher.stores.base import WritableBucket

log = structlog.get_logger()

INTERVAL = 15.0
"""Seconds between two comparisons of one canary: Prometheus scrapes about so often."""
SHORTEST = 60.0
"""Seconds before the first comparison: a rate needs a few scrapes."""
NO_SOURCE = "promote: auto needs a Prometheus (--prometheus-url of the watcher): promote it by hand"
COMPARED = f"compared for {WINDOW / 60:.0f} min and at least {MIN_REQUESTS} requests, then promoted or rolled back"


class VersionFigures(Protocol):
    """Where the figures of the versions of a model come from."""

    def versions(self, model: ModelId, seconds: float) -> Mapping[tuple[str, str], Figures]:
        """Return the figures of the last seconds by track and version; a WatcherError if they are not known."""


@dataclass(slots=True)
class _Watched:
    """One canary: since when it answers, when it was compared last, and what was said then."""

    etag: str
    since: float
    compared: float
    note: str = COMPARED


class Canaries:
    """Thread-safe as long as no model is compared twice at once, which the work queue ensures."""

    def __init__(
        self,
        bucket: WritableBucket,
        board: TrafficBoard,
        source: VersionFigures | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bucket, self._board, self._source, self._clock = bucket, board, source, clock
        self._watched: dict[ModelId, _Watched] = {}

    def compare(self, entry: Entry, release: Release) -> str:
        """Compare the release's canary, if it has one with `promote: auto`. Return what is to say of it, or ""."""
        trial = next((item for item in release.trials if item.automatic and item.weight), None)
        if trial is None or not trial.answers:
            self.forget([entry.model])
            return ""
        if self._source is None:
            return NO_SOURCE
        now, watched = self._clock(), self._watched.get(entry.model)
        if watched is None or watched.etag != trial.version.artifact.etag:
            watched = self._watched[entry.model] = _Watched(trial.version.artifact.etag, now, now)
        if now - watched.since >= SHORTEST and now - watched.compared >= INTERVAL:
            watched.compared = now
            watched.note = self._compared(self._source, entry, release, trial, now - watched.since)
        return watched.note

    def forget(self, models: Iterable[ModelId]) -> None:
        """Forget models that are not compared any more."""
        for model in models:
            if self._watched.pop(model, None):
                self._board.show_comparison(model, "")

    def _compared(self, source: VersionFigures, entry: Entry, release: Release, trial: Trial, seconds: float) -> str:
        tried, serving = trial.version.version, release.version.version
        try:
            figures = source.versions(entry.model, min(seconds, LONGEST))
        except WatcherError as error:
            return f"not compared: {error}"
        of_canary, of_stable = (
            (version, figures.get((track, version), Figures()))
            for track, version in ((trial.track, tried), ("", serving))
        )
        found = verdict(of_canary, of_stable, seconds)
        self._board.show_comparison(entry.model, found.text)
        if found.decision is Decision.WAIT:
            return COMPARED
        said = f"the verdict is to {found.decision} {tried}: {found.text}"
        try:
            self._edit(entry, trial, found)
        except WatcherError as error:
            return f"{said}; do it by hand, because the watcher cannot: {error}"
        log.info("canary", model=str(entry.model), version=tried, decision=str(found.decision), figures=found.text)
        return said

    def _edit(self, entry: Entry, trial: Trial, found: Verdict) -> None:
        """Write the verdict into the model's values.yaml, unless someone else has changed it meanwhile."""
        assert entry.values  # it asks for the canary
        text = self._bucket.read(entry.values.key, SIZE_LIMIT)
        content = parse(text, f"{entry.model.prefix}{VALUES}", model_level=True)
        changes = changes_of(entry, content, trial, found)
        self._bucket.replace(entry.values.key, edited(text, changes), entry.values.etag)


def changes_of(entry: Entry, content: Mapping[str, Any], trial: Trial, found: Verdict) -> dict[str, Any]:
    """Return what a verdict changes in the `content` of a model's values.yaml.

    To promote is to remove the key, and to pin the version where another one would serve. A canary that is rolled back
    keeps its key with the weight 0, so that it does not become the highest version that serves.
    """
    version = trial.version.version
    if found.decision is Decision.ROLL_BACK:
        return {"canary": {**content["canary"], "weight": 0, "verdict": f"rolled back, {found.text}"}}
    left = {key: value for key, value in content.items() if key != "canary"}
    serves_next = choose_version(entry, left).version
    return {"canary": None, **({} if serves_next == version else {"version": version})}
