"""The protocol of a bucket: what the watcher needs of the place where models are uploaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from watcher.core.types import StoredObject
from watcher.errors import Retryable


class Bucket(Protocol):
    """The desired state. Implemented by S3Bucket and FolderBucket. Thread-safe. Errors are `WatcherError`s.

    Every call ends within seconds; a listing has one limit a page.
    """

    @property
    def name(self) -> str:
        """The bucket's name, for people and logs."""
        ...

    def list(self, prefix: str = "") -> list[StoredObject]:
        """Return every object under `prefix`, complete or an error: never a part."""
        ...

    def read(self, key: str, limit: int) -> bytes:
        """Return the object's first `limit` + 1 bytes, so that the caller can see that it is too large."""
        ...

    def source(self, key: str) -> str:
        """Return the URL of an object, for people and for the download."""
        ...

    def close(self) -> None:
        """End every call now, and each later one at its start. Safe to repeat and from any thread."""
        ...


NO_SUCH_KEY = "NoSuchKey"
"""The reason of the `Retryable` of `read` where there is no such object."""

Progress = Callable[[int], None]
"""Called with the number of bytes that have just been sent."""


def changed(key: str) -> Retryable:
    """Return the error of `replace` for an object that someone else has written meanwhile."""
    return Retryable("Changed", f"{key} was changed by someone else at the same time: run the command again")


class WritableBucket(Bucket, Protocol):
    """A bucket as its users see it. The watcher itself only reads, unless it writes `_status.json`."""

    def put(self, key: str, content: bytes | Path, progress: Progress = lambda _: None) -> None:
        """Write an object, wholly or not at all, from bytes or from a file of any size."""
        ...

    def replace(self, key: str, content: bytes, etag: str) -> None:
        """Write an object that still has this ETag or, for "", that does not exist yet.

        Raises:
            Retryable: `Changed`, someone else has written it meanwhile; it is as they wrote it.

        """
        ...

    def remove(self, keys: Iterable[str]) -> None:
        """Delete objects; one that is not there is no error."""
        ...
