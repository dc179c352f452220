"""Any exception → a reason for metrics and a sentence for people. Pure."""

from __future__ import annotations

from watcher.core.text import one_line
from watcher.errors import WatcherError

UNEXPECTED = "Unexpected"
"""The reason of an error that no adapter has translated. It is a defect of the watcher; the cause stays visible."""


def describe(error: Exception) -> tuple[str, str]:
    """Return the reason and the sentence of an error, whoever raised it."""
    if isinstance(error, WatcherError):
        return error.reason, one_line(str(error))
    cause = one_line(f"{type(error).__name__}: {error}", 500)
    return UNEXPECTED, f"unexpected error, please report it (details: --log-level debug): {cause}"
