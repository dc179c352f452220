"""Follow the objects of a cluster: for each kind one list, and then one stream of what changes.

The API server ends each stream after STREAM_SECONDS, because the watcher asks for that, and the next one continues at
the last revision. So a connection that has died without a word, even behind a proxy that holds it open, is noticed
within SILENCE_SECONDS. Where anything is in doubt, the objects are listed again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from watcher.core.backoff import SHARED_CEILING, retry_delay
from watcher.core.text import one_line
from watcher.core.types import OWNER_LABEL, ModelId
from watcher.errors import WatcherError
from watcher.runtimes.kubernetes.answers import ApiError, object_problem, parsed
from watcher.runtimes.kubernetes.api import FORBIDDEN, NOT_FOUND, Api, Unreachable, translated
from watcher.runtimes.kubernetes.cluster_cache import ClusterCache
from watcher.runtimes.kubernetes.facts import Fact, PodFact, fact_of, pod_fact_of
from watcher.runtimes.kubernetes.objects import HTTP_ROUTE, POD, Objects

log = structlog.get_logger()

STREAM_SECONDS = 10
"""Seconds. The API server ends each stream after this time, which shows that it is alive."""
SILENCE_SECONDS = 14.0
"""Seconds. The limit of one stream: one that has not ended by then is dead."""
RECONNECT_INTERVAL = 1.0
"""Seconds. The least time between the starts of two streams of one kind, however soon the first one ends."""
EMPTY_SECONDS = 1.0
"""Seconds. A stream that ends sooner, without a line, was none: a proxy answers everything like that."""
REFUSED_PAUSE = 30.0
"""Seconds until the next try where watching is forbidden, or the cluster does not have the kind."""
FIRST_SECONDS = 10.0
"""Seconds that the first survey waits for the first lists, before it lists everything by itself."""
GONE = 410
"""The status of a revision that the API server no longer has."""

POD_SELECTOR = "app.kubernetes.io/name=model-serving"


class Reports(Protocol):
    """Where the health of the watch is shown."""

    def up(self, detail: str = "") -> bool: ...
    def down(self, reason: str) -> bool: ...


class Expired(Exception):  # noqa: N818 - named by what happened to the revision
    """The stream cannot continue at this revision."""


class ClusterWatch:
    """Implements `Source`: keeps a cache of the objects of some kinds in some namespaces (none: in all).

    After `subscribe`, `on_change` is called with each model of which an object has changed, in a thread of its own.
    `halted` ends every stream's waits.
    """

    name = "cluster"

    def __init__(
        self,
        api: Api,
        cache: ClusterCache,
        *,
        kinds: Iterable[str],
        owners: Iterable[str],
        namespaces: Iterable[str],
    ) -> None:
        self._lock, self.halted = threading.Lock(), threading.Event()
        self._reports: Reports | None = None
        self.on_change: Callable[[ModelId], None] = lambda _: None
        selector = f"{OWNER_LABEL} in ({','.join(owners)})"
        self._streams = [
            Stream(kind, namespace, selected, objects=Objects(api), cache=cache, watch=self)
            for namespace in (tuple(namespaces) or ("",))
            for kind, selected in (*((kind, selector) for kind in kinds), (POD, POD_SELECTOR))
        ]

    def subscribe(self, on_change: Callable[[ModelId], None], reports: Reports) -> None:
        """Set who is told of changes, and where the health is shown. Call it before `start`."""
        self.on_change, self._reports = on_change, reports

    def start(self) -> None:
        """Begin to list and to follow. Return at once."""
        if self._reports:
            self._reports.down("connecting")
        for stream in self._streams:
            stream.start()

    def stop(self) -> None:
        """Begin no further stream. Those that are open end when the Api is closed."""
        self.halted.set()

    def wait_for_first_lists(self) -> None:
        """Wait until each kind was listed, or could not be; at most FIRST_SECONDS."""
        deadline = time.monotonic() + FIRST_SECONDS
        for stream in filter(threading.Thread.is_alive, self._streams):
            stream.tried.wait(max(0.0, deadline - time.monotonic()))

    def is_live(self, namespace: str) -> bool:
        """Return whether the cache has everything of a namespace, as the API server had it SILENCE_SECONDS ago."""
        streams = [stream for stream in self._streams if stream.namespace in ("", namespace)]
        return bool(streams) and all(stream.live for stream in streams)

    def report(self) -> None:
        """Show whether all streams are live, and why not."""
        with self._lock:
            if self.halted.is_set() or not self._reports:
                return
            problem = next((stream.problem for stream in self._streams if not stream.live), None)
            if problem is None:
                if self._reports.up():
                    log.info("cluster watch is live")
            elif self._reports.down(problem or "connecting") and problem:
                log.warning("cluster watch is not live; every survey lists the cluster", reason=problem)


class Stream(threading.Thread):
    """Follows the objects of one kind in one namespace, or in all.

    `live` while the cache has them, and `problem` says why not. `tried` is set after the first list, or its failure.
    """

    def __init__(
        self,
        kind: str,
        namespace: str,
        selector: str,
        *,
        objects: Objects,
        cache: ClusterCache,
        watch: ClusterWatch,
    ) -> None:
        super().__init__(name=f"watch-{kind}-{namespace or 'all'}", daemon=True)
        self.kind, self.namespace, self.live, self.problem = kind, namespace, False, ""
        self.tried = threading.Event()
        self._selector, self._objects, self._cache, self._watch = selector, objects, cache, watch
        self._revision, self._has_received, self._opened = "", False, 0.0

    def run(self) -> None:
        """List and follow until the watch is stopped; after a failure, again with backoff."""
        failures = 0
        while not self._watch.halted.is_set():
            started = time.monotonic()
            pause = RECONNECT_INTERVAL
            try:
                with translated(f"watching {self._where}"):
                    self._list_and_follow()
                failures = 0
            except Expired:
                self._revision, self.live = "", False  # the cache is of no known time until the new list is whole
                failures += 1
                pause = retry_delay(failures, SHARED_CEILING)
            except Exception as error:  # noqa: BLE001 - whatever an API server may send, the status says why
                if not isinstance(error.__cause__, Unreachable):  # what came before a cut connection was whole
                    self._revision = ""
                failures += 1
                pause = REFUSED_PAUSE if _is_refusal(error) else retry_delay(failures, SHARED_CEILING)
                self._fail(error)
            self._watch.halted.wait(max(0.0, started + pause - time.monotonic()))

    @property
    def _where(self) -> str:
        return f"{self.kind} objects in {self.namespace or 'all namespaces'}"

    def _list_and_follow(self) -> None:
        if not self._revision and not self._list():
            return
        query = {
            "watch": "1",
            "labelSelector": self._selector,
            "resourceVersion": self._revision,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(STREAM_SECONDS),
        }
        self._has_received = False
        try:
            self._objects.follow(
                self.kind, self.namespace, query, seconds=SILENCE_SECONDS, opened=self._open, receive=self._receive
            )
        except ApiError as error:
            if error.status == GONE:
                raise Expired from error
            raise
        if not self._has_received and time.monotonic() - self._opened < EMPTY_SECONDS:
            raise ApiError(0, "the stream ended at once, and said nothing")

    def _list(self) -> bool:
        """Fill the cache. Return False if the cluster does not have this kind."""
        facts: list[Fact | PodFact] = []
        revision = ""
        try:
            for items, of_page in self._objects.pages(self.kind, self.namespace, self._selector):
                facts += map(self._fact_of, items)
                revision = of_page
        except ApiError as error:
            revision = ""
            if error.status == GONE:  # the list took longer than the API server keeps its pages
                raise Expired from error
            if self.kind != HTTP_ROUTE or error.status != NOT_FOUND:
                raise
            facts.clear()
        self._changed(self._cache.replace(self.kind, self.namespace, facts, revision))
        # Only now: a list that was cut off between two pages must not be followed as if it were whole.
        self._revision = revision
        if not self._revision:  # the cluster is without the Gateway API
            self._open()
            self._watch.halted.wait(REFUSED_PAUSE)
        return bool(self._revision)

    def _open(self) -> None:
        """Show that the API server has accepted the stream."""
        self._opened = time.monotonic()
        self.tried.set()
        if not self.live:
            self.live, self.problem = True, ""
            self._watch.report()

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, WatcherError):
            log.debug("unexpected error", kind=self.kind, exc_info=error)
        self.live, self.problem = False, one_line(str(error) or type(error).__name__)
        self._watch.report()
        self.tried.set()

    def _receive(self, line: bytes) -> None:
        """Store what one event says.

        Raises:
            Expired: the revision is gone.
            ApiError: the event is not an API server's.

        """
        if not line:
            return
        self._has_received = True
        event = parsed(line)
        kind, item = event.get("type"), event.get("object")
        if kind == "ERROR" and isinstance(item, dict):
            if item.get("code") == GONE:
                raise Expired
            raise ApiError(0, f"the stream failed: {item.get('message')}")
        if kind == "BOOKMARK" and isinstance(item, dict):
            self._revision = item["metadata"]["resourceVersion"]
            return
        if kind not in {"ADDED", "MODIFIED", "DELETED"} or not isinstance(item, dict):
            raise ApiError(0, f"an event of the unknown type {kind!r}")
        if problem := object_problem(item):
            raise ApiError(0, problem)
        fact = self._fact_of({**item, "kind": self.kind})
        self._changed(self._cache.drop(fact) if kind == "DELETED" else self._cache.put(fact))
        self._revision = fact.revision

    def _fact_of(self, item: dict[str, object]) -> Fact | PodFact:
        return pod_fact_of(item) if self.kind == POD else fact_of(item)

    def _changed(self, models: Iterable[ModelId]) -> None:
        for model in sorted(models):
            self._watch.on_change(model)


def _is_refusal(error: Exception) -> bool:
    cause = error.__cause__
    return isinstance(cause, ApiError) and cause.status in {FORBIDDEN, NOT_FOUND}
