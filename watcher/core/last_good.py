"""Which release of a model runs after one has failed by its own fault, and what the runtime keeps to decide it. Pure.

docs/adr/0024-the-last-good-release-goes-back.md has the reasons.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import Any

from watcher.core.chart import merge
from watcher.core.naming import parse_key
from watcher.core.text import one_line
from watcher.core.types import (
    RELEASE,
    RUNNING_KINDS,
    Change,
    Failure,
    LiveRelease,
    Manifest,
    Memory,
    ModelId,
    ModelVersion,
    Observed,
    Release,
    State,
    StoredObject,
)
from watcher.errors import Rejected

CURRENT, LAST_GOOD, FAILED = "kubeserve.io/current", "kubeserve.io/last-good", "kubeserve.io/failed"
"""The annotations that hold a `Memory`. They are in no fingerprint and in no pod template."""

FAILURES = 10
"""Failed releases that are remembered. No more are tried for a wanted release: a forgotten one would be tried again."""
REASON_LIMIT = 1024
"""Bytes of a failure's reason, as of a Kubernetes Event's message."""
RELEASE_LIMIT = 16 * 1024
"""Bytes of a release as JSON. Kubernetes allows 256 KiB of annotations. A larger release is not remembered."""

YOUNG_SECONDS = 600.0
"""Seconds after a version became ready. One that crashes repeatedly within them is replaced by the last good one; an
older one is not: it has proved itself, and the cause is probably its input."""

REPEATED = 2
"""Crashes in a row from which on a version that has served counts as failing. After one it is only restarted."""

UNKNOWN_TIME = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release that may run, and its objects."""

    release: Release
    manifests: Sequence[Manifest]

    @property
    def digest(self) -> str:
        """Return the digest of what the release's pods are made of."""
        return str(self.running["metadata"]["annotations"].get(RELEASE, ""))

    @property
    def running(self) -> Manifest:
        """Return the object that owns the others."""
        return next(item for item in self.manifests if item["kind"] in RUNNING_KINDS)


@dataclass(frozen=True, slots=True)
class Choice:
    """The candidate that should run."""

    candidate: Candidate
    memory: Memory
    """What is to be remembered with its objects."""
    failure: Failure | None = None
    """The failure of the wanted release, if that is not the candidate."""
    is_irreplaceable: bool = False
    """Whether the candidate itself has failed, and nothing else can run."""

    @property
    def running(self) -> Manifest:
        """Return the object that owns the others, with the memory as annotations."""
        owner = self.candidate.running
        annotations = {**owner["metadata"]["annotations"], **annotations_of(self.memory)}
        return {**owner, "metadata": {**owner["metadata"], "annotations": annotations}}

    def with_memory(self, change: Change) -> Change:
        """Return a change of the candidate's objects, which writes the memory too."""
        owner = self.candidate.running
        return replace(change, writes=tuple(self.running if item is owner else item for item in change.writes))

    def unwritten(self, observed: Observed | None) -> Change:
        """Return the write of failures that the runtime does not remember yet, for where nothing else is to write."""
        known = observed.memory.failed if observed else ()
        return Change(self.candidate.release.model, () if self.memory.failed == known else (self.running,))


def choose(candidates: Iterable[Candidate], memory: Memory, live: LiveRelease) -> Choice:
    """Return the first candidate that has not failed; the first one of all, the wanted one, if every one has.

    A candidate equal to the wanted one is the last good release, and only what the operator sets has changed since: the
    image, the base values or the watcher. Its earlier pods still serve, so nothing after it is chosen in their place.
    `live` is the release that runs. Candidates after the chosen one are not taken from the iterable: to render them
    costs time.
    """
    failed = {failure.digest: failure for failure in memory.failed}
    found = iter(candidates)
    wanted = next(found)
    failure = failed.get(wanted.digest)
    others = takewhile(lambda item: item.digest != wanted.digest, islice(found, FAILURES - 1))
    other = next((item for item in others if item.digest not in failed), None) if failure else None
    chosen = other or wanted
    kept = replace(memory, failed=_kept(memory.failed, wanted.digest))
    return Choice(chosen, _remembered(kept, chosen, live), failure if other else None, bool(failure) and not other)


def _kept(failed: Sequence[Failure], wanted: str) -> tuple[Failure, ...]:
    """Return the failures to remember: the wanted release's, which would be tried again without it, and the latest."""
    by_need = sorted(failed, key=lambda failure: failure.digest == wanted)  # stable: the wanted one's moves to the end
    kept = by_need[-FAILURES:]
    return tuple(failure for failure in failed if failure in kept)


def _remembered(memory: Memory, chosen: Candidate, live: LiveRelease) -> Memory:
    """Return the memory to write with the chosen candidate, where `live` ran before."""
    was_good = live.has_served and live.digest not in {chosen.digest, *(failure.digest for failure in memory.failed)}
    return Memory(of_its_pods(chosen.release), memory.current if was_good else memory.last_good, memory.failed)


def learned(observed: Observed, versions: Iterable[str], age: float, now: datetime) -> Memory:
    """Return the memory of a model, with the failure of the release that runs, if it has failed by its own fault.

    Failures of versions that are not in the bucket are forgotten: a version that is deleted and uploaded again is tried
    again. So is the failure of a release that is ready after all, because nothing else could run. `age` is the time in
    seconds since the release became ready.
    """
    memory, live, present = observed.memory, observed.live, set(versions)
    recovered = live.digest if observed.state is State.READY else None
    failed = [item for item in memory.failed if item.version in present and item.digest != recovered]
    if has_failed(observed, age) and live.digest not in {failure.digest for failure in failed}:
        reason = one_line(observed.reason, REASON_LIMIT)
        failed.append(Failure(live.digest, observed.version, reason, now.replace(microsecond=0)))
    return replace(memory, failed=tuple(failed))


def current_of(observed: Observed, wanted: Release) -> Release | None:
    """Return the release that runs, as remembered; if none is, the wanted release, if its version runs already.

    An earlier watcher remembered none, and a release above RELEASE_LIMIT is not remembered either.
    """
    wanted_file = (wanted.version.version, wanted.version.artifact.etag)
    runs_already = (observed.version, observed.etag) == wanted_file
    return observed.memory.current or (of_its_pods(wanted) if runs_already else None)


def has_failed(observed: Observed, age: float) -> bool:
    """Return whether the release that runs must not run any longer. Without service its `age` is negative."""
    return bool(observed.live.digest) and observed.live.is_at_fault and age <= YOUNG_SECONDS


def of_its_pods(release: Release) -> Release:
    """Return the release without what its pods are not made of: trials, the number of pods, the address."""
    own: dict[str, Any] = {}
    if "server" in release.overrides:
        own["server"] = release.overrides["server"]
    deployment = release.overrides.get("deployment") or {}
    if "resources" in deployment:
        own["deployment"] = {"resources": deployment["resources"]}
    return Release(release.version, own)


def in_place_of(wanted: Release, good: Release) -> Release:
    """Return a good release whose pods run instead of the wanted one's, with its number of pods, address and trials.

    A trial of the version itself is left out: it serves everybody now.
    """
    deployment = {key: value for key, value in (wanted.overrides.get("deployment") or {}).items() if key != "resources"}
    others = {key: value for key, value in wanted.overrides.items() if key not in {"server", "deployment"}}
    overrides = merge(others, {"deployment": deployment} if deployment else {}, of_its_pods(good).overrides)
    trials = tuple(trial for trial in wanted.trials if trial.version.version != good.version.version)
    return Release(good.version, overrides, trials, wanted.unmade)


def reason_of(failure: Failure, observed: Observed) -> str:
    """Return why the wanted release of a model does not run, and what does."""
    serving = observed.pods.serving
    if serving:
        files = " with its earlier files" if serving == failure.version else ""
        return f"{failure.reason}; {serving} keeps serving{files}"
    why = f": {observed.reason}" if observed.reason and observed.live.digest != failure.digest else ""
    return f"{failure.reason}; {observed.version} is started instead{why}"


@dataclass(frozen=True, slots=True)
class Since:
    """When a release began to serve."""

    digest: str
    at: float
    """Of the monotonic clock; infinity if it has not served, minus infinity if it did before this process saw it."""


def serving_since(live: LiveRelease, before: Since | None, now: float) -> Since:
    """Return when the live release began to serve, by what was known `before`.

    What is known stays: after `kubectl rollout restart`, nothing in the runtime says that the release has served.
    """
    known = before.at if before and before.digest == live.digest else None
    if not live.has_served:
        return Since(live.digest, math.inf if known is None else known)
    if known is None:
        return Since(live.digest, -math.inf if live.was_complete else now)
    return Since(live.digest, min(known, now))


def annotations_of(memory: Memory) -> dict[str, str]:
    """Return the annotations that hold a memory."""
    releases = {CURRENT: memory.current, LAST_GOOD: memory.last_good}
    found = {name: _compact(_of_release(release)) for name, release in releases.items() if release}
    if memory.failed:
        found[FAILED] = _compact([_of_failure(item) for item in memory.failed])
    return {name: text for name, text in found.items() if name == FAILED or len(text) <= RELEASE_LIMIT}


def memory_of(annotations: Mapping[str, str], model: ModelId) -> Memory:
    """Return the memory that annotations hold. What is malformed, or names another model's file, is left out."""
    failed = _parsed(annotations.get(FAILED))
    failures = [_failure(item) for item in failed] if isinstance(failed, list) else []
    return Memory(
        _release(_parsed(annotations.get(CURRENT)), model),
        _release(_parsed(annotations.get(LAST_GOOD)), model),
        tuple(item for item in failures if item)[-FAILURES:],
    )


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def _of_release(release: Release) -> dict[str, Any]:
    version = release.version
    found = {
        "version": version.version,
        "artifact": _of_file(version.artifact),
        "requirements": _of_file(version.requirements) if version.requirements else None,
        "inputFiles": [_of_file(item) for item in version.input_files],
        "overrides": dict(release.overrides),
    }
    return {key: value for key, value in found.items() if value}


def _of_file(file: StoredObject) -> dict[str, Any]:
    return {"key": file.key, "etag": file.etag, "size": file.size}


def _of_failure(failure: Failure) -> dict[str, str]:
    return {
        "release": failure.digest,
        "version": failure.version,
        "reason": failure.reason,
        "at": failure.at.isoformat(),
    }


def _release(found: Any, model: ModelId) -> Release | None:
    try:
        artifact, requirements = _file(found["artifact"], model), found.get("requirements")
        files = tuple(_file(item, model) for item in found.get("inputFiles") or ())
        own = ModelVersion(
            model,
            str(found["version"]),
            artifact,
            _file(requirements, model) if requirements else None,
            input_files=files,
        )
        its_model, version, _ = parse_key(artifact.key)
        overrides = dict(found.get("overrides") or {})
    except (Rejected, KeyError, TypeError, ValueError, AttributeError):
        return None
    return Release(own, overrides) if (its_model, version) == (model, own.version) else None


def _file(found: Any, model: ModelId) -> StoredObject:
    key = str(found["key"])
    if not key.startswith(model.prefix):
        raise ValueError(key)
    return StoredObject(key, str(found["etag"]), int(found["size"]), UNKNOWN_TIME)


def _failure(found: Any) -> Failure | None:
    try:
        at = datetime.fromisoformat(str(found["at"]))
        version, reason = str(found["version"]), one_line(str(found["reason"]), REASON_LIMIT)
        return Failure(str(found["release"]), version, reason, at if at.tzinfo else at.replace(tzinfo=UTC))
    except (KeyError, TypeError, ValueError):
        return None
