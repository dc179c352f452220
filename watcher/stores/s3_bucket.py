"""The S3 bucket as the reconciler sees it: a complete listing, and small reads."""

from __future__ import annotations

from datetime import UTC, datetime

from minio import Minio
from minio.datatypes import Object

from watcher.core.types import StoredObject
from watcher.stores.client import translated


class S3Bucket:
    """Implements the reconciler's `Bucket`. Thread-safe."""

    def __init__(self, client: Minio, name: str) -> None:
        self._client = client
        self.name = name

    def list(self, prefix: str = "") -> list[StoredObject]:
        """Every object under `prefix`, complete or an error: never a part."""
        with translated(f"listing bucket {self.name}"):
            found = self._client.list_objects(self.name, prefix=prefix, recursive=True)
            return [_stored(item) for item in found if not item.is_dir]

    def read(self, key: str, limit: int) -> bytes:
        """The object's first `limit` + 1 bytes, so that the caller can tell that it is too large."""
        with translated(f"reading {self.source(key)}"):
            response = self._client.get_object(self.name, key, length=0)
            try:
                return response.read(limit + 1)
            finally:
                response.close()
                response.release_conn()

    def source(self, key: str) -> str:
        return f"s3://{self.name}/{key}"


def _stored(item: Object) -> StoredObject:
    return StoredObject(
        key=item.object_name or "",
        etag=(item.etag or "").strip('"'),
        size=item.size or 0,
        modified=item.last_modified or datetime.now(UTC),
    )
