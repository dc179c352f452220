"""The error of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from watcher.errors import WatcherError


class Error(Exception):
    """What went wrong, in one sentence; `reason` is the same for programs, such as `ModelFailed` or `NoWatcher`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn the client's errors into this package's, without the traceback of the client."""
    try:
        yield
    except WatcherError as error:
        raise Error(error.reason, str(error)) from None
