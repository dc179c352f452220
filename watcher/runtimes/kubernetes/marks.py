"""Mark each Deployment with what the watcher knows of its model, for `kubectl get deployments -L kubeserve.io/state`.

The marks are metadata of the Deployment alone, of a field manager of their own: they are in no template, so they start
no rollout, and in no fingerprint, so no survey finds a difference. A change of an annotation raises a Deployment's
generation, and it counts as not ready until its controller has seen that. So only what is too long for a label is one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from watcher.core.naming import object_name, version_label
from watcher.core.types import OWNER_LABEL, PENDING, UNSUCCESSFUL, Manifest, ModelId, ModelStatus, State
from watcher.errors import Rejected, Retryable
from watcher.runtimes.kubernetes.api import Api, translated
from watcher.runtimes.kubernetes.objects import DEPLOYMENT, Objects
from watcher.runtimes.kubernetes.rollout import annotations_of

log = structlog.get_logger()

MARKS_MANAGER = "kubeserve-status"
LABELS = ("kubeserve.io/state", "kubeserve.io/last-good", "kubeserve.io/loaded")
REFUSED = "kubeserve.io/refused"

INTERVAL = 1.0
"""Seconds between two looks at the statuses: what changes within it is written once."""
RETRY = 10.0
"""Seconds without an attempt after the API server did not answer."""

News = tuple[Any, ...]
"""The parts of a status that the marks are made of."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Three labels and the annotation `refused`; an empty one is left out.

    `last_good` is the version that was ready last, `loaded` how its server loaded it, and `refused` which version does
    not come up, and why.
    """

    state: str = ""
    last_good: str = ""
    loaded: str = ""
    refused: str = ""


def marks_of(status: ModelStatus, found: Marks) -> Marks:
    """Return the marks for a status, where the Deployment has those `found`. Pure."""
    state = State.PROGRESSING if status.state in PENDING else status.state
    refused = f"{status.about or status.version}: {status.reason}" if status.state in UNSUCCESSFUL else ""
    if status.state is not State.READY:
        return Marks(state, found.last_good or version_label(status.pods.serving), found.loaded, refused)
    version = version_label(status.version)
    known = found.loaded if found.last_good == version else ""
    return Marks(state, version, status.loaded or known, refused)


def marks_on(deployment: Manifest) -> Marks:
    """Return the marks that a Deployment has. Pure."""
    labels = deployment["metadata"].get("labels") or {}
    state, last_good, loaded = (labels.get(name, "") for name in LABELS)
    return Marks(state, last_good, loaded, annotations_of(deployment).get(REFUSED, ""))


def manifest_of(deployment: Manifest, marks: Marks) -> Manifest:
    """Return what to apply to this very Deployment, so that it has these marks. Pure."""
    meta = {key: deployment["metadata"][key] for key in ("name", "namespace", "uid")}
    values = dict(zip(LABELS, (marks.state, marks.last_good, marks.loaded), strict=True))
    labels = {name: value for name, value in values.items() if value}
    annotations = {REFUSED: marks.refused} if marks.refused else {}
    return {
        "apiVersion": "apps/v1",
        "kind": DEPLOYMENT,
        "metadata": {**meta, "labels": labels, "annotations": annotations},
    }


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
