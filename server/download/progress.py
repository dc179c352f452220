"""Bound a download by its progress: a slow one goes on, one that stands still ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from server.errors import ModelError

STALL_SECONDS = 60.0
"""Seconds without a whole chunk. Longer than all timeouts of one request, so that those give the exact cause first."""

CHECK_SECONDS = 0.5

Result = TypeVar("Result")


class Progress:
    """The time of the download's last progress, and its latest problem. One thread writes, one reads."""

    def __init__(self) -> None:
        self.problem = ""
        self._last = time.monotonic()

    def record(self) -> None:
        self._last = time.monotonic()

    def idle_seconds(self) -> float:
        return time.monotonic() - self._last


def run_watched(work: Callable[[Progress], Result], stall_seconds: float = STALL_SECONDS) -> Result:
    """Run `work` in a thread, and return or raise what it does.

    A thread, because nothing else bounds a name lookup or an answer whose header arrives byte by byte. And because the
    main thread then handles a signal immediately, whatever the work waits for. A stalled thread is abandoned: the
    process ends.

    Raises:
        ModelError: `work` made no progress for `stall_seconds`.

    """
    progress, done = Progress(), Future[Result]()

    def run() -> None:
        try:
            done.set_result(work(progress))
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            done.set_exception(error)

    threading.Thread(target=run, name="download", daemon=True).start()
    while True:
        try:
            return done.result(CHECK_SECONDS)
        except TimeoutError:
            if done.done():
                raise
            if progress.idle_seconds() > stall_seconds:
                last = f"; before that: {progress.problem}" if progress.problem else ""
                raise ModelError(f"the download stands still: nothing came for {stall_seconds:.0f} s{last}") from None
