"""Compare all of the bucket with all of the runtime, and return which models need work. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from watcher.core.types import Entry, ModelId, ObjectKey, Observation

Settled = tuple[Entry, Mapping[ObjectKey, str]]
"""The entry that the last successful reconcile of a model applied, and the fingerprints of its objects after that."""


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
        model for model, entry in readable.items() if settled.get(model) == (entry, _objects(observation, model))
    )
    uploaded = frozenset(model for model, entry in readable.items() if previous.get(model) != entry)
    return Comparison(changed=uploaded - in_step, stale=frozenset(readable) - uploaded - in_step, in_step=in_step)


def overwritten(
    settled: Settled | None, entry: Entry, desired: Mapping[ObjectKey, str], found: Mapping[ObjectKey, str]
) -> bool:
    """Return whether something else has overwritten objects since the last reconcile wrote them as desired.

    Objects that were deleted, or lost their fingerprint, do not count: a person may do that.
    """
    return settled == (entry, desired) and any(
        fingerprint and desired.get(key, fingerprint) != fingerprint for key, fingerprint in found.items()
    )


def _objects(observation: Observation, model: ModelId) -> Mapping[ObjectKey, str]:
    observed = observation.models.get(model)
    return observed.objects if observed else {}
