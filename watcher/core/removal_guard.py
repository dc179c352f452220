"""Whether models that are gone from the bucket may be removed: the guard against an emptied bucket. Pure.

The rules and their reasons are in docs/adr/0001-hints-and-listings.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.core.types import ModelId

WINDOW = timedelta(seconds=60)
"""Removals count against the allowed share for this long: a slow `rm -r` is a mass removal too."""

HELD = (
    "gone from the bucket with too many others at once; removal is held: restore it, or confirm by a restart of the "
    "watcher with --max-delete-fraction 1"
)
WAITING = "gone from the bucket soon after others: removed within a minute by itself, nothing needs to be confirmed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may happen to the models that are gone."""

    allowed: frozenset[ModelId] = frozenset()
    waiting: frozenset[ModelId] = frozenset()  # for a minute without other removals; nobody needs to confirm
    held: frozenset[ModelId] = frozenset()  # until they are back in the bucket


def decide(
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


class RemovalGuard:
    """Judges each survey's removals with those before in mind. `approved` are the models that may go now.

    Only the thread that surveys calls `judge`; the workers read `approved` and say what is `done`. Should the two
    cross, an approval is lost until the next survey, and nothing else.
    """

    def __init__(self, fraction: float) -> None:
        self._fraction = fraction
        self._held: frozenset[ModelId] = frozenset()
        self._allowed: dict[ModelId, datetime] = {}
        self.approved: frozenset[ModelId] = frozenset()

    def decide(self, wanted: frozenset[ModelId], running: frozenset[ModelId], now: datetime) -> tuple[Verdict, bool]:
        """The verdict on the `running` models that are not `wanted`, and whether some are newly held.

        A removal counts from here on, not from when it is done: workers do it while the next survey looks.
        """
        gone = running - wanted
        recent = {model: when for model, when in self._allowed.items() if when >= now - WINDOW and model not in wanted}
        held = self._held - wanted
        verdict = decide(gone, running, fraction=self._fraction, recent=frozenset(recent), held=held)
        self._held = held | verdict.held
        self._allowed = recent | dict.fromkeys(verdict.allowed, now)
        self.approved = gone & self._allowed.keys()
        return verdict, bool(verdict.held - held)

    def done(self, model: ModelId) -> None:
        """It is removed: were it uploaded and deleted once more, it would have to be approved once more."""
        self.approved -= {model}
