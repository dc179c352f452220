"""A folder as the bucket: for trying the product with Python alone."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from watcher.core.types import StoredObject
from watcher.errors import Rejected, Retryable
from watcher.stores.base import NO_SUCH_KEY, Progress, changed

SETTLE_SECONDS = 0.25
"""A file younger than this may still be written: unlike an upload, a copy is visible half done."""

Identity = tuple[int, int, int]
"""A file's modification time, size and inode: while they are the same, so is the content."""


def folder_of(store: str) -> Path | None:
    """Return the folder of `folder:PATH`; None for `s3`.

    Raises:
        Rejected: `Malformed`, it is neither.

    """
    if store == "s3":
        return None
    kind, _, path = store.partition(":")
    if kind != "folder" or not path:
        raise Rejected("Malformed", f"--store {store}: expected s3 or folder:PATH")
    return Path(path)


class FolderBucket:
    """Implements `WritableBucket` with a folder. The ETag is the MD5 of the content, as S3's is of a simple upload."""

    def __init__(self, root: Path, now: Callable[[], float] = time.time) -> None:
        self.name = str(root)
        self._root = root.resolve()
        self._now = now
        self._seen: dict[Path, tuple[Identity, StoredObject]] = {}
        self._lock = threading.Lock()

    def list(self, prefix: str = "") -> list[StoredObject]:
        """Return every settled file under `prefix`, and each one that is being written as it was before."""
        if not self._root.is_dir():
            raise Retryable("StoreUnreachable", f"listing {self._root}: there is no such folder")
        try:
            with self._lock:
                return list(self._files(self._root / prefix))
        except OSError as error:
            raise Retryable("StoreUnreachable", f"listing {self._root}: {error.strerror}") from error

    def read(self, key: str, limit: int) -> bytes:
        """Return the file's first `limit` + 1 bytes."""
        try:
            with self._open(key) as file:
                return file.read(limit + 1)
        except FileNotFoundError as error:
            raise Retryable(NO_SUCH_KEY, f"reading {key}: there is no such file") from error
        except OSError as error:
            raise Retryable("StoreUnreachable", f"reading {key}: {error.strerror}") from error

    def put(self, key: str, content: bytes | Path, progress: Progress = lambda _: None) -> None:
        """Write a file, which appears by a rename, so that the watcher never sees a part of it."""
        target = self._written(key)
        partial = target.parent / f".{target.name}.{os.getpid()}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.unlink(missing_ok=True)
            with partial.open("xb") as file:  # fails, and follows nothing, if somebody else is faster
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    with content.open("rb") as given:
                        shutil.copyfileobj(given, file)
            progress(partial.stat().st_size)
            partial.replace(target)
        except OSError as error:
            raise Retryable("StoreUnreachable", f"writing {key}: {error.strerror}") from error
        finally:  # after a full disk or Ctrl-C too
            with suppress(OSError):
                partial.unlink()

    def replace(self, key: str, content: bytes, etag: str) -> None:
        """Write a file that still has this ETag or, for "", that does not exist yet."""
        try:
            with self._open(key) as file:
                found = hashlib.file_digest(file, "md5").hexdigest()
        except FileNotFoundError:
            found = ""
        except OSError as error:
            raise Retryable("StoreUnreachable", f"reading {key}: {error.strerror}") from error
        if found != etag:
            raise changed(key)
        self.put(key, content)

    def remove(self, keys: Iterable[str]) -> None:
        """Delete files, and the folders that this leaves empty, which S3 would not have."""
        for key in keys:
            path = self._written(key)
            try:
                path.unlink(missing_ok=True)
                while (path := path.parent) != self._root and path.is_dir() and not any(path.iterdir()):
                    path.rmdir()
            except OSError as error:
                raise Retryable("StoreUnreachable", f"deleting {key}: {error.strerror}") from error

    def source(self, key: str) -> str:
        """Return the file's URL."""
        return (self._root / key).as_uri()

    def close(self) -> None:
        """Do nothing: a folder has no connections."""

    def _written(self, key: str) -> Path:
        """Return the path of a key for writing.

        Raises:
            Rejected: `Malformed`, one of its folders is a symbolic link.

        """
        path = self._root / key
        if self._is_by_link(path.parent):
            raise Rejected("Malformed", f"{key}: a folder of its path in {self._root} is a symbolic link")
        return path

    def _is_by_link(self, path: Path) -> bool:
        """Return whether a path, or a folder on the way to it, is a symbolic link, which may lead anywhere."""
        return any(part.is_symlink() for part in (path, *path.parents) if part.is_relative_to(self._root))

    def _open(self, key: str) -> io.BufferedReader:
        """Open a file for reading, from folder to folder, and follow no symbolic link."""
        *folders, name = key.split("/")
        at = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for folder in folders:
                inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
                os.close(at)
                at = inner
            # Not blocking: a pipe would wait for somebody who writes.
            return os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at), "rb")
        finally:
            os.close(at)

    def _files(self, folder: Path) -> Iterator[StoredObject]:
        """Iterate over the objects under `folder`, and forget the files of it that are gone."""
        paths = {path for path in folder.rglob("*") if path.is_file() and not self._is_by_link(path)}
        for gone in [path for path in self._seen if path not in paths and path.is_relative_to(folder)]:
            del self._seen[gone]
        return (item for item in map(self._stored, sorted(paths)) if item)

    def _stored(self, path: Path) -> StoredObject | None:
        """Return the file as an object; while it is being written, as it was before (None for a new one)."""
        try:
            stat = path.stat()
        except FileNotFoundError:
            return None
        identity = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        before = self._seen.get(path)
        # A time in the future says that the clock was set back, and not that the file is being written.
        is_young = abs(self._now() - stat.st_mtime) < SETTLE_SECONDS
        if before and (before[0] == identity or is_young):
            return before[1]
        if is_young:
            return None
        with self._open(path.relative_to(self._root).as_posix()) as file:
            etag = hashlib.file_digest(file, "md5").hexdigest()
        found = StoredObject(
            path.relative_to(self._root).as_posix(), etag, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC)
        )
        self._seen[path] = (identity, found)
        return found
