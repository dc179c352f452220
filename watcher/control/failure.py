"""Any exception → a reason for metrics and a sentence for people. Pure."""

from __future__ import annotations

from watcher.core.text import one_line
from watcher.errors import Rejected, WatcherError

UNEXPECTED = "Unexpected"
"""The reason of an error that no adapter has translated. It is a defect of the watcher; the cause stays visible."""

OF_THE_MODEL = frozenset(
    {"AboveCeiling", "Contested", "EmptyFile", "Invalid", "InvalidValues", "TrialServes", UNEXPECTED}
)
"""The reasons that are one model's own: the same files fail in the same way, whatever else is mended."""


def cause_of(error: Exception, namespace: str) -> str | None:
    """Return what a failure has in common with those of other models; None if it is the model's own.

    That is the store and the API server as a whole, "", or the namespace, where a person has to change something.
    """
    if describe(error)[0] in OF_THE_MODEL:
        return None
    return namespace if isinstance(error, Rejected) else ""


def describe(error: Exception) -> tuple[str, str]:
    """Return the reason and the sentence of an error, whoever raised it."""
    if isinstance(error, WatcherError):
        return error.reason, one_line(str(error))
    cause = one_line(f"{type(error).__name__}: {error}", 500)
    return UNEXPECTED, f"unexpected error, please report it (details: --log-level debug): {cause}"
