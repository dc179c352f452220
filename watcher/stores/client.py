"""The client of one S3 store: minio-py with calls that end, pages that can be checked, and our errors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import unquote
from urllib.request import getproxies

import urllib3
from minio import Minio
from minio import time as minio_time
from minio.credentials.credentials import Credentials
from minio.datatypes import Object, Part, parse_list_objects
from minio.error import MinioException, S3Error
from minio.helpers import check_bucket_name

from watcher.errors import Rejected, Retryable
from watcher.net.calls import CALL_SECONDS, CONNECT_SECONDS, READ_SECONDS, Calls
from watcher.net.connections import PoolManager, ProxyManager
from watcher.stores.credentials import OwnCredentials
from watcher.stores.endpoint import Endpoint
from watcher.stores.failures import REFUSED_KEYS, translated

PAGE_KEYS = 1000
PAGE_BYTES = 16 * 1024 * 1024
"""A page of PAGE_KEYS has at most about 4 MB: keys of 1024 bytes, escaped to three times that, and 500 bytes around."""
RETRIES = 2
ROLE_SECONDS = 2.0
"""The metadata service is one hop away; where there is none, most networks drop the packets."""


MAY_BE_SKEWED = frozenset({"RequestTimeTooSkewed", "AccessDenied"})
"""S3's error codes for a signature whose time is more than 15 minutes from the store's: the second where the answer has
no body, as that to HEAD."""
SMALLEST_SKEW = timedelta(minutes=1)
"""A smaller difference matters to nobody, and is not corrected."""
LARGEST_SKEW = timedelta(days=1)
"""A larger one is not corrected: a signature for a far future could be used by whoever forged the answer's date."""
NO_SKEW = timedelta()
OnSkew = Callable[[timedelta], None]
"""Called with what the store's clock is ahead of ours, when that is found to have changed."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing. `token` continues it; "" if it is complete."""

    objects: Sequence[Object]
    token: str


class StoreClient(Minio):
    """A client that gives up within seconds: the control loop tries again, and reports meanwhile. Thread-safe.

    `call_seconds` limit a call with its retries, `read_seconds` each wait for bytes, also of a call without a limit.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        region: str,
        *,
        keys: tuple[str, str] | None = None,
        call_seconds: float = CALL_SECONDS,
        read_seconds: float = READ_SECONDS,
        retries: int = RETRIES,
        on_skew: OnSkew = lambda _: None,
    ) -> None:
        """Make no call yet. `keys`, an access key and a secret key, replace those of the environment."""
        self._url, self._call_seconds = endpoint.url, call_seconds
        self._calls = Calls()
        self._skew, self._on_skew = NO_SKEW, on_skew
        own = OwnCredentials(lambda url: pool_for(url, ROLE_SECONDS, ROLE_SECONDS, retries=0), keys)
        self._own_credentials = own
        pool = pool_for(endpoint.url, CONNECT_SECONDS, read_seconds, retries)
        try:
            super().__init__(endpoint.host, credentials=own, secure=endpoint.secure, region=region, http_client=pool)
        except ValueError as error:
            raise Rejected("Malformed", f"the S3 endpoint {endpoint.host} in region {region}: {error}") from error

    @contextmanager
    def call(self, doing: str, seconds: float | None = None, *, endless: bool = False) -> Iterator[None]:
        """Make one call within a limit, the client's own if none is given. `doing` begins an error's sentence.

        An `endless` call has no limit as a whole: it is a stream, or a large file.

        Raises:
            Retryable, Rejected: every failure of the call, as one of these two.

        """
        try:
            limit = None if endless else seconds or self._call_seconds
            with translated(doing, self._url), self._calls.call(limit):
                yield
        except (Retryable, Rejected) as error:
            if error.reason in REFUSED_KEYS:
                self._own_credentials.forget()
            raise

    def signing_time(self) -> datetime:
        """Return the current time by the store's clock, as far as the store has shown that ours differs."""
        return minio_time.utcnow() + self._skew

    def _build_headers(self, *arguments: Any, **options: Any) -> tuple[Any, datetime]:
        """Return the headers of a request and the time that its signature names."""
        headers, _ = super()._build_headers(*arguments, **options)
        date = self.signing_time()
        headers["x-amz-date"] = minio_time.to_amz_date(date)
        return headers, date

    def _url_open(self, *arguments: Any, **options: Any) -> urllib3.BaseHTTPResponse:
        """Make a request; if the store refuses it for its time, once more with the store's."""
        try:
            return super()._url_open(*arguments, **options)
        except S3Error as error:
            if error.code not in MAY_BE_SKEWED or not self._learn(error.response.headers.get("Date") or ""):
                raise
        return super()._url_open(*arguments, **options)

    def _learn(self, date: str) -> bool:
        """Take the difference of the clocks from an answer. Return False if it is as known, or cannot be believed."""
        try:
            skew = minio_time.from_http_header(date) - minio_time.utcnow()
        except ValueError:
            return False
        if abs(skew) > LARGEST_SKEW or abs(skew - self._skew) < SMALLEST_SKEW:
            return False
        self._skew = skew if abs(skew) > SMALLEST_SKEW else NO_SKEW
        self._on_skew(self._skew)
        return True

    def page(self, bucket: str, prefix: str, token: str) -> Page:
        """Return one page of a listing. minio-py's own listing follows tokens without showing them."""
        check_bucket_name(bucket, s3_check=self._base_url.is_aws_host)
        query = {
            "list-type": "2",
            "delimiter": "",
            "encoding-type": "url",
            "max-keys": str(PAGE_KEYS),
            "prefix": prefix,
        }
        if token:
            query["continuation-token"] = token
        response = self._execute("GET", bucket, query_params=cast(Any, query), preload_content=False)
        body = read_at_most(response, PAGE_BYTES + 1)
        if len(body) > PAGE_BYTES:
            raise Retryable("StoreUnusable", f"a page of the listing has more than {PAGE_BYTES} bytes")
        # minio-py's parser reads only `.data` of a response.
        objects, truncated, continuation, _ = parse_list_objects(cast(Any, SimpleNamespace(data=body)))
        if truncated and not continuation:
            raise Retryable("StoreUnusable", "the listing goes on, but the store does not say where")
        return Page(objects, (continuation or "") if truncated else "")

    def put_if(self, bucket: str, key: str, content: bytes, etag: str) -> None:
        """Write a small object if it has this ETag or, for "", if there is none. minio-py has no way to say so."""
        condition = {"If-Match": f'"{etag}"'} if etag else {"If-None-Match": "*"}
        self._put_object(bucket, key, content, {"Content-Type": "application/octet-stream", **condition})

    def abort_uploads(self, bucket: str, key: str) -> None:
        """Remove the parts of interrupted uploads of one key, as far as the store allows it."""
        with suppress(MinioException, urllib3.exceptions.HTTPError):
            for upload in self._list_multipart_uploads(bucket, prefix=key).uploads:
                if upload.object_name == key:
                    self._abort_multipart_upload(bucket, key, str(upload.upload_id))

    def notifications(self, bucket: str, events: Sequence[str], ping: int) -> urllib3.BaseHTTPResponse:
        """Return the response of MinIO's ListenBucketNotification, which has no end."""
        query = {"prefix": "", "suffix": "", "ping": str(ping), "events": list(events)}
        return self._execute("GET", bucket, query_params=cast(Any, query), preload_content=False)

    def completing(self, bucket: str, key: str) -> None:
        """Complete an upload in parts that was never begun, which always fails.

        The store says `NoSuchUpload` to who may write the object, and `AccessDenied` to all others. Nothing is written.
        """
        self._complete_multipart_upload(bucket, key, "never-begun", [Part(1, "d41d8cd98f00b204e9800998ecf8427e")])

    def credentials(self) -> Credentials:
        """Return the credentials that the next request is signed with."""
        with self.call("looking for S3 credentials"):
            return self._own_credentials.retrieve()

    def forget_credentials(self) -> None:
        """Ask the platform for new credentials at the next request."""
        self._own_credentials.forget()

    def region_of(self, bucket: str) -> str:
        """Return the region of a bucket: the given one, or the store's answer."""
        with self.call(f"asking for the region of bucket {bucket}"):
            return self._get_region(bucket)

    def head(self, bucket: str, key: str, version_id: str) -> dict[str, str]:
        """Return the headers of an object, in lower case, with its checksums."""
        found = self.stat_object(
            bucket, key, version_id=version_id or None, extra_headers={"x-amz-checksum-mode": "ENABLED"}
        )
        return {name.lower(): value for name, value in (found.metadata or {}).items()}

    def close(self) -> None:
        """End all calls in progress now. Calls that begin later fail at once. Safe to repeat."""
        self._calls.close()
        self._http.clear()


def read_at_most(response: urllib3.BaseHTTPResponse, limit: int) -> bytes:
    """Return the first `limit` bytes of a body, and release its connection."""
    try:
        return response.read(limit)
    finally:
        response.close()
        response.release_conn()


def pool_for(url: str, connect_seconds: float, read_seconds: float, retries: int) -> urllib3.PoolManager:
    """Return a pool for the host of `url`, through the proxy that the environment names for it.

    A failed attempt is repeated within half a second. Retry-After is ignored: with it a store or a proxy
    could stop everything for any time. The caller's own interval is the pause.
    """
    options: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=connect_seconds, read=read_seconds),
        "retries": urllib3.Retry(
            total=retries or False,  # without retries, urllib3 raises the error itself
            backoff_factor=0.1,
            status_forcelist=(502, 503, 504),
            respect_retry_after_header=False,
            raise_on_status=False,  # the body says more: SlowDown, for example
        ),
        "maxsize": 16,
        "ca_certs": os.environ.get("AWS_CA_BUNDLE") or None,
    }
    try:
        return _proxied(proxy, options) if (proxy := proxy_for(url)) else PoolManager(**options)
    except ValueError as error:
        variables = "HTTP_PROXY or HTTPS_PROXY"
        raise Rejected("Malformed", f"{variables}: expected http://host:port or https://host:port") from error


def _proxied(proxy: str, options: dict[str, Any]) -> PoolManager:
    user = urllib3.util.parse_url(proxy).auth
    headers = urllib3.make_headers(proxy_basic_auth=unquote(user)) if user else None
    return ProxyManager(proxy, proxy_headers=headers, **options)


def proxy_for(url: str) -> str:
    """Return the proxy for `url` by HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, or ""."""
    if not getproxies():
        return ""
    # 0.2 s of imports, which only those with a proxy need.
    from requests.utils import get_environ_proxies, select_proxy  # noqa: PLC0415

    proxy = select_proxy(url, get_environ_proxies(url)) or ""
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"
