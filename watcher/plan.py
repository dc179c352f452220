"""Desired and observed → what to change. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from watcher.errors import Rejected
from watcher.models import FINGERPRINT, Change, Manifest, ModelId, Observed

NEVER_OBSERVED = "Secret"
"""Written whenever anything else of the model is: the watcher has no permission to read one."""


def plan(desired: Sequence[Manifest], observed: Observed | None, model: ModelId) -> Change:
    """The objects to write, and the kinds to delete; an empty change if all is as it should be.

    Without the Deployment all are written: the others name the lost one as their owner, and would go after it.

    Raises:
        Rejected: `ForeignObject`, when an object of that name belongs to somebody else.

    """
    if observed and observed.foreign:
        raise Rejected(
            "ForeignObject",
            f"{', '.join(observed.foreign)} exists in namespace {model.namespace} and is not managed by this watcher: "
            "delete it, or rename the model",
        )
    have = observed.objects if observed else {}
    current = have if observed and observed.runs else {}
    stale = {item["kind"] for item in desired if current.get(item["kind"]) != fingerprint_of(item)} - {NEVER_OBSERVED}
    extra = tuple(sorted(set(have) - {item["kind"] for item in desired}))
    if not stale and not extra:
        return Change(model)
    return Change(model, tuple(item for item in desired if item["kind"] in stale | {NEVER_OBSERVED}), extra)


def fingerprint_of(manifest: Manifest) -> str:
    return str(manifest["metadata"]["annotations"][FINGERPRINT])


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may happen to the models that are gone."""

    allowed: frozenset[ModelId] = frozenset()
    waiting: frozenset[ModelId] = frozenset()  # for a minute without other removals; nobody needs to confirm
    held: frozenset[ModelId] = frozenset()  # until they are back in the bucket


def removals(
    gone: frozenset[ModelId],
    running: frozenset[ModelId],
    *,
    fraction: float,
    recent: frozenset[ModelId] = frozenset(),
    held: frozenset[ModelId] = frozenset(),
) -> Verdict:
    """Judge the models that are gone from the bucket and still `running`.

    More than `fraction` of all at once is held, and what was `held` stays so: restoring some must not release the
    others. The share of the `recent` removals, already allowed, counts too, but only delays. One always may go:
    deleting a model must work, and an emptied bucket must not empty the cluster.
    """
    fresh = gone - recent
    new = fresh - held
    if len(fresh) > _share(fraction, running - recent):
        return Verdict(held=fresh)
    if len(fresh) + len(recent) > _share(fraction, running | recent):
        return Verdict(waiting=new, held=fresh - new)
    return Verdict(allowed=new, held=fresh - new)


def _share(fraction: float, models: frozenset[ModelId]) -> int:
    return max(1, int(fraction * len(models)))
