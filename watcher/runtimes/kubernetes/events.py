"""Kubernetes Events on a model's Deployment, for `kubectl describe` and `kubectl get events`."""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from queue import Full, Queue

import structlog

from watcher.core.naming import object_name, version_order
from watcher.core.types import Manifest, ModelId, ModelStatus, State
from watcher.runtimes.kubernetes.api import APPLY, NOT_FOUND, Api, translated

log = structlog.get_logger()

WARNINGS = {State.FAILED, State.REJECTED, State.HELD}
WAITING_LIMIT = 1000
"""Events that may wait to be written: a mass hold of that many models; more are dropped."""
MESSAGE_LIMIT = 1024
"""Characters of an Event's message (Kubernetes: validation of core/v1 Events)."""


def event_of(old: ModelStatus | None, new: ModelStatus) -> tuple[str, str, str] | None:
    """The type, reason and message that a change of state is worth, or None. Pure."""
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
    """Writes them in a thread of its own: a slow API server must not delay a survey that holds a thousand models.

    Thread-safe; the same news again is the same Event, of a later time.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._waiting: Queue[tuple[ModelStatus, tuple[str, str, str]]] = Queue(WAITING_LIMIT)
        threading.Thread(target=self._run, name="announcer", daemon=True).start()

    def publish(self, old: ModelStatus | None, new: ModelStatus) -> None:
        """Have the Event written that the change is worth; returns at once. Where too many wait, it is dropped."""
        if said := event_of(old, new):
            with suppress(Full):
                self._waiting.put_nowait((new, said))

    def _run(self) -> None:
        while True:
            status, said = self._waiting.get()
            self._try(status, said)
            self._waiting.task_done()

    def _try(self, status: ModelStatus, said: tuple[str, str, str]) -> None:
        """An Event that cannot be written is none: it fails nothing, and the next is tried."""
        try:
            with translated("writing an Event"):
                self._write(status, *said)
        except Exception:  # whatever an API server may answer, this thread goes on
            log.debug("no event", model=f"{status.namespace}/{status.model}", exc_info=True)

    def _write(self, status: ModelStatus, kind: str, reason: str, message: str) -> None:
        name, namespace = object_name(ModelId(status.namespace, status.model)), status.namespace
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
        deployment: Manifest = self._api.call("GET", path, but=NOT_FOUND) or {"metadata": {}}
        about = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": namespace, "name": name}
        uid = deployment["metadata"].get("uid")
        digest = hashlib.sha256(f"{uid} {reason} {message}".encode()).hexdigest()[:16]
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{name}.{digest}", "namespace": namespace},
            "involvedObject": {**about, "uid": uid} if uid else about,
            "type": kind,
            "reason": reason,
            "message": message[:MESSAGE_LIMIT],
            "source": {"component": "kubeserve"},
            "lastTimestamp": status.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        where = f"/api/v1/namespaces/{namespace}/events/{name}.{digest}"
        self._api.call("PATCH", where, body, content_type=APPLY, fieldManager="kubeserve", force="true")
