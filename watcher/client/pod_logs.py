"""The logs of a model's pods, from the API server."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3

from watcher.client.log_lines import Line, Lines
from watcher.core.render import selector_labels
from watcher.core.types import VERSION, Manifest, ModelId
from watcher.errors import WatcherError
from watcher.net.causes import network_cause
from watcher.runtimes.kubernetes.answers import failure
from watcher.runtimes.kubernetes.api import ADVICE, CHUNK, CONNECT_SECONDS, READ_SECONDS, Api, Unreachable, translated
from watcher.runtimes.kubernetes.objects import POD, Objects
from watcher.runtimes.kubernetes.rollout import annotations_of, container_failure

SERVER, INSTALL, DOWNLOAD = "inference-server", "install", "download-model"
"""The containers of a model's pod, as the chart names them."""
LIST_INTERVAL = 2.0
"""Seconds between two looks for new pods and restarted containers."""
ANSWER_LIMIT = 64 * 1024
OK = 200


class PodLogs:
    """Reads the logs of one model's pods: those of the server or, where it has not started yet, what came before."""

    def __init__(self, api: Api, model: ModelId, *, version: str = "", init: bool = False) -> None:
        self._api, self._model, self._version, self._init = api, model, version, init

    def lines(self, tail: int | None = None) -> Iterator[Line]:
        """Yield the lines of all pods, one pod after the other: the last `tail` of each.

        Raises:
            Retryable, Rejected: the pods cannot be listed, or a log cannot be read.

        """
        for pod in self._pods():
            name, container = pod["metadata"]["name"], chosen_container(pod, init=self._init)
            if container:
                yield from self._log(name, container, tail=tail)
            else:
                yield Line(name, waiting_for(pod), is_note=True)

    def follow(self, tail: int | None = None) -> Iterator[Line]:
        """Yield the lines of all pods as they come, also of pods that start later. It has no end.

        Raises:
            Retryable, Rejected: the pods cannot be listed at the beginning.

        """
        found: queue.Queue[Line] = queue.Queue(maxsize=10_000)
        followers = dict[tuple[str, str, int], Follower]()
        waiting = dict[str, str]()
        pods = self._pods()
        while True:
            for pod in pods:
                name, container = pod["metadata"]["name"], chosen_container(pod, init=self._init)
                if container is None:
                    why = waiting_for(pod)
                    if waiting.get(name) != why:
                        yield Line(name, why, is_note=True)
                    waiting[name] = why
                    continue
                key = (name, container, restarts(pod, container))
                if key not in followers:
                    limit = tail if not any(key[:2] == other[:2] for other in followers) else None
                    followers[key] = Follower(self, name, container, limit, found)
                followers[key].ensure(running=is_running(pod, container))
            yield from _until(found, time.monotonic() + LIST_INTERVAL)
            try:
                pods = self._pods()
            except WatcherError as error:
                yield Line(str(self._model), str(error), is_note=True)

    def _pods(self) -> list[Manifest]:
        """Return the model's pods, those of the wanted version alone, by name."""
        labels = ",".join(f"{key}={value}" for key, value in selector_labels(self._model).items())
        with translated(f"listing the pods of {self._model}"):
            pods = Objects(self._api).find(POD, self._model.namespace, labels)
            wanted = [pod for pod in pods if self._version in ("", annotations_of(pod).get(VERSION))]
            return sorted(wanted, key=lambda pod: str(pod["metadata"]["name"]))

    def _log(self, pod: str, container: str, *, tail: int | None) -> Iterator[Line]:
        query = {"container": container, **({} if tail is None else {"tailLines": str(tail)})}
        return (Line(pod, text) for text in self._texts(pod, query, READ_SECONDS))

    def stamped(self, pod: str, container: str, *, tail: int | None, after: str) -> Iterator[tuple[str, str]]:
        """Yield the lines of a container as they come, with their times: those `after` a time, or the last `tail`.

        Raises:
            Retryable, Rejected: the log cannot be read, or the stream broke.

        """
        query = {"container": container, "follow": "true", "timestamps": "true"}
        if after:
            query["sinceTime"] = whole_second(after)
        elif tail is not None:
            query["tailLines"] = str(tail)
        for line in self._texts(pod, query, None):
            time_of_line, text = split_stamp(line)
            if not time_of_line or time_of_line > after:
                yield time_of_line, text

    def _texts(self, pod: str, query: Mapping[str, str], read_seconds: float | None) -> Iterator[str]:
        path = f"/api/v1/namespaces/{self._model.namespace}/pods/{pod}/log?{urlencode(query)}"
        lines = Lines()
        with translated(f"reading the log of {pod}"):
            for piece in self._pieces(path, read_seconds):
                yield from lines.add(piece)
        yield from lines.end()

    def _pieces(self, path: str, read_seconds: float | None) -> Iterator[bytes]:
        """Yield the body as it arrives; a log that is followed may be silent for any time."""
        connection = self._api.connection()
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds)
        try:
            response = connection.pool.request(
                "GET",
                connection.server + path,
                headers=connection.headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                if response.status != OK:
                    raise failure(response.status, response.read(ANSWER_LIMIT))
                while piece := response.read1(CHUNK):
                    yield piece
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            cause = network_cause(error, ADVICE)
            raise Unreachable(f"the API server {connection.server} cannot be reached: {cause}") from error


class Follower:
    """Copies the log of one container into a queue, in a thread of its own.

    An API server closes a stream when it restarts or after some hours. The follower then continues after the last line.
    """

    def __init__(self, logs: PodLogs, pod: str, container: str, tail: int | None, to: queue.Queue[Line]) -> None:
        self._logs, self._pod, self._container, self._tail, self._to = logs, pod, container, tail, to
        self._thread: threading.Thread | None = None
        self._was_running = True
        """Whether the container ran when the last stream was opened: otherwise that stream ended with the log."""
        self._last, self._problem = "", ""

    def ensure(self, *, running: bool) -> None:
        """Open a stream if there is none and the log may have more lines."""
        if self._thread and (self._thread.is_alive() or not (running or self._was_running)):
            return
        self._was_running = running
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def _copy(self) -> None:
        try:
            for moment, text in self._logs.stamped(self._pod, self._container, tail=self._tail, after=self._last):
                self._last = moment or self._last
                self._to.put(Line(self._pod, text))
            self._problem = ""
        except WatcherError as error:
            if str(error) != self._problem:  # it is tried again every LIST_INTERVAL
                self._to.put(Line(self._pod, str(error), is_note=True))
            self._problem = str(error)


STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{9}(Z|[+-]\d\d:\d\d) ")
"""What the kubelet writes before a line: RFC 3339 with nine digits, so that times of one node compare as text."""


def split_stamp(line: str) -> tuple[str, str]:
    """Return the time of a line and its text; "" and the line where it has no time."""
    found = STAMP.match(line)
    return (found[0].rstrip(), line[found.end() :]) if found else ("", line)


def whole_second(stamp: str) -> str:
    """Return a time without its fraction, because the API server passes only whole seconds to the kubelet."""
    return STAMP.sub(r"\1\2", f"{stamp} ")


def _until(found: queue.Queue[Line], deadline: float) -> Iterator[Line]:
    """Yield what arrives before the deadline."""
    while (left := deadline - time.monotonic()) > 0:
        try:
            yield found.get(timeout=left)
        except queue.Empty:
            return


def chosen_container(pod: Manifest, *, init: bool) -> str | None:
    """Return the container whose log says most: the server, or what has started before it; or None."""
    for name in (INSTALL, DOWNLOAD) if init else (SERVER, INSTALL, DOWNLOAD):
        status = _status_of(pod, name)
        states = (status.get("state") or {}, status.get("lastState") or {})
        if any(state.get(key) is not None for state in states for key in ("running", "terminated")):
            return name
    return None


def is_running(pod: Manifest, container: str) -> bool:
    """Return whether a container runs."""
    return (_status_of(pod, container).get("state") or {}).get("running") is not None


def restarts(pod: Manifest, container: str) -> int:
    """Return how often a container was started again."""
    return int(_status_of(pod, container).get("restartCount") or 0)


def waiting_for(pod: Manifest) -> str:
    """Return why no container of a pod has started."""
    status = pod.get("status") or {}
    for name in (DOWNLOAD, INSTALL, SERVER):
        if reason := container_failure(_status_of(pod, name)):
            return f"no log yet: {name}: {reason}"
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False" and condition.get("message"):
            return f"no log yet: {condition['message']}"
    return f"no log yet: the pod is {status.get('phase') or 'Pending'}"


def _status_of(pod: Manifest, container: str) -> Mapping[str, Any]:
    status = pod.get("status") or {}
    every = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return next((item for item in every if item.get("name") == container), {})
