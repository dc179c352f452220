"""How much memory the bodies of all requests may take together: many small ones can be too much as well."""

from __future__ import annotations

from typing import Any

from server.errors import Overloaded
from server.inference.observer import Observer

MAX_UNCOUNTED_BODY = 64 * 1024
"""Bytes. A smaller body is not counted: the connection's own buffer may hold as much."""

MEMORY_PER_TEXT_BYTE = 10
"""Bytes. What a byte of JSON takes when it is parsed into Python objects, measured with rows of short numbers (9.6 and
10.7; 17 digits 2.3, objects by name 6.2, strings 11.6). Rows without values take 21 to 24. Long texts are parsed one at
a time, so at any moment only one request can exceed this factor."""


class BodyBudget:
    """Memory for the bodies of unanswered requests, in bytes. Used on the event loop only."""

    def __init__(self, most: int, observer: Observer) -> None:
        self._most, self._observer = most, observer
        self._sizes: dict[Any, int] = {}
        self.total = 0

    def admit(self, request: Any, size: int, binary: int = 0) -> None:
        """Count a body of `size` bytes, of which `binary` are not text. It replaces the request's earlier count.

        A single request may take any size; otherwise a large one could never be answered.

        Raises:
            Overloaded: together with the others it would exceed the budget.

        """
        if size <= MAX_UNCOUNTED_BODY:
            return
        memory = binary + (size - binary) * MEMORY_PER_TEXT_BYTE
        others = self.total - self._sizes.get(request, 0)
        if others and others + memory > self._most:
            self._observer.record_rejection("bodies")
            raise Overloaded(
                f"the bodies of other requests take {others} of {self._most} bytes of memory; "
                f"this one may take {memory} (--body-memory)",
                1,
            )
        self._sizes[request] = memory
        self.total = others + memory

    def release(self, request: Any) -> None:
        """Forget this request, whether it was counted or not."""
        self.total -= self._sizes.pop(request, 0)
