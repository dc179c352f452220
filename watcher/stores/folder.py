"""A folder as the bucket: for trying the product with Python alone."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from watcher.core.types import StoredObject
from watcher.errors import Retryable

SETTLE_SECONDS = 0.25
"""A file younger than this may still be written: unlike an upload, a copy is visible half done."""


class FolderBucket:
    """Implements the reconciler's `Bucket`. The ETag is the MD5 of the content, as S3's is of a simple upload."""

    def __init__(self, root: Path, now: Callable[[], float] = time.time) -> None:
        self.name = str(root)
        self._root = root.resolve()
        self._now = now
        self._seen: dict[Path, tuple[tuple[int, int, int], StoredObject]] = {}
        self._lock = threading.Lock()

    def list(self, prefix: str = "") -> list[StoredObject]:
        if not self._root.is_dir():
            raise Retryable("StoreUnreachable", f"listing {self._root}: there is no such folder")
        try:
            with self._lock:
                listed = [self._stored(path) for path in sorted((self._root / prefix).rglob("*")) if path.is_file()]
        except OSError as error:
            raise Retryable("StoreUnreachable", f"listing {self._root}: {error.strerror}") from error
        return [item for item in listed if item]

    def read(self, key: str, limit: int) -> bytes:
        try:
            with (self._root / key).open("rb") as file:
                return file.read(limit + 1)
        except OSError as error:
            raise Retryable("StoreUnreachable", f"reading {key}: {error.strerror}") from error

    def source(self, key: str) -> str:
        return (self._root / key).as_uri()

    def _stored(self, path: Path) -> StoredObject | None:
        """The file as an object; while it is being written, as it was before (None for a new one)."""
        stat = path.stat()
        identity = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        before = self._seen.get(path)
        if before and (before[0] == identity or self._now() - stat.st_mtime < SETTLE_SECONDS):
            return before[1]
        if self._now() - stat.st_mtime < SETTLE_SECONDS:
            return None
        with path.open("rb") as file:
            etag = hashlib.file_digest(file, "md5").hexdigest()
        found = StoredObject(
            path.relative_to(self._root).as_posix(), etag, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC)
        )
        self._seen[path] = (identity, found)
        return found
