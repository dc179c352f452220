"""Write an Event about a model's Deployment for each step, for `kubectl describe` and `kubectl get events`."""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from queue import Full, Queue

import structlog

from watcher.core.naming import object_name, version_order
from watcher.core.text import one_line
from watcher.core.types import SEEN, UNSUCCESSFUL, Manifest, ModelId, ModelStatus, State, Step
from watcher.runtimes.kubernetes.api import APPLY, Api, translated
from watcher.runtimes.kubernetes.objects import DEPLOYMENT, FIELD_MANAGER, Objects

log = structlog.get_logger()

WARNINGS = UNSUCCESSFUL | {State.HELD}
WAITING_LIMIT = 1000
"""Events that may wait to be written, enough for a mass removal of that many models; more are dropped."""
MESSAGE_LIMIT = 1024
"""Bytes of an Event's message (Kubernetes' own validation)."""


def event_of(old: ModelStatus | None, new: ModelStatus) -> tuple[str, str, str] | None:
    """Return the type, reason and message of the Event for this change of status; None if it deserves none. Pure.

    The first status of a model after a start of the watcher is one only if it is a warning or was just applied: nothing
    has happened to the others.
    """
    version = f"version {new.about or new.version}" if new.about or new.version else ""
    said = ": ".join(filter(None, (version, new.reason)))
    if new.state in WARNINGS:
        return "Warning", new.state.value, said
    if new.state is State.APPLIED:
        before = old.version if old and old.version != new.version else ""
        back = bool(before) and version_order(new.version) < version_order(before)
        return "Normal", "RolledBack" if back else "Applied", version + (f", after {before}" * bool(before))
    if old is None:
        return None
    return "Normal", new.state.value, f"{version} answers predictions" if new.state is State.READY else said


def involved(namespace: str, deployment: Manifest | None) -> dict[str, str]:
    """Return the object that an Event is about: the model's Deployment, or its namespace where there is none. Pure."""
    if deployment is None:
        return {"apiVersion": "v1", "kind": "Namespace", "name": namespace, "namespace": namespace}
    meta = deployment["metadata"]
    return {"apiVersion": "apps/v1", "kind": DEPLOYMENT, **{key: meta[key] for key in ("name", "namespace", "uid")}}


@dataclass(frozen=True, slots=True)
class Event:
    """An Event to write about a model."""

    model: ModelId
    kind: str
    """`Normal` or `Warning`: the Event's type."""
    reason: str
    message: str
    at: datetime


class EventRecorder:
    """Writes Events in a thread of its own: a slow API server must not delay a survey that changes a thousand models.

    Thread-safe. If the same change happens again, its Event gets the new time.
    """

    def __init__(self, api: Api) -> None:
        self._api, self._objects = api, Objects(api)
        self._waiting: Queue[Event] = Queue(WAITING_LIMIT)
        self._early: dict[ModelId, Event] = {}
        """What was seen of models without a Deployment. It is written with the model's next Event, which has one."""
        threading.Thread(target=self._run, name="events", daemon=True).start()

    def publish(self, old: ModelStatus | None, new: ModelStatus) -> None:
        """Queue an Event for this status change if it deserves one. Never blocks; drops it when the queue is full."""
        if event := event_of(old, new):
            self._queue(Event(new.id, *event, new.since))

    def publish_seen(self, step: Step) -> None:
        """Queue an Event for a version that was listed for the first time, as `publish` does."""
        self._queue(Event(step.model, "Normal", step.state, f"version {step.version}, {step.reason}", step.time))

    def _queue(self, event: Event) -> None:
        with suppress(Full):
            self._waiting.put_nowait(event)

    def _run(self) -> None:
        while True:
            event = self._waiting.get()
            self._try(event)
            self._waiting.task_done()

    def _try(self, event: Event) -> None:
        """Write one Event. A failure is logged, and the next Event is written all the same."""
        try:
            with translated("writing an Event"):
                self._write_in_order(event)
        except Exception:  # whatever an API server may answer, this thread goes on
            log.debug("no event", model=str(event.model), exc_info=True)

    def _write_in_order(self, event: Event) -> None:
        deployment = self._objects.get(DEPLOYMENT, event.model.namespace, object_name(event.model))
        if event.reason == SEEN and deployment is None:
            if len(self._early) < WAITING_LIMIT:
                self._early[event.model] = event
            return
        if early := self._early.pop(event.model, None):
            self._write(early, deployment)
        self._write(event, deployment)

    def _write(self, event: Event, deployment: Manifest | None) -> None:
        name, namespace, message = object_name(event.model), event.model.namespace, event.message
        about = involved(namespace, deployment)
        if deployment is None:  # then only the message can name the model
            message = f"{event.model.name}: {message}"
        digest = hashlib.sha256(f"{about.get('uid')} {event.reason} {message}".encode()).hexdigest()[:16]
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{name}.{digest}", "namespace": namespace},
            "involvedObject": about,
            "type": event.kind,
            "reason": event.reason,
            "message": one_line(message, MESSAGE_LIMIT),
            "source": {"component": FIELD_MANAGER},
            "lastTimestamp": event.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        where = f"/api/v1/namespaces/{namespace}/events/{name}.{digest}"
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        self._api.call("PATCH", where, body, content_type=APPLY, query=query)
