"""The `Runtime` protocol: what the watcher requires of the place where models run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from watcher.core.types import Change, Manifest, ModelId, ObjectKey, Observation, Release


class Runtime(Protocol):
    """The actual state: Kubernetes, or processes on this machine.

    Every method is thread-safe and safe to repeat. Every failure is a `WatcherError` with one sentence for people:
    `Retryable` if trying again may help, `Rejected` if a person must act. No method waits without a bound.
    """

    def render(self, release: Release) -> list[Manifest]:
        """Return the objects of a release.

        Equal releases give equal objects. Each object carries a fingerprint of its own content.

        Raises:
            Rejected: the values of the release do not fit the chart's schema.
            Retryable: rendering needs an API version of the runtime, and the runtime does not answer.

        """

    def observe(self, model: ModelId | None = None) -> Observation:
        """Return what runs: every model of this watcher, or one model.

        For one model, objects of other owners that have the model's names are included, as `Observed.foreign`.
        A namespace that cannot be read is in `Observation.unreadable`, and does not fail the others.

        Raises:
            Retryable, Rejected: nothing can be read; the caller must conclude nothing from it.

        """

    def known(self, model: ModelId) -> Observation | None:
        """Return what is known of one model without asking for it; None if only `observe` can say."""

    def apply(self, change: Change) -> Mapping[ObjectKey, str]:
        """Write and delete what `change` lists. An interrupted call is completed by repeating it.

        Return the digests of the objects that were written, as `Observed.digests` has them.

        Raises:
            Retryable, Rejected: some or all of the change is not made.

        """

    def close(self) -> None:
        """End calls in progress within seconds. Each later call raises an error or does nothing."""
