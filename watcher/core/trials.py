"""Versions on trial beside the one that serves: which they are, when they get requests, what is said of them. Pure.

docs/adr/0021-a-trial-is-a-second-track.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from watcher.core.naming import LABEL_LIMIT, TRACKS, object_name
from watcher.core.types import Entry, Failure, ModelId, ModelVersion, Observed, Release, State, Trial
from watcher.errors import Rejected


def versions_on_trial(model_level: Mapping[str, Any]) -> dict[str, str]:
    """Return the version of each trial that a model's own values.yaml asks for, by its track."""
    return {track: model_level[track]["version"] for track in TRACKS if track in model_level}


def trials_of(
    entry: Entry, stable: ModelVersion, model_level: Mapping[str, Any]
) -> tuple[tuple[Trial, ...], tuple[str, ...]]:
    """Return the trials without their overrides, and why others are not made: their version is not in the bucket.

    Raises:
        Rejected: `TrialServes`, the version on trial is the one that serves.

    """
    existing = {version.version: version for version in entry.versions}
    wanted = versions_on_trial(model_level)
    for track, version in wanted.items():
        if version == stable.version:
            raise Rejected("TrialServes", f"values.yaml pins {version}, which is its {track} too: remove {track}")
    found = {track: existing[version] for track, version in wanted.items() if version in existing}
    trials = tuple(_trial(track, version, model_level[track]) for track, version in found.items())
    return trials, tuple(
        f"{track} {version} is not in the bucket" for track, version in wanted.items() if track not in found
    )


def _trial(track: str, version: ModelVersion, given: Mapping[str, Any]) -> Trial:
    automatic, verdict = given.get("promote") == "auto", given.get("verdict", "")
    return Trial(track, version, weight=given.get("weight", 0), automatic=automatic, verdict=verdict)


def check(model: ModelId, trials: tuple[Trial, ...], values: Mapping[str, Any]) -> None:
    """Check that a model with the complete `values` can have the trials.

    Raises:
        Rejected: `NoRoute`, no route can share the requests out; `NameTooLong`.

    """
    for trial in trials:
        if not values["httpRoute"]["enabled"]:
            raise Rejected(
                "NoRoute",
                f"{trial.track} needs a HTTPRoute, and this model has none: ask the operator for httpRoute, "
                f"or remove {trial.track} from values.yaml",
            )
        if len(name := object_name(model, trial.track)) > LABEL_LIMIT:
            raise Rejected(
                "NameTooLong",
                f"{trial.track} needs a Service of the name {name}, which is longer than {LABEL_LIMIT} characters: "
                "use a shorter name of the model",
            )


def without_failed(release: Release, failures: Mapping[str, Failure]) -> Release:
    """Return the release without the trials of these tracks, and with what is to say of each.

    A failure is one of the same files and values as the version that serves. There they are not tried again, so that
    a canary of them would be promoted and then not be served.
    """
    said = tuple(
        f"{trial.track} {trial.version.version} is not started, because it failed before: {failure.reason}; upload "
        "other bytes or values, or delete the version and upload it again"
        for trial in release.trials
        if (failure := failures.get(trial.track))
    )
    kept = tuple(trial for trial in release.trials if trial.track not in failures)
    return replace(release, trials=kept, unmade=(*release.unmade, *said))


def with_answers(release: Release, observed: Observed | None) -> Release:
    """Return the release with each trial marked that has ready pods: only then does it get requests."""
    seen = observed.trials if observed else {}
    ready = {track for track, item in seen.items() if item.pods.ready}
    return replace(release, trials=tuple(replace(trial, answers=trial.track in ready) for trial in release.trials))


def shown(release: Release, observed: Observed, note: str = "") -> tuple[State, str]:
    """Return the state and the reason of a model: those of the version that serves, and what is to say of its trials.

    A trial that starts makes a ready model Progressing. One that has failed does not: what serves is ready. `note` is
    what is to say of the comparison of a canary with what serves.
    """
    texts, starts = [observed.reason], False
    for trial in release.trials:
        text, is_starting = _said_of(trial, observed)
        texts.append(f"{trial.track} {trial.version.version} {text}")
        starts = starts or is_starting
    texts += [note, *release.unmade]
    if release.trials and observed.route_problem:
        texts.append(observed.route_problem)
    state = State.PROGRESSING if starts and observed.state is State.READY else observed.state
    return state, "; ".join(filter(None, texts))


def _said_of(trial: Trial, observed: Observed) -> tuple[str, bool]:
    """Return what is to say of a trial, and whether it is still starting."""
    seen = observed.trials.get(trial.track)
    if seen is None or seen.version != trial.version.version:
        return "is starting", True
    share = f"gets {trial.weight} % of the requests" if trial.track == "canary" else "gets a copy of each request"
    if seen.state is State.READY:
        return f"{share}: {trial.verdict}" if trial.verdict else share, False
    if seen.state is State.FAILED:
        return f"failed and {share if trial.answers else 'gets no requests'}: {seen.reason}", False
    return f"is starting: {seen.reason}", True
