"""What the watcher needs of a bucket."""

from __future__ import annotations

from typing import Protocol

from watcher.core.types import StoredObject


class Bucket(Protocol):
    """The desired state. Errors are `WatcherError`s."""

    name: str

    def list(self, prefix: str = "") -> list[StoredObject]: ...
    def read(self, key: str, limit: int) -> bytes: ...
