"""Whether changes that something else made to a model's objects are undone at once, or left for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

from watcher.core.comparison import Settled, deleted, overwritten
from watcher.core.plan import edits, fingerprints
from watcher.core.text import one_line
from watcher.core.types import Entry, Manifest, ModelId, Observed
from watcher.errors import Rejected

log = structlog.get_logger()

RESTORE_INTERVAL = 600.0
"""Seconds. Objects that something else overwrites are restored at most this often: two watchers with the same owner
would otherwise roll the same model back and forth every second."""

EDITS = 5
"""Edits and deletions of one model's objects that are undone at once. After as many within RESTORE_INTERVAL, it is no
person who makes them, but a program that would make them again."""

CONTESTED = (
    "something else keeps overwriting the objects of this model: is there another watcher with the same --owner? "
    "They are left as they are, and restored at most every 10 minutes"
)
EDITED = (
    "something else keeps changing {what}: stop it, or set the same in values.yaml. The objects of this model are left "
    "as they are for up to 10 minutes"
)
WHAT_LIMIT = 300
"""Bytes of the list of changes in that sentence."""


class Restores:
    """Remembers when each model was restored. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: dict[ModelId, tuple[float, ...]] = {}

    def needed(
        self, settled: Settled | None, entry: Entry, manifests: Sequence[Manifest], observed: Observed | None
    ) -> bool:
        """Return whether something else has changed a model's objects since they were `settled`.

        Raises:
            Rejected: `Contested`, it is a program that does so again and again.

        """
        desired, found = fingerprints(manifests), observed.objects if observed else {}
        restores = len(self._recent(entry.model))
        was_overwritten = overwritten(settled, entry, desired, found)
        if was_overwritten and restores:
            raise Rejected("Contested", CONTESTED)
        changed = {str(key): ", ".join(fields) for key, fields in edits(manifests, observed).items()}
        changed |= {str(key): "its existence" for key in sorted(deleted(settled, entry, desired, found))}
        if settled and changed:
            what = "; ".join(f"{fields} of {key}" for key, fields in changed.items())
            if restores >= EDITS:
                raise Rejected("Contested", EDITED.format(what=one_line(what, WHAT_LIMIT)))
            log.info("restoring what something else has changed", model=str(entry.model), changed=what)
        return was_overwritten or bool(settled and changed)

    def done(self, model: ModelId) -> None:
        """Count a restore, once it is written: what could not be written was not restored."""
        self._times[model] = (*self._recent(model), self._clock())

    def models(self) -> set[ModelId]:
        """Return the models that were restored."""
        return set(self._times)

    def forget(self, model: ModelId) -> None:
        self._times.pop(model, None)

    def _recent(self, model: ModelId) -> tuple[float, ...]:
        """Return the times at which a model was restored within `RESTORE_INTERVAL`."""
        now = self._clock()
        return tuple(time for time in self._times.get(model, ()) if now - time < RESTORE_INTERVAL)
