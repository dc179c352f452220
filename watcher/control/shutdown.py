"""The end of the process: every part is stopped at the same time, and none can delay it."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()


class StopSignals:
    """SIGTERM and SIGINT, caught from here on. Create it in the main thread."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)  # as `set_wakeup_fd` requires
        signal.set_wakeup_fd(self._writer.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)  # only signals with a handler in Python wake the socket

    def wait(self) -> None:
        """Return when a signal has arrived.

        The system may deliver a signal to any thread, and that alone does not wake this one: a wait for a lock or a
        queue would go on until the next signal. So Python writes a byte to a socket, in whichever thread that is, and
        this thread waits for the byte.
        """
        self._reader.recv(1)


def stop_all(seconds: float, **parts: Callable[[], None]) -> None:
    """Call each part's stop function, all at the same time; return when all have returned, or after `seconds`.

    What is still waiting for a store or an API server then ends with the process. Applying is safe to repeat, so the
    next start continues where this one ended.
    """
    deadline = time.monotonic() + seconds
    threads = {name: threading.Thread(target=stop, name=f"stop-{name}", daemon=True) for name, stop in parts.items()}
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    unfinished = [name for name, thread in threads.items() if thread.is_alive()]
    if unfinished:
        log.warning("stopping without waiting any longer", seconds=seconds, unfinished=unfinished)
