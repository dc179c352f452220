"""How much memory the bodies of all requests may take together: many small ones can be too much as well.

Bytes count when they have arrived. What a client announces costs it nothing, and takes no memory here.
"""

from __future__ import annotations

from typing import Any

from server.errors import Overloaded
from server.inference.observer import Observer

MAX_SMALL_BODY = 64 * 1024
"""Bytes. A body up to this size counts as its bytes, a larger one as what its parsed form takes. Small bodies are
parsed one at a time on the event loop, so that what parsing takes beyond the bytes is there once."""

MEMORY_PER_TEXT_BYTE = 10
"""Bytes. What a byte of JSON takes when it is parsed into Python objects, measured with rows of short numbers (9.6 and
10.7; 17 digits 2.3, objects by name 6.2, strings 11.6). Long rows of numbers, parsed in slices, take one to two; rows
without values take 33. Long texts are parsed one at a time, so at any moment only one request can exceed this factor.
`tests/hostile_bodies.py` states by how much."""


class BodyBudget:
    """Memory for the bodies of unanswered requests, in bytes. Used on the event loop only.

    Large bodies may take what small ones leave. One large body alone may take any size; otherwise it could never be
    answered. Small bodies do not wait for large ones: they are bounded by the limit themselves.
    """

    def __init__(self, most: int, observer: Observer) -> None:
        self._most, self._observer = most, observer
        self._small: dict[Any, int] = {}
        self._large: dict[Any, int] = {}
        self._small_total = self._large_total = 0

    @property
    def total(self) -> int:
        """Memory of all bodies."""
        return self._small_total + self._large_total

    def admit(self, request: Any, size: int, binary: int = 0) -> None:
        """Count `size` bytes of a body, of which `binary` are not text. It replaces the request's earlier count.

        Raises:
            Overloaded: together with the others it would exceed the budget. The earlier count stays until the release.

        """
        if size <= MAX_SMALL_BODY:
            if not self.hold(request, size):
                self._reject(self._small_total, size)
            return
        memory = binary + (size - binary) * MEMORY_PER_TEXT_BYTE
        others = self.total - self._small.get(request, 0) - self._large.get(request, 0)
        is_alone = not self._large or (len(self._large) == 1 and request in self._large)
        if not is_alone and others + memory > self._most:
            self._reject(others, memory)
        self.release(request)
        self._large[request] = memory
        self._large_total += memory

    def hold(self, holder: Any, size: int) -> bool:
        """Count `size` buffered bytes of a request or connection in place of what it had; return whether they fit."""
        before = self._small.get(holder, 0)
        if self._small_total - before + size > self._most and size > before:
            return False
        if size:
            self._small[holder] = size
        elif before:
            del self._small[holder]
        self._small_total += size - before
        return True

    def release(self, holder: Any) -> None:
        """Forget this request or connection, whether it was counted or not."""
        self._small_total -= self._small.pop(holder, 0)
        self._large_total -= self._large.pop(holder, 0)

    def _reject(self, others: int, memory: int) -> None:
        self._observer.record_rejection("bodies")
        raise Overloaded(
            f"the bodies of other requests take {others} of {self._most} bytes of memory; "
            f"this one may take {memory} (--body-memory)",
            1,
        )
