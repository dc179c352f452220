"""Mark each Deployment with what the watcher knows of its model: by labels, and by a condition with the reason.

`kubectl get deployments -L kubeserve.io/state` shows the labels, `kubectl describe` and `kubectl wait` the condition.
The marks are the Deployment's alone, of a field manager of their own: they are in no template, so they start no
rollout, and in no fingerprint, so no survey finds a difference. None is an annotation: a change of one raises a
Deployment's generation, and it counts as not ready until its controller has seen that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from watcher.core.naming import object_name, version_label
from watcher.core.types import OWNER_LABEL, PENDING, Manifest, ModelId, ModelStatus, State
from watcher.errors import Rejected, Retryable
from watcher.runtimes.kubernetes.api import Api, translated
from watcher.runtimes.kubernetes.objects import DEPLOYMENT, Objects

log = structlog.get_logger()

MARKS_MANAGER = "kubeserve-status"
LABELS = ("kubeserve.io/state", "kubeserve.io/last-good", "kubeserve.io/loaded")
CONDITION = "kubeserve.io/ModelReady"
"""True: the version that should serve answers. Unknown: a rollout is going on. False: the message says why not."""

INTERVAL = 1.0
"""Seconds between two looks at the statuses: what changes within it is written once."""
RETRY = 10.0
"""Seconds without an attempt after the API server did not answer."""

News = tuple[Any, ...]
"""The parts of a status that the marks are made of."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Three labels; an empty one is left out.

    `last_good` is the version that was ready last, and `loaded` how its server loaded it.
    """

    state: str = ""
    last_good: str = ""
    loaded: str = ""


def marks_of(status: ModelStatus, found: Marks) -> Marks:
    """Return the marks for a status, where the Deployment has those `found`. Pure."""
    state = State.PROGRESSING if status.state in PENDING else status.state
    if status.state is not State.READY:
        return Marks(state, found.last_good or version_label(status.pods.serving), found.loaded)
    version = version_label(status.version)
    known = found.loaded if found.last_good == version else ""
    return Marks(state, version, status.loaded or known)


def condition_of(status: ModelStatus) -> dict[str, str]:
    """Return the condition for a status: the reason is the state, the message names the version. Pure."""
    pending = "Unknown" if status.state in PENDING else "False"
    version = status.about or status.version
    since = status.since.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": CONDITION,
        "status": "True" if status.state is State.READY else pending,
        "reason": status.state.value,
        "message": f"{version}: {status.reason}" if status.reason else version,
        "lastTransitionTime": since,
        "lastUpdateTime": since,
    }


def has_condition(deployment: Manifest, condition: Mapping[str, str]) -> bool:
    """Return whether a Deployment says the same already, whenever it began. Pure."""
    found = (deployment.get("status") or {}).get("conditions") or []
    same = ("type", "status", "reason", "message")
    return any(all(item.get(key) == condition[key] for key in same) for item in found)


def marks_on(deployment: Manifest) -> Marks:
    """Return the marks that a Deployment has. Pure."""
    labels = deployment["metadata"].get("labels") or {}
    state, last_good, loaded = (labels.get(name, "") for name in LABELS)
    return Marks(state, last_good, loaded)


def manifest_of(deployment: Manifest, marks: Marks) -> Manifest:
    """Return what to apply to this very Deployment, so that it has these marks. Pure."""
    values = dict(zip(LABELS, (marks.state, marks.last_good, marks.loaded), strict=True))
    labels = {name: value for name, value in values.items() if value}
    return _identity(deployment, labels=labels)


def _identity(deployment: Manifest, **metadata: Any) -> Manifest:
    meta = {key: deployment["metadata"][key] for key in ("name", "namespace", "uid")}
    return {"apiVersion": "apps/v1", "kind": DEPLOYMENT, "metadata": {**meta, **metadata}}


class Marker(threading.Thread):
    """Writes the marks in a thread of its own, after a change and where they differ. Nothing depends on them."""

    def __init__(self, api: Api, owner: str, statuses: Callable[[], Iterable[ModelStatus]]) -> None:
        super().__init__(name="marks", daemon=True)
        self._objects, self._owner, self._statuses = Objects(api), owner, statuses
        self._seen: dict[ModelId, News] = {}

    def run(self) -> None:
        """Look at the statuses until the process ends."""
        while True:
            time.sleep(INTERVAL)
            try:
                self.mark_all()
            except Retryable as error:
                log.debug("no marks", reason=str(error))
                time.sleep(RETRY)
            except Exception:  # whatever an API server may answer, this thread goes on
                log.debug("no marks", exc_info=True)
                time.sleep(RETRY)

    def mark_all(self) -> None:
        """Mark the Deployments of the models whose status has changed.

        Raises:
            Retryable: the API server does not answer; the rest is left to the next call.

        """
        statuses = {status.id: status for status in self._statuses()}
        for model in self._seen.keys() - statuses.keys():
            del self._seen[model]
        for model, status in statuses.items():
            news = (status.state, status.version, status.about, status.reason, status.loaded, status.pods.serving)
            if self._seen.get(model) == news:
                continue
            try:
                self._mark(status)
            except Rejected as error:
                log.debug("not marked", model=str(model), reason=str(error))
            self._seen[model] = news

    def _mark(self, status: ModelStatus) -> None:
        with translated(f"marking {status.id}"):
            deployment = self._objects.get(DEPLOYMENT, status.namespace, object_name(status.id))
            if deployment is None or (deployment["metadata"].get("labels") or {}).get(OWNER_LABEL) != self._owner:
                return
            found = marks_on(deployment)
            marks = marks_of(status, found)
            if marks != found:
                self._objects.apply(manifest_of(deployment, marks), MARKS_MANAGER)
            condition = condition_of(status)
            if not has_condition(deployment, condition):
                said = {**_identity(deployment), "status": {"conditions": [condition]}}
                self._objects.apply(said, MARKS_MANAGER, subresource="status")
