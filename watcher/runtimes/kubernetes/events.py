"""Write Kubernetes Events about a model's Deployment, for `kubectl describe` and `kubectl get events`."""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from queue import Full, Queue

import structlog

from watcher.core.naming import object_name, version_order
from watcher.core.text import one_line
from watcher.core.types import ModelId, ModelStatus, State
from watcher.runtimes.kubernetes.api import APPLY, Api, translated
from watcher.runtimes.kubernetes.objects import DEPLOYMENT, FIELD_MANAGER, Objects

log = structlog.get_logger()

WARNINGS = {State.FAILED, State.REJECTED, State.HELD}
WAITING_LIMIT = 1000
"""Events that may wait to be written, enough for a mass removal of that many models; more are dropped."""
MESSAGE_LIMIT = 1024
"""Bytes of an Event's message (Kubernetes' own validation)."""


def event_of(old: ModelStatus | None, new: ModelStatus) -> tuple[str, str, str] | None:
    """Return the type, reason and message of the Event for this change of status; None if it deserves none. Pure."""
    if new.state in WARNINGS:
        return "Warning", new.state.value, new.reason
    if new.state is not State.APPLIED:
        return None
    before = old.version if old and old.version != new.version else ""
    back = bool(before) and version_order(new.version) < version_order(before)
    return (
        "Normal",
        "RolledBack" if back else "Applied",
        f"version {new.version}" + (f", after {before}" * bool(before)),
    )


class EventRecorder:
    """Writes Events in a thread of its own: a slow API server must not delay a survey that changes a thousand models.

    Thread-safe. If the same change happens again, its Event gets the new time.
    """

    def __init__(self, api: Api) -> None:
        self._api, self._objects = api, Objects(api)
        self._waiting: Queue[tuple[ModelStatus, tuple[str, str, str]]] = Queue(WAITING_LIMIT)
        threading.Thread(target=self._run, name="events", daemon=True).start()

    def publish(self, old: ModelStatus | None, new: ModelStatus) -> None:
        """Queue an Event for this status change if it deserves one. Never blocks; drops it when the queue is full."""
        if event := event_of(old, new):
            with suppress(Full):
                self._waiting.put_nowait((new, event))

    def _run(self) -> None:
        while True:
            status, event = self._waiting.get()
            self._try(status, event)
            self._waiting.task_done()

    def _try(self, status: ModelStatus, event: tuple[str, str, str]) -> None:
        """Write one Event. A failure is logged, and the next Event is written all the same."""
        try:
            with translated("writing an Event"):
                self._write(status, *event)
        except Exception:  # whatever an API server may answer, this thread goes on
            log.debug("no event", model=f"{status.namespace}/{status.model}", exc_info=True)

    def _write(self, status: ModelStatus, kind: str, reason: str, message: str) -> None:
        name, namespace = object_name(ModelId(status.namespace, status.model)), status.namespace
        deployment = self._objects.get(DEPLOYMENT, namespace, name)
        about = {"apiVersion": "apps/v1", "kind": DEPLOYMENT, "namespace": namespace, "name": name}
        uid = deployment["metadata"]["uid"] if deployment else None
        digest = hashlib.sha256(f"{uid} {reason} {message}".encode()).hexdigest()[:16]
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{name}.{digest}", "namespace": namespace},
            "involvedObject": {**about, "uid": uid} if uid else about,
            "type": kind,
            "reason": reason,
            "message": one_line(message, MESSAGE_LIMIT),
            "source": {"component": FIELD_MANAGER},
            "lastTimestamp": status.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        where = f"/api/v1/namespaces/{namespace}/events/{name}.{digest}"
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        self._api.call("PATCH", where, body, content_type=APPLY, query=query)
