"""Find out several things at the same time, each within a limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from watcher.core.text import one_line
from watcher.errors import Rejected, Retryable, WatcherError

SECONDS = 12.0
"""Seconds for one fact. Each call has a shorter limit; this one is for name servers and plugins that hang."""


def gathered(tasks: Mapping[str, Callable[[], Any]], seconds: float = SECONDS) -> dict[str, Any]:
    """Return what each task returned, or its error: one task never keeps the others from ending."""
    found: dict[str, Any] = {}

    def run(name: str, task: Callable[[], Any]) -> None:
        found[name] = result_of(task)

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in tasks.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = Retryable("Timeout", f"no result within {seconds:g} s")
    return {name: found.get(name, late) for name in tasks}


def result_of(task: Callable[[], Any]) -> Any:
    """Return what a task returned, or its error."""
    try:
        return task()
    except WatcherError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a check that cannot run says why, and the others go on
        return Rejected("Unexpected", f"unexpected {type(error).__name__}: {one_line(str(error), 300)}")
