"""A queue of keys in the manner of Kubernetes' controllers: no key twice, none in two hands, each with its delay."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class WorkQueue(Generic[Key]):
    """Thread-safe. A key added while it is being worked on is handed out again afterwards."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._changed = now, threading.Condition()
        self._due: dict[Key, float] = {}
        self._in_hand: set[Key] = set()
        self._closed = False

    def add(self, key: Key, delay: float = 0.0, *, keep_later: bool = False) -> None:
        """Hand `key` out after `delay` seconds. The earlier wins, but `keep_later` respects a waiting retry."""
        with self._changed:
            due = self._now() + delay
            known = self._due.get(key)
            if known is not None and (keep_later or known <= due):
                return
            self._due[key] = due
            self._changed.notify()

    def get(self) -> Key | None:
        """The next key that is due; waits for one. None once the queue is closed."""
        with self._changed:
            while not self._closed:
                free = [(due, index) for index, (key, due) in enumerate(self._due.items()) if key not in self._in_hand]
                wait = min(free)[0] - self._now() if free else None
                if wait is not None and wait <= 0:
                    return self._take(list(self._due)[min(free)[1]])
                self._changed.wait(wait)
            return None

    def done(self, key: Key) -> None:
        with self._changed:
            self._in_hand.discard(key)
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return len(self._due)

    def _take(self, key: Key) -> Key:
        del self._due[key]
        self._in_hand.add(key)
        return key
