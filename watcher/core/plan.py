"""Desired and observed → what to change. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.core.types import FINGERPRINT, Change, Manifest, ModelId, Observed
from watcher.errors import Rejected

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
