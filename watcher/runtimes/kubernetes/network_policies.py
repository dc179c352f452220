"""NetworkPolicies of the namespaces with models, where the chart cannot make them: it does not know which these are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import structlog

from watcher.core.types import Manifest
from watcher.errors import Rejected, WatcherError
from watcher.runtimes.kubernetes.api import translated
from watcher.runtimes.kubernetes.objects import Objects

log = structlog.get_logger()

AGAIN_SECONDS = 600.0
"""Seconds until the next write to a namespace makes them once more, as the resync does with all objects."""


class NetworkPolicies:
    """Writes the same policies into each namespace, before the first object of a model. Thread-safe.

    `policies` have no namespace; the chart renders them. The watcher may not delete any. `labelled`: only namespaces
    with the label are for models.
    """

    def __init__(
        self,
        objects: Objects,
        policies: Sequence[Manifest],
        now: Callable[[], float] = time.monotonic,
        *,
        labelled: bool = False,
    ) -> None:
        self._objects, self._policies, self._now = objects, policies, now
        self._labelled, self._seen = labelled, set[str]()
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

    def write_first(self, namespaces: Iterable[str]) -> None:
        """Write the policies of the namespaces that are new to this process: an earlier one may have had others.

        Never raises. What may succeed later is tried again at the next call, and what is refused is not.
        """
        for namespace in sorted(set(namespaces) - self._seen) if self._policies else ():
            try:
                with translated(f"writing the NetworkPolicies of namespace {namespace}"):
                    if not self._labelled or self._objects.is_for_models(namespace):
                        self.write(namespace)
            except WatcherError as error:
                log.warning("NetworkPolicies are not written", namespace=namespace, reason=str(error))
                if not isinstance(error, Rejected):
                    continue
            self._seen.add(namespace)
