"""Hints that something changed in the bucket. A hint only makes the next look happen now; it decides nothing."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import unquote_plus

import structlog
import urllib3
from tenacity import RetryCallState, wait_exponential_jitter

from watcher.errors import Rejected, Retryable, WatcherError
from watcher.sources.base import Health
from watcher.stores.client import Endpoint, translated

log = structlog.get_logger()

EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
SILENT_PINGS = 3
"""A healthy stream shows bytes every ping; without any for three of them it is not live, whatever its socket says."""

Hint = Callable[[str], None]
"""Called with a key; an empty key means that anything may have changed."""


def keys_of(notification: Any, bucket: str, *, escaped: bool) -> list[str]:
    """The keys in an S3 notification document; other buckets' records and malformed ones are passed over.

    The webhook escapes keys as in a query (`user+1%2Fm`), the listen stream does not.
    """
    records = notification.get("Records") if isinstance(notification, dict) else None
    found = []
    for record in records or []:
        try:
            name, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
        except (KeyError, TypeError):
            continue
        if name == bucket and isinstance(key, str):
            found.append(unquote_plus(key) if escaped else key)
    return found


class Webhook:
    """What `POST /events` does; the web layer only translates."""

    source = "webhook"

    def __init__(self, token: str, bucket: str, hint: Hint, sources: Health) -> None:
        self._token, self._bucket, self._hint, self._sources = token, bucket, hint, sources
        sources.report(self.source, live=bool(token), detail="" if token else "off: set KUBESERVE_WEBHOOK_TOKEN")

    def receive(self, authorization: str, body: bytes) -> int:
        """Take a notification; the number of hints it gave.

        Raises:
            Rejected: `Unauthorized` (or no token is configured), or `Malformed` when the body is not JSON.

        """
        expected = f"Bearer {self._token}"
        if not self._token or not hmac.compare_digest(expected.encode(), authorization.encode()):
            raise Rejected("Unauthorized", "the bearer token is missing or wrong")
        try:
            document = json.loads(body or b"{}")
        except ValueError as error:
            raise Rejected("Malformed", "the body is not JSON") from error
        keys = keys_of(document, self._bucket, escaped=True)
        for key in keys:
            self._hint(key)
        self._sources.count(self.source, len(keys))
        return len(keys)


class ListenStream(threading.Thread):
    """Follows MinIO's ListenBucketNotification on a connection of its own, until `halt` is set.

    minio-py's own reader reconnects in a tight loop and hides keep-alives, so this reads the stream itself. After
    every (re)connect it hints at the whole bucket: what happened while it was away was heard by nobody.
    """

    source = "listen"

    def __init__(
        self, s3: Endpoint, bucket: str, ping: int, *, hint: Hint, sources: Health, halt: threading.Event
    ) -> None:
        super().__init__(name="listen-stream", daemon=True)
        self._s3, self._bucket, self._ping, self._hint = s3, bucket, ping, hint
        self._sources, self._halt = sources, halt
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=5, read=SILENT_PINGS * ping), retries=False, maxsize=1
        )
        sources.report(self.source, live=False, detail="connecting")

    def run(self) -> None:
        backoff = wait_exponential_jitter(initial=1, max=60)
        failures = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
        while not self._halt.is_set():
            try:
                self._follow(failures)
                detail = "the store closed the stream"
            except WatcherError as error:
                detail = str(error)
            self._lost(detail)
            self._halt.wait(backoff(failures))
            failures.attempt_number += 1

    def _follow(self, failures: RetryCallState) -> None:
        with translated("following the listen stream"):
            for line in self._lines():
                if not self._sources.is_live(self.source):
                    self._live(failures)
                self._take(line)

    def _live(self, failures: RetryCallState) -> None:
        failures.attempt_number = 1
        self._sources.report(self.source, live=True)
        log.info("listen stream is live", bucket=self._bucket)
        self._hint("")

    def _lines(self) -> Iterator[bytes]:
        """The stream's lines; a read that times out is a stream that is not live."""
        url = self._s3.presigned(
            "GET", self._bucket, [*(("events", name) for name in EVENTS), ("ping", str(self._ping))]
        )
        try:
            with closing(self._pool.request("GET", url, preload_content=False)) as response:
                self._check(response)
                yield from response
        except urllib3.exceptions.ReadTimeoutError as error:
            silence = SILENT_PINGS * self._ping
            raise Retryable("StreamNotLive", f"no bytes for {silence} s; polling meanwhile") from error

    def _check(self, response: urllib3.BaseHTTPResponse) -> None:
        """AWS and others ignore the query and answer with a listing: XML, where the stream is JSON."""
        if response.status != 200:  # noqa: PLR2004 - HTTP's own number
            raise Retryable("StreamRefused", f"the store refused the stream with HTTP {response.status}")
        if "xml" in response.headers.get("Content-Type", ""):
            raise Retryable("StreamUnsupported", "the store has no listen stream; polling, or the webhook, serves")

    def _take(self, line: bytes) -> None:
        try:
            document = json.loads(line)
        except ValueError:
            return
        keys = keys_of(document, self._bucket, escaped=False)
        for key in keys:
            self._hint(key)
        self._sources.count(self.source, len(keys))

    def _lost(self, detail: str) -> None:
        if not self._halt.is_set() and self._sources.report(self.source, live=False, detail=detail):
            log.warning("listen stream is not live", reason=detail)
