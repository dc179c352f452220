"""Which release of each model runs: the wanted one, or another after the wanted one has failed by its own fault."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from watcher.control.releases import Releases
from watcher.core import trials
from watcher.core.last_good import Candidate, Choice, Since, choose, current_of, has_failed, learned, serving_since
from watcher.core.types import Entry, Failure, Memory, ModelId, Observed, Release
from watcher.runtimes.base import Runtime

UNSEEN = Since("", math.inf)


class Choices:
    """Thread-safe, as long as each model is worked on by one thread at a time."""

    def __init__(
        self, releases: Releases, runtime: Runtime, clock: Callable[[], float], now: Callable[[], datetime]
    ) -> None:
        self._releases, self._runtime, self._clock, self._now = releases, runtime, clock, now
        self._ages: dict[ModelId, Since] = {}
        self._replaced: dict[ModelId, Failure | None] = {}
        """The failure of a model's wanted release, while another release runs."""
        self._irreplaceable: dict[ModelId, str] = {}
        """The digest of a release that has failed and runs, because nothing else can; otherwise ""."""

    def choose(self, entry: Entry, wanted: Release, observed: Observed | None) -> Choice:
        """Return the release that should run, and what is to be remembered with it.

        Raises:
            Retryable, Rejected: it cannot be rendered, or a values.yaml cannot be read.

        """
        model, seen = entry.model, observed or Observed(entry.model, {})
        memory = replace(self._learned(entry, seen), current=current_of(seen, wanted))
        wanted = trials.with_answers(self._without_failed_canary(wanted, memory), observed)
        choice = choose(self._candidates(entry, wanted, memory.last_good), memory, seen.live)
        self._replaced[model] = choice.failure
        self._irreplaceable[model] = choice.candidate.digest if choice.is_irreplaceable else ""
        return choice

    def began(self, choice: Choice) -> None:
        """Record that the objects of a choice were written: a wanted release that is ready at first sight is young."""
        candidate = choice.candidate
        if choice.failure is None and self._ages.get(candidate.release.model, UNSEEN).digest != candidate.digest:
            self._ages[candidate.release.model] = Since(candidate.digest, math.inf)

    def without_wanted(self, entry: Entry, observed: Observed) -> Choice | None:
        """Return the last good release if the one that runs has failed and nobody can say which one is wanted."""
        memory = self._learned(entry, observed)
        last_good = memory.last_good and self._releases.permitted(memory.last_good)
        if observed.live.digest not in {failure.digest for failure in memory.failed} or last_good is None:
            return None
        choice = choose([self._candidate(last_good)], memory, observed.live)
        return None if choice.is_irreplaceable else choice

    def needs_work(self, observed: Observed) -> bool:
        """Return whether a model whose objects are as they should be needs another release nevertheless."""
        if observed.live.digest == self._irreplaceable.get(observed.model):
            return False
        return has_failed(observed, self._age(observed))

    def replaced(self, model: ModelId) -> Failure | None:
        """Return the failure of the model's wanted release, if another release runs in its place."""
        return self._replaced.get(model)

    def forget(self, model: ModelId) -> None:
        """Forget a model that is gone."""
        for known in (self._ages, self._replaced, self._irreplaceable):
            known.pop(model, None)

    def _learned(self, entry: Entry, observed: Observed) -> Memory:
        return learned(observed, (item.version for item in entry.versions), self._age(observed), self._now())

    def _age(self, observed: Observed) -> float:
        """Return for how many seconds the release that runs has served, as far as this process has seen it begin."""
        since = serving_since(observed.live, self._ages.get(observed.model), self._clock())
        self._ages[observed.model] = since
        return self._clock() - since.at

    def _candidates(self, entry: Entry, wanted: Release, last_good: Release | None) -> Iterator[Candidate]:
        yield self._candidate(wanted)
        for release in self._releases.instead_of(wanted, entry, last_good):
            yield self._candidate(release)

    def _without_failed_canary(self, wanted: Release, memory: Memory) -> Release:
        """Return the wanted release without a canary that has failed as the version that serves."""
        failed = {failure.digest: failure for failure in memory.failed}
        canaries = [trial for trial in wanted.trials if failed and trial.track == "canary"]
        digests = {item.track: self._candidate(Release(item.version, item.overrides)).digest for item in canaries}
        return trials.without_failed(
            wanted, {track: failed[digest] for track, digest in digests.items() if digest in failed}
        )

    def _candidate(self, release: Release) -> Candidate:
        return Candidate(release, self._runtime.render(release))
