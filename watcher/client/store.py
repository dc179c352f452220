"""The bucket of a context, to read and to write."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from watcher.client.contexts import KEYS, Context
from watcher.errors import Rejected
from watcher.stores.base import WritableBucket

if TYPE_CHECKING:
    from watcher.stores.client import StoreClient

CALL_SECONDS = 10.0
"""Seconds for a listing or a small file: a person waits, and the first listing shows that a store is stopped."""
READ_SECONDS = 30.0
"""Seconds without a byte: a store may need a while to finish a large upload, which has no limit as a whole."""


@contextmanager
def opened(context: Context) -> Iterator[WritableBucket]:
    """Open the bucket of a context, and close it afterwards.

    Raises:
        Rejected: the context's store, address, region or bucket is malformed; the sentence names which.

    """
    from watcher.stores.folder import FolderBucket, folder_of  # noqa: PLC0415 - --help is quick without it

    folder = folder_of(context.store)
    # All files count as settled: a command reads what the command before it has just written, and writes wholly.
    bucket = FolderBucket(folder, now=lambda: math.inf) if folder else _s3(context)
    try:
        yield bucket
    finally:
        bucket.close()


def _s3(context: Context) -> WritableBucket:
    from watcher.stores.s3_bucket import S3Bucket  # noqa: PLC0415 - as above

    return S3Bucket(s3_client(context), context.bucket)


def s3_client(context: Context, read_seconds: float = READ_SECONDS, retries: int | None = None) -> StoreClient:
    """Return a client of a context's store, with the context's keys if it has some.

    Raises:
        Rejected: as `opened`.

    """
    from watcher.stores.client import RETRIES, StoreClient  # noqa: PLC0415 - as above
    from watcher.stores.endpoint import Endpoint, bucket_problem  # noqa: PLC0415 - as above

    if problem := bucket_problem(context.bucket):
        raise Rejected("Malformed", f"bucket: {problem}")
    if context.access_key_id:
        os.environ.update(zip(KEYS, (context.access_key_id, context.secret_access_key), strict=True))
        os.environ.pop("AWS_SESSION_TOKEN", None)  # it belongs to other keys
    endpoint = Endpoint.of(context.s3_endpoint, secure=False)
    tries = RETRIES if retries is None else retries
    return StoreClient(endpoint, context.s3_region, call_seconds=CALL_SECONDS, read_seconds=read_seconds, retries=tries)
