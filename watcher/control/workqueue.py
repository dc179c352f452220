"""A queue of keys like that of Kubernetes' controllers: without duplicates, each key with its own delay."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class WorkQueue(Generic[Key]):
    """Thread-safe. No key is given to two callers at once; one that is added meanwhile is given out afterwards."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._changed = now, threading.Condition()
        self._due: dict[Key, float] = {}
        self._order: list[tuple[float, int, Key]] = []
        """A heap: what is due first. An entry counts only while `_due` has the same time."""
        self._numbers = itertools.count()  # equal times are given out in the order of their coming
        self._in_progress: set[Key] = set()
        self._closed = False

    def add(self, key: Key, delay: float = 0.0, *, keep_later: bool = False) -> None:
        """Give out `key` after `delay` seconds.

        If it is in the queue already, the earlier time counts. With `keep_later`, it keeps its time instead.
        """
        with self._changed:
            due = self._now() + delay
            planned = self._due.get(key)
            if planned is not None and (keep_later or planned <= due):
                return
            self._due[key] = due
            self._put(key)
            self._changed.notify()

    def get(self) -> Key | None:
        """Wait for the next key that is due, and return it. Return None once the queue is closed."""
        with self._changed:
            while not self._closed:
                self._drop_what_does_not_count()
                wait = self._order[0][0] - self._now() if self._order else None
                if wait is not None and wait <= 0:
                    _, _, key = heapq.heappop(self._order)
                    del self._due[key]
                    self._in_progress.add(key)
                    return key
                self._changed.wait(wait)
            return None

    def done(self, key: Key) -> None:
        """Record that the work on a key from `get` is finished, so that the key can be given out again."""
        with self._changed:
            self._in_progress.discard(key)
            if key in self._due:
                self._put(key)
            self._changed.notify()

    def _put(self, key: Key) -> None:
        heapq.heappush(self._order, (self._due[key], next(self._numbers), key))

    def _drop_what_does_not_count(self) -> None:
        """Take from the front the times that are no longer a key's, and keys in progress, which `done` puts back."""
        while self._order:
            due, _, key = self._order[0]
            if self._due.get(key) == due and key not in self._in_progress:
                return
            heapq.heappop(self._order)

    def close(self) -> None:
        """Wake every caller of `get`; from now on it returns None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        """Return how many keys wait, those that are not due yet included."""
        with self._changed:
            return len(self._due)
