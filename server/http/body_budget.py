"""How much memory the bodies of all requests may take together: each may be small enough, and all be too many."""

from __future__ import annotations

from typing import Any

from server.errors import Overloaded
from server.inference.observer import Observer

SMALL = 64 * 1024
"""Bytes. What a connection's own buffer holds anyway is not counted."""


class BodyBudget:
    """Bytes of the bodies whose requests have no answer yet. Used on the event loop only."""

    def __init__(self, most: int, observer: Observer) -> None:
        self._most, self._observer = most, observer
        self._sizes: dict[Any, int] = {}
        self.total = 0

    def admit(self, request: Any, size: int) -> None:
        """Count `size` bytes as this request's, in place of what it had. Raises Overloaded.

        Where there is no other, any size is taken, or a large one could never be answered.
        """
        if size <= SMALL:
            return
        others = self.total - self._sizes.get(request, 0)
        if others and others + size > self._most:
            self._observer.record_rejection("bodies")
            raise Overloaded(f"the bodies of other requests take {others} of {self._most} bytes (--body-memory)", 1)
        self._sizes[request] = size
        self.total = others + size

    def release(self, request: Any) -> None:
        """Forget this request, whether it was counted or not."""
        self.total -= self._sizes.pop(request, 0)
