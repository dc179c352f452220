"""The S3 bucket as the reconciler reads it: a complete listing, and small reads."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from minio.datatypes import Object

from watcher.core.types import StoredObject
from watcher.errors import Retryable
from watcher.stores.base import NO_SUCH_KEY, Progress, changed
from watcher.stores.client import StoreClient, read_at_most
from watcher.stores.etags import part_bytes

MAX_OBJECTS = 1_000_000
"""A listing takes about 400 bytes of memory for each object. A bucket of models has some thousands."""
MAX_PAGES = MAX_OBJECTS // 100
"""Stores may return pages that are not full, even empty ones, but not without end."""

CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", NO_SUCH_KEY})
"""S3 error codes of a conditional write that came too late."""
NOT_IMPLEMENTED = "NotImplemented"


class S3Bucket:
    """Implements `WritableBucket` with an S3 store. Thread-safe."""

    def __init__(self, client: StoreClient, name: str) -> None:
        self._client = client
        self.name = name

    def signing_time(self) -> datetime:
        """Return the current time by the store's clock, as far as the store has shown that ours differs."""
        return self._client.signing_time()

    def list(self, prefix: str = "") -> list[StoredObject]:
        """Return every object under `prefix`, complete or an error: never a part."""
        return [stored(item) for item in self._objects(prefix) if not item.is_dir]

    def read(self, key: str, limit: int) -> bytes:
        """Return the object's first `limit` + 1 bytes, so that the caller can see that it is too large."""
        with self._client.call(f"reading {self.source(key)}"):
            return read_at_most(self._client.get_object(self.name, key), limit + 1)

    def put(self, key: str, content: bytes | Path, progress: Progress = lambda _: None) -> None:
        """Write an object, a large file in parts. A file has no limit of time as a whole.

        After a failure or Ctrl-C no parts stay in the store, where nobody would see them, and they would cost money.
        """
        doing = f"writing {self.source(key)}"
        if isinstance(content, bytes):
            with self._client.call(doing):
                self._client.put_object(self.name, key, io.BytesIO(content), len(content))
            progress(len(content))
            return
        with self._client.call(doing, endless=True):
            self._put_file(key, content, progress)

    def replace(self, key: str, content: bytes, etag: str) -> None:
        """Write an object that still has this ETag or, for "", that does not exist yet.

        A store that does not support the condition writes without it.
        """
        try:
            with self._client.call(f"writing {self.source(key)}"):
                self._client.put_if(self.name, key, content, etag)
        except Retryable as error:
            if error.reason in CHANGED:
                raise changed(key) from error
            if error.reason != NOT_IMPLEMENTED:
                raise
            self.put(key, content)

    def _put_file(self, key: str, path: Path, progress: Progress) -> None:
        size = path.stat().st_size
        try:
            with path.open("rb") as file:
                counted = cast(BinaryIO, Counted(file, progress))
                self._client.put_object(
                    self.name, key, counted, size, part_size=part_bytes(size), num_parallel_uploads=1
                )
        except KeyboardInterrupt:  # minio-py removes the parts after an `Exception` only
            self._client.abort_uploads(self.name, key)
            raise

    def remove(self, keys: Iterable[str]) -> None:
        """Delete objects one by one: some stores lack the deletion of many."""
        for key in keys:
            with self._client.call(f"deleting {self.source(key)}"):
                self._client.remove_object(self.name, key)

    def source(self, key: str) -> str:
        """Return the URL of an object, for people and for the download."""
        return f"s3://{self.name}/{key}"

    def close(self) -> None:
        """End every call now, and each later one at its start. Safe to repeat."""
        self._client.close()

    def _objects(self, prefix: str) -> Iterator[Object]:
        """Yield the objects page by page.

        Raises:
            Retryable: the listing has no end, or contradicts itself. Defective S3 servers repeat a page without end.

        """
        token, tokens, last, found = "", set[str](), "", 0
        for _ in range(MAX_PAGES):
            with self._client.call(f"listing bucket {self.name}"):
                page = self._client.page(self.name, prefix, token)
                for item in page.objects:
                    last = ascending(last, item.object_name or "")
                token, found = page.token, found + len(page.objects)
                if token in tokens:
                    raise Retryable("StoreUnusable", "the store returned the same continuation token twice")
                tokens.add(token)
            yield from page.objects
            if not token:
                return
            if found > MAX_OBJECTS:
                break
        problem = f"more than {MAX_OBJECTS} objects or {MAX_PAGES} pages: use a bucket for models alone"
        raise Retryable("StoreUnusable", f"listing bucket {self.name}: {problem}")


class Counted(io.RawIOBase):
    """A file that reports how many bytes were read from it."""

    def __init__(self, file: io.BufferedReader, progress: Progress) -> None:
        self._file, self._progress = file, progress

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        chunk = self._file.read(size)
        self._progress(len(chunk))
        return chunk


def ascending(last: str, key: str) -> str:
    """Return `key` if it may follow `last` in a listing.

    S3 orders keys by their bytes. Gateways in front of a file system walk it folder by folder, which puts `a/b` before
    `a-b`. Either order is accepted: a listing that begins again violates both.

    Raises:
        Retryable: the key repeats or precedes one before it.

    """
    if last and key <= last and key.split("/") <= last.split("/"):
        raise Retryable("StoreUnusable", f"the store lists '{key}' after '{last}': a listing must ascend")
    return key


def stored(item: Object) -> StoredObject:
    """Return an object of a listing in our terms."""
    return StoredObject(
        key=item.object_name or "",
        etag=strong_etag(item.etag or ""),
        size=item.size or 0,
        modified=item.last_modified or datetime.now(UTC),
    )


def strong_etag(etag: str) -> str:
    """Return the ETag without quotes and without the `W/` that proxies add when they compress an answer."""
    return etag.strip().removeprefix("W/").strip('"')
