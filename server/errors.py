"""The server's errors, by who can act on them: the client, the model's owner, or nobody, because they pass."""

from __future__ import annotations

from server.text import clean


class InputError(ValueError):
    """The request cannot be answered. The message names the problem and the place. HTTP 400."""


class TooLargeError(InputError):
    """The request asks for more than one request may cost. The message names the limit and its setting. HTTP 413."""


class ModelError(Exception):
    """The model cannot serve. The message says what its owner should do."""


class VersionError(ModelError):
    """The download fails because of the version's own files or values: with the same ones it would fail again."""


OWN_FAULT = 65
"""Exit code of a download that ended in a VersionError (EX_DATAERR of sysexits.h). Any other failure exits with 1."""

CANNOT_RUN = 75
"""Exit code of a server that could not run at all, whatever the model (EX_TEMPFAIL). Any other failure is the model's.

The watcher reads both codes (`watcher/core/fault.py`): a version that fails by its own fault is replaced by the last
good one, and is not tried again.
"""


class Overloaded(Exception):  # noqa: N818 - a state of the server, not an error in anything
    """More is queued than can be answered in time or kept in memory. HTTP 503.

    `retry_after` is in whole seconds, at least one.
    """

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def first_line(error: object) -> str:
    """Return the start of the error's first line in printable characters, or its type where it has no text.

    A library's or a model's error may repeat all that a client has sent.
    """
    lines = str(error).strip().splitlines()
    return (clean(lines[0]) if lines else "") or type(error).__name__
