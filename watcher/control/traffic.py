"""Collects the traffic of the models every few seconds, in a thread of its own, and publishes all of it at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog

from watcher.control.failure import describe
from watcher.control.loaded_as import Address
from watcher.control.parallel import for_each
from watcher.control.status_board import StatusBoard
from watcher.control.traffic_board import TrafficBoard
from watcher.core.traffic import Pace, Scrape, Traffic, pace, read_scrape, traffic
from watcher.core.types import ModelId, ModelStatus
from watcher.errors import WatcherError
from watcher.net.get import Getter

log = structlog.get_logger()

THREADS = 8
SCRAPE_SECONDS = 2.0
MOST_BYTES = 1024 * 1024
"""Bytes of a scrape. A server with 200 features has 200 KB."""

MOST_ASKS = 4
"""Scrapes of one model in a round. Of more pods, others answer the next time."""

ASK_AGAIN = 60.0
"""Seconds until a model that did not answer is asked again."""

POD_SECONDS = 180.0
"""Seconds after which a pod that has not answered since counts no more."""


class TrafficSource(Protocol):
    """Where the figures come from: the models, or a Prometheus. Each failure is a WatcherError for all of them."""

    def measure(self, models: Sequence[ModelStatus]) -> Mapping[ModelId, Traffic]: ...
    def close(self) -> None: ...


class TrafficCollector:
    """Measures the models that have a ready pod, until it is stopped."""

    def __init__(self, board: StatusBoard, shown: TrafficBoard, source: TrafficSource, interval: float) -> None:
        self._board, self._shown, self._source, self._interval = board, shown, source, interval
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def start(self) -> None:
        """Begin to measure. Return at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the requests in progress, and make no other."""
        self._stopping.set()
        self._source.close()

    def measure(self) -> None:
        """Measure once, and publish the figures."""
        models = [status for status in self._board.models() if status.url and status.pods.ready]
        try:
            found, problem = self._source.measure(models), ""
        except WatcherError as error:
            found, problem = {}, str(error)
            if problem != self._shown.problem:
                log.warning("no figures of the traffic", reason=problem)
        self._shown.publish(found, problem)

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            try:
                self.measure()
            except Exception as error:  # noqa: BLE001 - figures for people must not end the thread
                if not self._stopping.is_set():
                    log.warning("the traffic could not be measured", reason=describe(error)[1])


class ModelScrapes:
    """Scrapes `/metrics` of the models themselves.

    A model's address is that of its Service, so that each request reaches one of its pods, and nobody says which. The
    time at which its process started identifies it. The figures of the pods that answered stand for all of them: they
    are exact for one pod, and after a few rounds for some, and an estimate for many.
    """

    def __init__(self, getter: Getter | None = None, address: Address | None = None) -> None:
        self._getter = getter or Getter()
        self._address: Address = address or (lambda status: status.url)
        self._pods: dict[ModelId, dict[float, tuple[Scrape, Pace | None]]] = {}
        self._silent: dict[ModelId, float] = {}

    def measure(self, models: Sequence[ModelStatus]) -> Mapping[ModelId, Traffic]:
        """Return the traffic of each model that answers."""
        known = {status.id for status in models}
        self._pods = {model: pods for model, pods in self._pods.items() if model in known}
        now = time.monotonic()
        self._silent = {model: until for model, until in self._silent.items() if model in known and until > now}
        asked = [status for status in models if status.id not in self._silent]
        scrapes = for_each(self._scrape, asked, THREADS, "scrape")
        for status, found in zip(asked, scrapes, strict=True):
            if not found:
                self._silent[status.id] = now + ASK_AGAIN
                self._pods.pop(status.id, None)
        return {status.id: self._add(status, found) for status, found in zip(asked, scrapes, strict=True) if found}

    def close(self) -> None:
        """End the requests in progress, and each later one at its start."""
        self._getter.close()

    def _scrape(self, status: ModelStatus) -> list[Scrape]:
        found = []
        for _ in range(min(status.pods.ready or 1, MOST_ASKS)):
            body = self._getter.get(f"{self._address(status)}/metrics", seconds=SCRAPE_SECONDS, most=MOST_BYTES)
            scrape = read_scrape(body.decode(errors="replace"), time.monotonic()) if body else None
            if scrape is None:
                break
            found.append(scrape)
        return found

    def _add(self, status: ModelStatus, scrapes: Sequence[Scrape]) -> Traffic:
        pods = self._pods.setdefault(status.id, {})
        for scrape in {scrape.process: scrape for scrape in scrapes}.values():
            before, _ = pods.get(scrape.process, (None, None))
            pods[scrape.process] = scrape, pace(before, scrape) if before else None
        newest = max(scrape.at for scrape, _ in pods.values())
        for process, (scrape, _) in list(pods.items()):
            if newest - scrape.at > POD_SECONDS:
                del pods[process]
        return traffic((item for _, item in pods.values() if item), status.pods.ready or 1)
