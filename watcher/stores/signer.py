"""Sign the URLs by which pods fetch the files of their model: one object each, for reading, for a time."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from minio import Minio
from minio.credentials.credentials import Credentials
from minio.credentials.providers import StaticProvider

from watcher.core.signed_files import SignedFile
from watcher.errors import Rejected, Retryable
from watcher.stores.base import NO_SUCH_KEY
from watcher.stores.client import StoreClient
from watcher.stores.endpoint import Endpoint
from watcher.stores.s3_bucket import strong_etag

LIFE = timedelta(days=7)
"""The longest that S3 allows."""
UNKNOWN_LIFE = timedelta(hours=1)
"""For temporary credentials that do not say when they expire: the default of AWS's AssumeRole."""
LEAST_LIFE = timedelta(minutes=1)
"""Credentials with less to live are replaced first, if the platform has new ones."""
ROLE = "role"
"""Stands for a key that says when it expires. The time of renewal then counts, not a change of the key."""
SHA256_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key, and how long what it signs now is valid.

    `by` differs for another key, and for another store, bucket or region. It shows nothing of the key.
    """

    credentials: Credentials
    by: str
    now: datetime
    life: timedelta


class UrlSigner:
    """Signs for the objects of one bucket. Thread-safe.

    `client` reads the store as the watcher does, with the key that signs; `pods` is where pods reach the store.
    """

    def __init__(
        self,
        client: StoreClient,
        bucket: str,
        pods: Endpoint,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client, self._bucket, self._pods, self._now = client, bucket, pods, now

    def key(self) -> SigningKey:
        """Return the key that signs now.

        Raises:
            Rejected, Retryable: there is none, or it has expired, or the store does not name the bucket's region.

        """
        found, now = self._client.credentials(), self._now()
        life = _life(found, now)
        if life < LEAST_LIFE:
            self._client.forget_credentials()
            found = self._client.credentials()
            life = _life(found, now)
        if life < timedelta(seconds=1):
            raise Retryable("ExpiredToken", "signing URLs for pods: the temporary credentials have expired")
        return SigningKey(found, self._by(found), now, life)

    def looked_up(self, file: SignedFile) -> SignedFile:
        """Return a file with what the store says of its bytes: the version that has them, and their SHA-256.

        If the object has other bytes by now, or is gone, the file is returned as it is: pods then say so.

        Raises:
            Rejected, Retryable: the key may not read the object, or the store does not answer.

        """
        headers = self._head(file.key)
        if headers is None or strong_etag(headers.get("etag", "")) != file.etag:
            return file
        found = replace(file, sha256=_sha256(headers))
        version_id = headers.get("x-amz-version-id") or ""
        if version_id in {"", "null"}:
            return found
        try:
            return replace(found, version_id=version_id if self._head(file.key, version_id) is not None else "")
        except Rejected:  # without s3:GetObjectVersion
            return found

    def signed(self, file: SignedFile, key: SigningKey) -> SignedFile:
        """Return a file with URLs for the version that has its bytes, if there are versions, and for the newest."""
        region = self._client.region_of(self._bucket)
        provider = StaticProvider(key.credentials.access_key, key.credentials.secret_key, key.credentials.session_token)
        minio = Minio(self._pods.host, credentials=provider, secure=self._pods.secure, region=region)
        urls = [
            minio.get_presigned_url(
                "GET", self._bucket, file.key, expires=key.life, request_date=key.now, version_id=version_id or None
            )
            for version_id in dict.fromkeys((file.version_id, ""))
        ]
        return replace(file, urls=tuple(urls))

    def _by(self, credentials: Credentials) -> str:
        """Return a digest of all that a URL depends on, except the object and the time."""
        keys = (credentials.access_key, credentials.secret_key, credentials.session_token or "")
        signed_by = (ROLE,) if credentials.expiration else keys
        parts = (self._pods.url, self._bucket, self._client.region_of(self._bucket), *signed_by)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def _head(self, key: str, version_id: str = "") -> dict[str, str] | None:
        """Return the headers of an object, in lower case, or None if there is none."""
        try:
            with self._client.call(f"reading s3://{self._bucket}/{key}"):
                return self._client.head(self._bucket, key, version_id)
        except Retryable as error:
            if error.reason not in {NO_SUCH_KEY, "NoSuchVersion"}:
                raise
            return None


def _life(credentials: Credentials, now: datetime) -> timedelta:
    if credentials.expiration:  # minio-py keeps it in UTC, without a time zone
        return min(LIFE, credentials.expiration.replace(tzinfo=UTC) - now)
    return UNKNOWN_LIFE if credentials.session_token else LIFE


def _sha256(headers: dict[str, str]) -> str:
    """Return the SHA-256 of the object in hexadecimal, if its uploader gave it to the store; "" otherwise.

    Of an upload in parts there is a digest of the parts' digests instead, with their number at its end.
    """
    try:
        found = base64.b64decode(headers.get("x-amz-checksum-sha256", ""), validate=True)
    except ValueError:
        return ""
    return found.hex() if len(found) == SHA256_BYTES else ""
