"""The watcher's errors, classed by what the caller should do.

WatcherError
├── Retryable   trying again may help: the store is down, the API server is busy
└── Rejected    a person must act: a broken values.yaml, a foreign object in the way
"""


class WatcherError(Exception):
    """An error with a CamelCase ``reason`` (for metrics and Events) and a sentence for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Retryable(WatcherError):  # noqa: N818 - named by what the caller does
    """Trying again may help."""


class Rejected(WatcherError):  # noqa: N818 - named by what the caller does
    """A person must act; trying again with the same input fails in the same way."""
