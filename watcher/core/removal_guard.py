"""Whether models that are gone from the bucket may be removed: the guard against an emptied bucket. Pure.

The rules and their reasons are in docs/adr/0001-hints-and-listings.md.
"""

from __future__ import annotations

import threading
from collections.abc import Container
from dataclasses import dataclass

from watcher.core.types import ModelId

SHARE_WINDOW = 60.0
"""Seconds. A removal counts against the allowed share for this long: a slow `rm -r` is a mass removal too."""

RETURN_WINDOW = 3600.0
"""Seconds. A model that runs again within this time after its removal is put on hold instead of removed again."""

MASS = (
    "gone from the bucket together with too many others, so its removal is on hold: restore it, or confirm by "
    "restarting the watcher with --max-delete-fraction 1"
)
RETURNED = (
    "removed, but it runs again without being in the bucket, so it is left alone: is there another watcher with the "
    "same --owner? Delete its Deployment, or give each watcher an --owner of its own"
)
EMPTIED = (
    "gone from the bucket, which is suddenly empty; the store may be at fault, so the removal is on hold: restore it, "
    "or confirm by `kubeserve delete`"
)
RECENT = "gone from the bucket soon after others: it is removed within a minute, nothing needs to be confirmed"

Models = frozenset[ModelId]
NONE: Models = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may happen to the models that are gone."""

    allowed: Models = NONE
    waiting: Models = NONE  # until there are no other recent removals; nobody needs to confirm
    held: Models = NONE  # until they are back in the bucket


def decide(
    gone: Models,
    running: Models,
    *,
    fraction: float,
    recent: Models = NONE,
    pending: Models = NONE,
    held: Models = NONE,
) -> Verdict:
    """Decide on the models that are `gone` from the bucket and still `running`.

    If they are more than `fraction` of all models, all are put on hold. Removals that are `pending`, which is allowed
    but not yet approved, are then put on hold too. Models that are `held` stay on hold: restoring some models must not
    release the others. The `recent` removals, which are already allowed, count as well, but only delay. One model may
    always be removed: deleting a model must work, and an emptied bucket must not empty the cluster.
    """
    fresh = gone - recent
    new = fresh - held
    if len(fresh) > _share(fraction, running - recent):
        return Verdict(held=fresh | (pending & gone))
    if len(fresh) + len(recent) > _share(fraction, running | recent):
        return Verdict(waiting=new, held=fresh - new)
    return Verdict(allowed=new, held=fresh - new)


def _share(fraction: float, models: Models) -> int:
    return max(1, int(fraction * len(models)))


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of one survey: the models that are gone from the bucket, and what happens to them."""

    approved: Models
    waiting: dict[ModelId, str]
    """Models that are removed without anybody's help, a while later, with the reason of the wait."""
    held: dict[ModelId, str]
    """Models that stay until a person acts, with the reason."""


class RemovalGuard:
    """Decides on each survey's removals, and counts the earlier ones with them. Thread-safe.

    Surveys call `decide`; workers call `approves`, and report what they have observed or done. Times are seconds of one
    monotonic clock.
    """

    def __init__(self, fraction: float, delay: float = 0.0) -> None:
        self._fraction, self._delay = fraction, delay
        self._lock = threading.Lock()
        self._held: Models = NONE
        self._missing: dict[ModelId, float] = {}
        self._allowed: dict[ModelId, float] = {}
        self._removed: dict[ModelId, float] = {}
        self._approved: Models = NONE
        self._deleted: Models = NONE

    def decide(
        self,
        wanted: Models,
        running: Models,
        *,
        observed_at: float,
        now: float,
        unreadable: Container[str] = (),
        empty: bool = False,
    ) -> Decision:
        """Decide on the `running` models that are not `wanted`, as they were at `observed_at`.

        A removal counts from now on, not from when it is done: workers do it during the next survey. What is on hold
        in an `unreadable` namespace stays so. `empty` is whether the listing has no object at all.
        """
        gone = running - wanted
        with self._lock:
            returned = self._returned(gone, wanted, observed_at, now)
            self._held = frozenset(m for m in self._held - wanted if m in gone or m.namespace in unreadable)
            self._deleted &= gone
            emptied = self._emptied(gone) if empty else NONE
            self._update_held_and_allowed(gone - returned - emptied, running, wanted, now)
            self._missing = {model: self._missing.get(model, now) for model in gone}
            due = frozenset(model for model, since in self._missing.items() if now - since >= self._delay)
            permitted = (gone - returned - emptied - self._held) & self._allowed.keys()
            self._approved = permitted & due
            held = self._held & gone
        delay = f"gone from the bucket: it is removed after {self._delay:g} s, unless it is uploaded again meanwhile"
        return Decision(
            approved=permitted & due,
            waiting=dict.fromkeys(permitted - due, delay)
            | dict.fromkeys(gone - returned - emptied - permitted - held, RECENT),
            held=dict.fromkeys(held, MASS) | dict.fromkeys(emptied, EMPTIED) | dict.fromkeys(returned, RETURNED),
        )

    def approves(self, model: ModelId) -> bool:
        """Return whether `model` may be removed now, if it is still gone from the bucket."""
        with self._lock:
            return model in self._approved

    def mark_deleted(self, model: ModelId) -> None:
        """Record that the store itself, by an event, has named a file of `model` as deleted."""
        with self._lock:
            self._deleted |= {model}

    def mark_present(self, model: ModelId) -> None:
        """Record that `model` is in the bucket. If it goes again, the delay begins again."""
        with self._lock:
            self._missing.pop(model, None)
            self._removed.pop(model, None)
            self._approved -= {model}
            self._deleted -= {model}

    def done(self, model: ModelId, now: float) -> None:
        """Record that `model` is removed. If it comes back and is deleted again, that removal needs a new approval."""
        with self._lock:
            self._missing.pop(model, None)
            self._approved -= {model}
            self._removed[model] = now

    def _returned(self, gone: Models, wanted: Models, observed_at: float, now: float) -> Models:
        """Return the models that were observed to run after they had been removed."""
        self._removed = {
            model: when
            for model, when in self._removed.items()
            if model not in wanted and (model in gone or now - when < RETURN_WINDOW)
        }
        return frozenset(model for model in gone if self._removed.get(model, observed_at) < observed_at)

    def _emptied(self, gone: Models) -> Models:
        """Return the model that is gone from an empty bucket, if nothing but the emptiness says so.

        Of several, the share of all models decides. An event that names its file shows that someone deleted it, as does
        an earlier survey that missed it among other objects.
        """
        alone = len(gone) == 1 and self._fraction < 1
        return gone - self._deleted - self._allowed.keys() if alone else NONE

    def _update_held_and_allowed(self, gone: Models, running: Models, wanted: Models, now: float) -> None:
        """Apply `decide` to the models that are gone, and store the result in `_held` and `_allowed`."""
        recent = {
            model: when for model, when in self._allowed.items() if now - when <= SHARE_WINDOW and model not in wanted
        }
        verdict = decide(
            gone,
            running,
            fraction=self._fraction,
            recent=frozenset(recent),
            pending=frozenset(recent.keys() & self._missing.keys()) - self._approved,
            held=self._held,
        )
        self._held |= verdict.held
        self._allowed = recent | dict.fromkeys(verdict.allowed, now)
