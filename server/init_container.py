"""How the programs of a pod's init containers end: by a signal at once, or with one sentence and an exit code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn


def run(failed: str, work: Callable[[], None]) -> int:
    """Return the exit code of `work`. `failed` is what the log says of a failure."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    # These imports are slow. They come after the handlers, so that a signal during them ends the process as well.
    from server import logs  # noqa: PLC0415
    from server.errors import OWN_FAULT, ModelError, VersionError  # noqa: PLC0415

    logs.configure()
    try:
        work()
    except ModelError as error:
        logs.report_failure(failed, str(error))
        return OWN_FAULT if isinstance(error, VersionError) else 1
    return 0


def stop(number: int, _frame: FrameType | None) -> NoReturn:
    """End at once, with the exit code of a process that the signal ended.

    Without a handler the kernel would drop the signal: this process is PID 1 of its container.
    """
    sys.exit(128 + number)
