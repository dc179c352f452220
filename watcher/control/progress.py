"""What this process is doing and for how long: the difference between a slow store and a process that is stuck."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STUCK_SECONDS = 600.0
"""Seconds. Each call to the store or the API server gives up within about a minute, also when nothing answers.
A listing of a million keys takes two minutes. What takes longer than this is a defect, and a restart may help."""


class Progress:
    """The tasks that are running, each with its start. Thread-safe."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._lock = now, threading.Lock()
        self._started: dict[str, float] = {}

    @contextmanager
    def running(self, task: str) -> Iterator[None]:
        """Record `task` as running; each task runs once at a time."""
        with self._lock:
            self._started[task] = self._now()
        try:
            yield
        finally:
            with self._lock:
                del self._started[task]

    def seconds(self, task: str) -> float:
        """Return for how long `task` has been running; 0 if it is not."""
        with self._lock:
            return self._now() - self._started[task] if task in self._started else 0.0

    def tasks(self) -> list[str]:
        """Return the tasks that are running, the oldest first."""
        with self._lock:
            return sorted(self._started, key=self._started.__getitem__)

    def problem(self) -> str:
        """Return which task is stuck and for how long, or ""."""
        with self._lock:
            task, started = min(self._started.items(), key=lambda item: item[1], default=("", self._now()))
            seconds = self._now() - started
        return f"{task} has not ended for {seconds:.0f} s" if seconds > STUCK_SECONDS else ""
