"""Open the files of a model in an S3 store with the keys of the environment, a shared file, or the platform's role."""

from __future__ import annotations

import os

import urllib3
from minio import Minio
from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider, IamAwsProvider, Provider
from minio.error import S3Error
from urllib3.exceptions import HTTPError

from server.download.causes import REASONS, explain
from server.download.network import Endpoint, connection_pool
from server.errors import ModelError
from server.paths import MODEL

ROLE_SECONDS = 2.0
"""Seconds. The platform's credential service is on this node, or not there at all."""


class KeyedFiles:
    """The files next to `s3://BUCKET/KEY`, and the model itself, whose name there may be another one."""

    reasons = REASONS
    packages = ""

    def __init__(self, source: str, endpoint: Endpoint) -> None:
        self.host = endpoint.host
        self._bucket, _, self._key = source.removeprefix("s3://").partition("/")
        try:
            self._client = Minio(
                endpoint.host,
                credentials=credentials(),
                secure=endpoint.secure,
                region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None,
                http_client=connection_pool(endpoint),
            )
        except ValueError as error:
            raise explain(error, source, endpoint.host) from error

    def open(self, name: str) -> urllib3.BaseHTTPResponse:
        """Return the answer with the bytes of a file."""
        return self._client.get_object(self._bucket, self._key_of(name))

    def open_optional(self, name: str) -> urllib3.BaseHTTPResponse | None:
        """Return the answer with the bytes of a file, None if the store has none of this name."""
        try:
            return self.open(name)
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise
            return None

    def digest_of(self, _name: str) -> str:
        """Return "": nothing is known of the bytes but their ETag."""
        return ""

    def _key_of(self, name: str) -> str:
        return self._key if name == MODEL else f"{self._key.rpartition('/')[0]}/{name}"


def credentials() -> Provider:
    """Return the credentials of `AWS_*` variables, of the shared credentials file, or of the platform's role.

    Raises:
        ModelError: there are none.

    """
    role = IamAwsProvider(http_client=urllib3.PoolManager(timeout=ROLE_SECONDS, retries=False))
    provider = ChainedProvider([EnvAWSProvider(), AWSConfigProvider(), role])
    try:
        provider.retrieve()
    except (ValueError, HTTPError, OSError) as error:
        raise ModelError(
            "there are no credentials for the store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from error
    return provider
