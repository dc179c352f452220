"""A folder as the bucket: for trying the product with Python alone."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from watchfiles import watch

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


def follow(root: Path, hint: Callable[[str], None], report: Callable[[str], None], stop: threading.Event) -> None:
    """Call `hint(key)` for what changes under `root`, once it has been quiet for longer than files need to settle.

    What is no file any more may be a folder that was moved with all its files: that hints at everything.
    `report` is told what keeps it from following, or "" when nothing does. A folder that is not there is waited for
    and never made: a mistyped path should be seen, and an unmounted one should not look empty.
    """
    while not root.is_dir():
        report(f"there is no folder {root}")
        if stop.wait(SETTLE_SECONDS):
            return
    report("")
    hint("")
    quiet = int(SETTLE_SECONDS * 1000) + 100
    for changes in watch(root.resolve(), stop_event=stop, step=quiet, debounce=60_000, rust_timeout=500):
        for _, path in changes:
            hint(Path(path).relative_to(root.resolve()).as_posix() if Path(path).is_file() else "")
