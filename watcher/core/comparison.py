"""Compare all of the bucket with all of the runtime, and return which models need work. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from watcher.core.types import Entry, ModelId, ObjectKey, Observation, Observed


@dataclass(frozen=True, slots=True)
class Settled:
    """What the last successful reconcile of a model applied, and left: its objects' fingerprints and digests."""

    entry: Entry
    objects: Mapping[ObjectKey, str]
    digests: Mapping[ObjectKey, str] = field(default_factory=dict)

    def holds(self, entry: Entry, observed: Observed | None) -> bool:
        """Return whether neither the bucket nor the runtime differs from what was settled, and no URL is due."""
        objects, digests = (observed.objects, observed.digests) if observed else ({}, {})
        if observed and observed.renew:
            return False
        return (self.entry, self.objects, self.digests) == (entry, objects, digests)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The models of a listing whose namespaces can be read."""

    changed: frozenset[ModelId]
    """They need work because of a change in the bucket since the last survey."""
    stale: frozenset[ModelId]
    """They need work for another reason, such as a change in the runtime or a failure."""
    in_step: frozenset[ModelId]
    """Nothing differs from what their last reconcile left."""


def compare(
    entries: Mapping[ModelId, Entry],
    previous: Mapping[ModelId, Entry],
    settled: Mapping[ModelId, Settled],
    observation: Observation,
) -> Comparison:
    """Compare the `entries` of a listing with those of the `previous` one, and with what runs."""
    readable = {model: entry for model, entry in entries.items() if model.namespace not in observation.unreadable}
    in_step = frozenset(
        model
        for model, entry in readable.items()
        if model in settled and settled[model].holds(entry, observation.models.get(model))
    )
    uploaded = frozenset(model for model, entry in readable.items() if previous.get(model) != entry)
    return Comparison(changed=uploaded - in_step, stale=frozenset(readable) - uploaded - in_step, in_step=in_step)


def to_renew(observation: Observation) -> frozenset[ModelId]:
    """Return the models whose URLs are to be written again, even if they are gone from the bucket or paused."""
    return frozenset(model for model, observed in observation.models.items() if observed.renew)


def overwritten(
    settled: Settled | None, entry: Entry, desired: Mapping[ObjectKey, str], found: Mapping[ObjectKey, str]
) -> bool:
    """Return whether something else has overwritten objects since the last reconcile wrote them as desired.

    Objects that were deleted, or lost their fingerprint, do not count: a person may do that.
    """
    return _wrote(settled, entry, desired) and any(
        fingerprint and desired.get(key, fingerprint) != fingerprint for key, fingerprint in found.items()
    )


def deleted(
    settled: Settled | None, entry: Entry, desired: Mapping[ObjectKey, str], found: Mapping[ObjectKey, str]
) -> frozenset[ObjectKey]:
    """Return the objects that are gone, or lost their fingerprint, since the last reconcile wrote them as desired."""
    gone = frozenset(key for key in desired if not found.get(key))
    return gone if _wrote(settled, entry, desired) else frozenset()


def _wrote(settled: Settled | None, entry: Entry, desired: Mapping[ObjectKey, str]) -> bool:
    return settled is not None and (settled.entry, settled.objects) == (entry, desired)
