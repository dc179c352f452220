"""Desired and observed → what to change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from watcher.errors import Rejected
from watcher.models import FINGERPRINT, Change, Manifest, ModelId, Observed

NEVER_OBSERVED = "Secret"
"""Written whenever anything else of the model is: the watcher has no permission to read one."""


def plan(desired: Sequence[Manifest], observed: Observed | None, model: ModelId) -> Change:
    """The objects to write, and the kinds to delete; an empty change if all is as it should be.

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
    stale = {item["kind"] for item in desired if have.get(item["kind"]) != fingerprint_of(item)} - {NEVER_OBSERVED}
    extra = tuple(sorted(set(have) - {item["kind"] for item in desired}))
    if not stale and not extra:
        return Change(model)
    return Change(model, tuple(item for item in desired if item["kind"] in stale | {NEVER_OBSERVED}), extra)


def fingerprint_of(manifest: Manifest) -> str:
    return str(manifest["metadata"]["annotations"][FINGERPRINT])


def removals(
    gone: Iterable[ModelId], total: int, fraction: float, *, recent: int = 0
) -> tuple[tuple[ModelId, ...], tuple[ModelId, ...]]:
    """Split the models that are gone into those that may be removed now and those held: always all of one kind.

    With the `recent` removals, at most `fraction` of all models may go, but one always may: deleting a model must
    work, and an emptied bucket must not empty the cluster.
    """
    wanted = tuple(sorted(gone))
    allowance = max(1, int(fraction * (total + recent)))
    return (wanted, ()) if len(wanted) + recent <= allowance else ((), wanted)
