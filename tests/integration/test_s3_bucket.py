"""What a client writes into the real MinIO: large files in parts, and nothing left of an interrupted upload."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from minio import time as minio_time

from watcher.errors import Rejected, Retryable
from watcher.stores.client import StoreClient
from watcher.stores.endpoint import Endpoint
from watcher.stores.etags import etags_of
from watcher.stores.s3_bucket import S3Bucket

KEY = "team/iris/v1/model.joblib"
MIB = 1024 * 1024


@pytest.fixture
def store(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> S3Bucket:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", bucket.server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", bucket.server.secret_key)
    client = StoreClient(Endpoint.of(bucket.server.url, secure=False), "us-east-1")
    return S3Bucket(client, bucket.name)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.joblib"
    path.write_bytes(hashlib.shake_256(b"seed").digest(12 * MIB))
    return path


def unfinished(bucket: Any) -> list[str]:
    return [item.object_name for item in bucket.client._list_multipart_uploads(bucket.name, prefix=KEY).uploads]


def test_put_of_a_large_file_sends_parts_and_counts_every_byte(store: S3Bucket, bucket: Any, large: Path) -> None:
    sent: list[int] = []
    store.put(KEY, large, sent.append)
    assert sum(sent) == large.stat().st_size
    assert len(sent) > 2
    (found,) = store.list("team/iris/")
    assert found.size == large.stat().st_size
    assert found.etag.endswith("-3")
    assert found.etag == etags_of(large)[1]
    assert bucket.client.get_object(bucket.name, KEY).data == large.read_bytes()


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError])
def test_put_that_is_interrupted_leaves_nothing_in_the_store(
    failure: type[BaseException], store: S3Bucket, bucket: Any, large: Path
) -> None:
    counted = 0

    def interrupt(count: int) -> None:
        nonlocal counted
        counted += count
        if counted > 6 * MIB:
            assert unfinished(bucket) == [KEY]  # the first part is there
            raise failure

    with pytest.raises((KeyboardInterrupt, Retryable)):
        store.put(KEY, large, interrupt)
    assert unfinished(bucket) == []
    assert store.list() == []


def test_put_of_bytes_counts_them(store: S3Bucket) -> None:
    sent: list[int] = []
    store.put(KEY, b"model", sent.append)
    assert (sent, store.read(KEY, 10)) == ([5], b"model")


def test_remove_deletes_what_is_there_and_is_content_with_what_is_not(store: S3Bucket) -> None:
    store.put(KEY, b"model")
    store.put("team/iris/values.yaml", b"")
    store.remove([KEY, "team/iris/v9/model.joblib"])
    assert [item.key for item in store.list()] == ["team/iris/values.yaml"]


def test_put_with_a_wrong_password_says_so(store: S3Bucket, large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(Rejected, match="the secret key is wrong: check AWS_SECRET_ACCESS_KEY"):
        store.put(KEY, large)


def test_replace_writes_only_what_nobody_else_has_written(store: S3Bucket) -> None:
    key = "team/iris/values.yaml"
    store.replace(key, b"one", "")
    with pytest.raises(Retryable, match="changed by someone else"):
        store.replace(key, b"two", "")
    (found,) = store.list("team/iris/")
    store.replace(key, b"two", found.etag)
    with pytest.raises(Retryable, match="changed by someone else"):
        store.replace(key, b"three", found.etag)
    assert store.read(key, 10) == b"two"


def test_clock_that_is_an_hour_off_is_corrected_by_the_store_s_and_said(
    bucket: Any, store: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[timedelta] = []
    client = StoreClient(
        Endpoint.of(bucket.server.url, secure=False), "us-east-1", on_skew=lambda skew: found.append(skew)
    )
    skewed, now = S3Bucket(client, bucket.name), minio_time.utcnow
    for hours in (1, -1, 0):
        monkeypatch.setattr(minio_time, "utcnow", lambda hours=hours: now() + timedelta(hours=hours))
        if hours == -1:  # the first call is one whose answer has no body
            assert client.head(bucket.name, KEY, "")
        skewed.put(KEY, b"model")  # the real MinIO refuses a time that is off by 15 minutes
        assert skewed.read(KEY, 10) == b"model"
        assert [item.key for item in skewed.list()] == [KEY]
        assert abs(client.signing_time() - now()) < timedelta(minutes=1)
    assert [round(skew.total_seconds() / 3600) for skew in found] == [-1, 1, 0]


def test_clock_that_is_days_off_is_refused_in_words(store: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    now = minio_time.utcnow
    monkeypatch.setattr(minio_time, "utcnow", lambda: now() - timedelta(days=3))
    with pytest.raises(Rejected, match="the clocks of this machine and of the store differ"):
        store.list()
