"""NetworkPolicies of the namespaces with models, where the chart cannot make them: it does not know which these are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from watcher.core.types import Manifest
from watcher.runtimes.kubernetes.objects import Objects

AGAIN_SECONDS = 600.0
"""Seconds until the next write to a namespace makes them once more, as the resync does with all objects."""


class NetworkPolicies:
    """Writes the same policies into each namespace, before the first object of a model. Thread-safe.

    `policies` have no namespace; the chart renders them. The watcher may not delete any.
    """

    def __init__(
        self, objects: Objects, policies: Sequence[Manifest], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._objects, self._policies, self._now = objects, policies, now
        self._written: dict[str, float] = {}

    def write(self, namespace: str) -> None:
        """Write the policies of a namespace, unless that was done a moment ago."""
        now = self._now()
        if not self._policies or now - self._written.get(namespace, float("-inf")) < AGAIN_SECONDS:
            return
        for policy in self._policies:
            self._objects.apply({**policy, "metadata": {**policy["metadata"], "namespace": namespace}})
        # Afterwards: two workers may write them twice, which does no harm, but never believe in what failed.
        self._written[namespace] = now
