"""Compare the desired objects with the observed ones, and return what to change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from watcher.core.drift import drifted_fields
from watcher.core.types import FINGERPRINT, Change, Manifest, ModelId, ObjectKey, Observed, key_of
from watcher.errors import Rejected


def plan(desired: Sequence[Manifest], observed: Observed | None, model: ModelId) -> Change:
    """Return the objects to write and the objects to delete; an empty change if nothing differs.

    Without the Deployment, all objects are written: the others name the lost one as their owner, and the garbage
    collector would delete them.

    Raises:
        Rejected: `ForeignObject`, when an object of the same name has another owner.

    """
    if observed and observed.foreign:
        raise Rejected("ForeignObject", foreign_objects(map(str, observed.foreign), model))
    found = observed.objects if observed else {}
    kept = found if observed and observed.runs else {}
    stale = {key_of(item) for item in desired if kept.get(key_of(item)) != fingerprint_of(item)}
    stale |= edits(desired, observed).keys()
    writes = tuple(item for item in desired if key_of(item) in stale)
    extra = tuple(sorted(found.keys() - {key_of(item) for item in desired}))
    return Change(model, writes, extra)


def edits(desired: Sequence[Manifest], observed: Observed | None) -> dict[ObjectKey, list[str]]:
    """Return which fields others have changed in objects that still have the fingerprint of the desired ones.

    Objects that were observed without their content are left out.
    """
    if observed is None:
        return {}
    read, prints = observed.manifests, observed.objects
    written = [item for item in desired if key_of(item) in read and prints.get(key_of(item)) == fingerprint_of(item)]
    found = {key_of(item): drifted_fields(item, read[key_of(item)]) for item in written}
    return {key: fields for key, fields in found.items() if fields}


def foreign_objects(names: Iterable[str], model: ModelId) -> str:
    """Return the sentence about objects of other owners that have this model's names."""
    return (
        f"{', '.join(names)} exists in namespace {model.namespace} and is not managed by this watcher: "
        "delete it, or rename the model"
    )


def fingerprint_of(manifest: Manifest) -> str:
    """Return the fingerprint that the renderer put on an object."""
    return str(manifest["metadata"]["annotations"][FINGERPRINT])


def fingerprints(manifests: Iterable[Manifest]) -> dict[ObjectKey, str]:
    """Return the fingerprints of objects as `Observed.objects` will have them."""
    return {key_of(item): fingerprint_of(item) for item in manifests}
