"""Reaching the S3 store: client, credentials, and the SDK's errors in our words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider, IamAwsProvider, Provider
from minio.error import MinioException, S3Error
from minio.signer import presign_v4

from watcher.errors import Rejected, Retryable, WatcherError

NEEDS_A_PERSON = {
    "AccessDenied": "the credentials may not read it",
    "InvalidAccessKeyId": "the access key is unknown there: check AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the secret key is wrong: check AWS_SECRET_ACCESS_KEY",
    "NoSuchBucket": "there is no such bucket: create it, or check --bucket",
    "PermanentRedirect": "it is in another region: set --s3-region",
}


def split_endpoint(endpoint: str, secure: bool) -> tuple[str, bool]:
    """`host:port` or a URL → (host:port, secure); a URL's scheme overrides `secure`."""
    if "://" not in endpoint:
        return endpoint, secure
    parts = urlsplit(endpoint)
    return parts.netloc, parts.scheme == "https"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the store is, and how to speak to it."""

    host: str
    secure: bool
    region: str

    @classmethod
    def of(cls, endpoint: str, *, secure: bool, region: str) -> Endpoint:
        return cls(*split_endpoint(endpoint, secure), region)

    def client(self) -> Minio:
        """A client that gives up within seconds: the loop above it tries again, and reports meanwhile."""
        pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=5, read=30),
            retries=urllib3.Retry(total=2, backoff_factor=0.1, status_forcelist=(502, 503, 504)),
            maxsize=16,
        )
        return Minio(self.host, credentials=credentials(), secure=self.secure, region=self.region, http_client=pool)

    def presigned(self, method: str, bucket: str, query: Iterable[tuple[str, str]]) -> str:
        """A signed URL of the bucket itself, which the SDK makes only for objects. Good for ten minutes."""
        keys = credentials().retrieve()
        token = [("X-Amz-Security-Token", keys.session_token)] if keys.session_token else []
        scheme = "https" if self.secure else "http"
        url = urlsplit(f"{scheme}://{self.host}/{bucket}?{urlencode([*query, *token], quote_via=quote)}")
        signed = presign_v4(
            method=method,
            url=url,
            region=self.region,
            credentials=keys,
            date=datetime.now(UTC),
            expires=600,
        )
        return urlunsplit(signed)


def credentials() -> Provider:
    """`AWS_*` variables, the shared credentials file, then the platform's role."""
    return ChainedProvider([EnvAWSProvider(), AWSConfigProvider(), IamAwsProvider()])


def own_keys() -> tuple[str, str]:
    """The watcher's own access key and secret key, for pods that are given no others.

    Raises:
        Rejected: they are temporary; a pod that starts after they have expired could not fetch its model.

    """
    with translated("looking for S3 credentials"):
        found = credentials().retrieve()
    if found.session_token:
        advice = "set KUBESERVE_POD_AWS_ACCESS_KEY_ID and KUBESERVE_POD_AWS_SECRET_ACCESS_KEY"
        raise Rejected("TemporaryCredentials", f"the watcher's S3 credentials expire, and pods need some: {advice}")
    return found.access_key, found.secret_key


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn the SDK's errors into ours; the message says what was being done."""
    try:
        yield
    except S3Error as error:
        raise _from_s3(error, doing) from error
    except ParseError as error:
        advice = "check --s3-endpoint (MinIO's console has a port of its own)"
        raise Retryable("NoStore", f"{doing}: what answers there is not an S3 store: {advice}") from error
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
        raise Retryable("StoreUnreachable", f"{doing}: the store cannot be reached ({_short(error)})") from error
    except ValueError as error:
        if "providers fail" in str(error):
            advice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            raise Retryable("NoCredentials", f"{doing}: there are no S3 credentials: {advice}") from error
        raise Retryable("StoreUnusable", f"{doing}: {_short(error)}") from error


def _from_s3(error: S3Error, doing: str) -> WatcherError:
    if error.code in NEEDS_A_PERSON:
        return Rejected(error.code, f"{doing}: {NEEDS_A_PERSON[error.code]}")
    return Retryable(error.code or "StoreError", f"{doing}: {error.message or error.code}")


def _short(error: BaseException) -> str:
    """The innermost cause in one line: SDK messages wrap it several times."""
    while error.__context__ is not None or error.__cause__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
