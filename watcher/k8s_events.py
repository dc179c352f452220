"""Kubernetes Events on a model's Deployment, for `kubectl describe` and `kubectl get events`."""

from __future__ import annotations

import hashlib

import structlog

from watcher.errors import WatcherError
from watcher.kubeapi import APPLY, NOT_FOUND, Api, translated
from watcher.models import Manifest, ModelId, State
from watcher.naming import object_name, version_order
from watcher.status import APPLIED, ModelStatus

log = structlog.get_logger()

WARNINGS = {State.FAILED, State.REJECTED, State.HELD}
MESSAGE_LIMIT = 1024
"""Characters of an Event's message (Kubernetes: validation of core/v1 Events)."""


def event_of(old: ModelStatus | None, new: ModelStatus) -> tuple[str, str, str] | None:
    """The type, reason and message that a change of state is worth, or None. Pure."""
    if new.state in WARNINGS:
        return "Warning", new.state.value, new.reason
    if new.state is not State.PROGRESSING or new.reason != APPLIED:
        return None
    before = old.version if old and old.version != new.version else ""
    back = bool(before) and version_order(new.version) < version_order(before)
    return (
        "Normal",
        "RolledBack" if back else "Applied",
        f"version {new.version}" + (f", after {before}" * bool(before)),
    )


class Announcer:
    """Writes them. Thread-safe; the same news again is the same Event, of a later time."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def tell(self, old: ModelStatus | None, new: ModelStatus) -> None:
        """Write the Event that the change is worth. An Event that cannot be written is none: it fails nothing."""
        if said := event_of(old, new):
            try:
                with translated("writing an Event"):
                    self._write(new, *said)
            except WatcherError as error:
                log.debug("no event", model=f"{new.namespace}/{new.model}", reason=str(error))

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
