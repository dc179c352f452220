"""When each model that failed is tried again: soon after what many share works again, slowly after what is its own."""

from __future__ import annotations

import threading
from collections import defaultdict

from watcher.control.failure import cause_of
from watcher.core.backoff import retry_delay, shared_delay
from watcher.core.types import ModelId

Models = frozenset[ModelId]


class Retries:
    """The models whose last reconciliation failed. Thread-safe.

    Models that wait for the same cause are tried within seconds while they are few: an API server that answers 500, a
    namespace that is missing, a quota. As soon as one of them succeeds, or fails for another reason, none of the others
    needs to wait: the methods return these.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[ModelId, int] = {}
        self._cause: dict[ModelId, str] = {}
        self._waiting: defaultdict[str, set[ModelId]] = defaultdict(set)

    def failed(self, model: ModelId, error: Exception) -> tuple[float, Models]:
        """Record a failure. Return the seconds until the next try, and the models that need not wait any longer."""
        cause = cause_of(error, model.namespace)
        with self._lock:
            failures = self._failures[model] = self._failures.get(model, 0) + 1
            released = self._leave(model, cause)
            if cause is None:
                return retry_delay(failures), released
            self._cause[model] = cause
            self._waiting[cause].add(model)
            return shared_delay(failures, sum(map(len, self._waiting.values()))), released

    def succeeded(self, model: ModelId) -> Models:
        """Forget a model. Return those that need not wait any longer."""
        with self._lock:
            self._failures.pop(model, None)
            return self._leave(model, None)

    def changed(self, model: ModelId) -> None:
        """Record that a model's files have changed: if they fail as well, the delays begin with the shortest again."""
        with self._lock:
            if model not in self._cause:
                self._failures.pop(model, None)

    def _leave(self, model: ModelId, cause: str | None) -> Models:
        """Take a model out of those that wait for a cause other than `cause`, and return the others of these."""
        before = self._cause.pop(model, None)
        if before is None or before == cause:
            return frozenset()
        return frozenset(self._waiting.pop(before, set()) - {model})
