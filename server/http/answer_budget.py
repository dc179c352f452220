"""How much memory answers may take that their clients have not read yet."""

from __future__ import annotations

from typing import Any

from server.errors import Overloaded
from server.inference.observer import Observer

MAX_SMALL_ANSWER = 64 * 1024
"""Bytes. Up to this size an answer is not counted: the transport buffers as much before it stops the sender, and a
connection gets no second answer meanwhile."""


class AnswerBudget:
    """Memory for answers that were sent and not read, in bytes. Used on the event loop only."""

    def __init__(self, most: int, observer: Observer) -> None:
        self._most, self._observer = most, observer
        self._sizes: dict[Any, int] = {}
        self.total = 0

    def admit(self, connection: Any, size: int) -> None:
        """Count an answer that is about to be sent. One alone may take any size.

        Raises:
            Overloaded: the answers that other clients do not read take too much.

        """
        if size <= MAX_SMALL_ANSWER:
            return
        self.release(connection)
        if self.total and self.total + size > self._most:
            self._observer.record_rejection("answers")
            raise Overloaded(
                f"answers that other clients have not read take {self.total} of {self._most} bytes of memory; "
                f"this one would take {size} (--answer-memory)",
                1,
            )
        self._sizes[connection] = size
        self.total += size

    def release(self, connection: Any) -> None:
        """Forget this connection's answer: it was read, or the connection is closed."""
        self.total -= self._sizes.pop(connection, 0)
