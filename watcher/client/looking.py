"""Ask the watcher again and again, for commands that wait until something is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from watcher.errors import Retryable

T = TypeVar("T")


def looks(
    look: Callable[[], T],
    seconds: float,
    interval: float,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] | None = None,
) -> Iterator[T | Retryable]:
    """Yield what `look` returns, every `interval` seconds until the time is over, and at least once.

    A watcher may restart meanwhile, as in an upgrade: its error is yielded, and it is asked again.
    """
    deadline = now() + seconds
    while True:
        yield _look(look)
        if now() >= deadline:
            return
        (sleep or time.sleep)(interval)


def _look(look: Callable[[], T]) -> T | Retryable:
    try:
        return look()
    except Retryable as error:
        return error
