"""Hints from MinIO's ListenBucketNotification: one HTTP response that carries an event a line, without an end.

A hint names a key that may have changed. A hint without a key says that anything may have.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import structlog
import urllib3

from watcher.core.backoff import CEILING, SHARED_CEILING, retry_delay
from watcher.errors import Rejected, Retryable, WatcherError
from watcher.net.lines import LineTooLong, lines_of
from watcher.sources.base import Reporter
from watcher.sources.notification import keys_of, parse
from watcher.stores.client import StoreClient
from watcher.stores.endpoint import Endpoint

log = structlog.get_logger()

EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
UNSUPPORTED = "StreamUnsupported"
SILENT_PINGS = 3
"""MinIO sends bytes every `ping` seconds. After three pings of silence the stream is not live, even
if its socket is open."""
SHORTEST_PAUSE = 1.0
"""Seconds from the end of a stream to the next connection, at least."""
LASTING_SECONDS = 60.0
"""Seconds. A stream that lasted this long worked, whatever ended it: the next pause is the shortest again."""
LINE_LIMIT = 1024 * 1024
"""Bytes. One event has about one kilobyte; a stream without line ends must not fill the memory."""


class ListenStream(threading.Thread):
    """Implements `Source`: follows the stream on a connection of its own, until `stop`.

    minio-py's own reader reconnects in a tight loop and hides keep-alives, so this class reads the stream itself.
    After every (re)connect it hints at the whole bucket: events of the time between were lost.
    """

    source = "listen"

    def __init__(self, endpoint: Endpoint, region: str, bucket: str, ping: int, reporter: Reporter) -> None:
        super().__init__(name=self.source, daemon=True)
        self._bucket, self._ping, self._reporter = bucket, ping, reporter
        self._silence = SILENT_PINGS * ping
        self._client = StoreClient(endpoint, region, read_seconds=self._silence, retries=0)
        self._halt = threading.Event()

    def start(self) -> None:
        """Report the source as not live, and begin to connect."""
        self._reporter.down("connecting")
        super().start()

    def stop(self) -> None:
        """End the stream at once, and connect no more."""
        self._halt.set()
        self._client.close()

    def run(self) -> None:
        """Follow the stream until `stop`; connect again with backoff."""
        failures = 0
        while not self._halt.is_set():
            began = time.monotonic()
            error = self._follow()
            failures = 1 if time.monotonic() - began >= LASTING_SECONDS else failures + 1
            if not self._halt.is_set() and self._reporter.down(str(error)):
                log.warning("listen stream is not live", reason=str(error))
            self._halt.wait(pause_after(failures, error))

    def _follow(self) -> WatcherError:
        """Pass hints on until the stream ends. Return why it ended."""
        doing = "following the listen stream"
        try:
            with self._client.call(doing, endless=True):
                for line in self._lines():
                    self._receive(line)
        except WatcherError as error:
            return error
        except Exception as error:  # whatever a store sends: the thread must go on, and the status say why
            log.debug("unexpected", exc_info=True)
            return Retryable("Unexpected", f"{doing}: unexpected {type(error).__name__}: {error}")
        return Retryable("StreamEnded", "the store closed the stream")

    def _receive(self, line: bytes) -> None:
        """Pass on the hints of one line. The first line of a connection, a keep-alive too, shows that it is live."""
        if not self._reporter.live:
            self._reporter.up()
            log.info("listen stream is live", bucket=self._bucket)
            self._reporter.hint()
        try:
            keys = keys_of(parse(line), self._bucket, escaped=False)
        except Rejected:
            return
        for key, deleted in keys:
            self._reporter.hint(key, deleted=deleted)

    def _lines(self) -> Iterator[bytes]:
        """Yield the stream's lines. A read that times out is a stream that is not live."""
        try:
            with closing(self._client.notifications(self._bucket, EVENTS, self._ping)) as response:
                check(response)
                yield from lines_of(response, LINE_LIMIT)
        except LineTooLong as error:
            raise Retryable("StreamUnusable", f"the listen stream sent {error}") from error
        except urllib3.exceptions.ReadTimeoutError as error:
            raise Retryable("StreamNotLive", f"no bytes for {self._silence} s; polling meanwhile") from error


def pause_after(failures: int, error: WatcherError) -> float:
    """Return the seconds until the next connection. Pure.

    A store that has no stream gets none soon; every other one may be back at any moment.
    """
    ceiling = CEILING if error.reason == UNSUPPORTED else SHARED_CEILING
    return max(SHORTEST_PAUSE, retry_delay(failures, ceiling))


def check(response: urllib3.BaseHTTPResponse) -> None:
    """Raise Retryable if the response is not a stream.

    AWS and others ignore the query and return a listing: XML, where the stream is JSON.
    """
    if "xml" in response.headers.get("Content-Type", ""):
        raise Retryable(UNSUPPORTED, "the store has no listen stream: polling, or use the webhook")
