"""Follow a version from the upload until it serves, by what the watcher says of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from watcher.client.looking import looks
from watcher.core.naming import ARTIFACT
from watcher.core.types import PENDING, SUPERSEDED, UNSUCCESSFUL, ModelId, State
from watcher.errors import Retryable

INTERVAL = 0.3
"""Seconds between two looks."""


class Phase(StrEnum):
    """How far a version is."""

    UPLOADED = "uploaded"
    SEEN = "seen"
    ROLLING = "rolling"
    READY = "ready"
    FAILED = "failed"
    NOT_SERVED = "not served"


FINAL = frozenset({Phase.READY, Phase.FAILED, Phase.NOT_SERVED})
AFTER_SEEN = frozenset({Phase.ROLLING, Phase.READY})


@dataclass(frozen=True, slots=True)
class Step:
    """What is known of a version at one moment. Steps of one phase are equal unless they say something new."""

    phase: Phase
    text: str = ""
    """For people: the pods that are ready, or why it failed."""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A version that was just uploaded."""

    model: ModelId
    version: str
    etag: str
    """Tells it from an earlier upload of the same name."""
    old_since: str = ""
    """Since when the model was in its state before such an overwriting upload: while it is, the old bytes serve."""


def step_of(status: Mapping[str, Any], wanted: Wanted) -> Step:
    """Return how far a version is, by the body of `GET /status`. Pure."""
    key = f"{wanted.model.prefix}{wanted.version}/{ARTIFACT}"
    if refused := next((item["reason"] for item in status["refused"] if item["key"] == key), ""):
        return Step(Phase.FAILED, str(refused))
    row = next((item for item in status["models"] if _names(item, wanted.model)), None)
    state, reason = _state(row, wanted) if row else (None, "")
    return Step(Phase.UPLOADED) if row is None or state is None else _step_in(state, reason, row, wanted)


def _step_in(state: str, reason: str, row: Mapping[str, Any], wanted: Wanted) -> Step:
    """Return how far a version is that the watcher has seen."""
    if state in UNSUCCESSFUL:
        return Step(Phase.FAILED, _with_serving(reason, row, wanted.version), row["url"])
    if state == State.READY and row["since"] != wanted.old_since:
        return Step(Phase.READY, url=row["url"])
    if state in {SUPERSEDED, State.PAUSED}:
        return Step(Phase.NOT_SERVED, reason or state.lower(), row["url"])
    is_rolling = state in PENDING and row["version"] == wanted.version
    return Step(Phase.ROLLING, _progress(row, wanted.version)) if is_rolling else Step(Phase.SEEN)


def since_of(status: Mapping[str, Any], model: ModelId) -> str:
    """Return since when a model is in its state; "" if the watcher has none of this name."""
    return next((str(item["since"]) for item in status["models"] if _names(item, model)), "")


def _names(row: Mapping[str, Any], model: ModelId) -> bool:
    return (row["namespace"], row["model"]) == (model.namespace, model.name)


def _state(row: Mapping[str, Any], wanted: Wanted) -> tuple[str | None, str]:
    """Return the state of the version and its reason; None while the watcher has not seen these bytes."""
    if "versions" not in row:  # an earlier watcher
        return (row["state"], row["reason"]) if row["version"] == wanted.version else (None, "")
    for version in row["versions"]:
        if version["version"] == wanted.version and version["etag"] == wanted.etag:
            return str(version["state"]), str(version["reason"])
    return None, ""


def _with_serving(reason: str, row: Mapping[str, Any], version: str) -> str:
    """Return the reason of a failure, and which version serves all the same."""
    serving = row.get("serving") or ""
    known = not serving or serving == version or "keeps serving" in reason
    return reason if known else f"{reason}; {serving} keeps serving"


def _progress(row: Mapping[str, Any], version: str) -> str:
    """Return what serves meanwhile, else how many servers are ready: those of the old version count as ready too."""
    serving = row.get("serving") or ""
    if serving and serving != version:
        return f"{serving} serves until {version} is ready"
    ready, wanted = row.get("ready"), row.get("replicas")
    return "" if ready is None or wanted is None else f"{ready} of {wanted} ready"


def followed(
    status: Callable[[], Mapping[str, Any]],
    wanted: Wanted,
    seconds: float,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] | None = None,
) -> Iterator[Step]:
    """Yield each new step, until the version serves, has failed, or is not to serve.

    A watcher that restarts meanwhile is waited for. The last step is not a final one if the time is over.

    Raises:
        Retryable: `NoWatcher`, none answers at the beginning.

    """
    last: Step | None = None
    was_seen = False
    for found in looks(status, seconds, INTERVAL, now=now, sleep=sleep):
        if isinstance(found, Retryable):
            if last is None:
                raise found
            continue
        step = step_of(found, wanted)
        if step != (last or Step(Phase.UPLOADED)):
            if step.phase in AFTER_SEEN and not was_seen:  # it was seen between two looks
                yield Step(Phase.SEEN)
            yield step
        was_seen = was_seen or step.phase is not Phase.UPLOADED
        last = step
        if step.phase in FINAL:
            return
