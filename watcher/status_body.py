"""The bodies of `GET /status`, of one model in it, and of `GET /timeline`."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from typing import Any

from watcher.control.source_health import SourceHealth, SourceStatus
from watcher.control.status_board import StatusBoard
from watcher.control.traffic_board import TrafficBoard
from watcher.core.nearest import unknown_model
from watcher.core.text import one_line, timestamp
from watcher.core.traffic import Traffic
from watcher.core.types import ModelId, ModelStatus, Refusal, Step, VersionStatus
from watcher.errors import Rejected

MODEL_STEPS = 100
"""What happened to one model, in its own body: at most this many."""
TIMELINE_STEPS = 500
"""What happened to all models: at most this many."""


Part = tuple[ModelStatus, int, Traffic, str, str]
"""A model's status, the revision of its versions, its traffic, what is said of its canary, and the JSON of all that."""


class StatusBody:
    """Makes the bodies. Texts that others wrote are clean and bounded. Thread-safe."""

    def __init__(
        self,
        board: StatusBoard,
        sources: SourceHealth,
        traffic: TrafficBoard,
        *,
        runtime: str = "",
        bucket: str = "",
        state_dir: str = "",
    ) -> None:
        self._board, self._sources, self._traffic = board, sources, traffic
        self._about = {"runtime": runtime, "bucket": one_line(bucket)}
        if state_dir:  # `kubeserve logs` reads the logs there
            self._about["state_dir"] = one_line(state_dir)
        self._lock, self._made = threading.Lock(), ((-1, -1, -1), "")
        self._parts: dict[ModelId, Part] = {}

    def whole(self) -> str:
        """Return the body of `GET /status`. Only what has changed is made anew: it may have 5,000 models."""
        with self._lock:
            revision = self._board.revision, self._sources.revision, self._traffic.revision
            if self._made[0] != revision:
                self._made = revision, self._make()
            return self._made[1]

    def _make(self) -> str:
        statuses = {status.id: status for status in self._board.models()}
        self._parts = {
            model: self._part(status, self._board.version_revision(model)) for model, status in statuses.items()
        }
        rest = {
            **self._about,
            "refused": [_plain(item) for item in self._board.refused],
            "sources": [_plain(item) for item in self._sources.all()],
            "traffic": {"at": timestamp(self._traffic.at), "problem": one_line(self._traffic.problem)},
        }
        models = ",".join(text for *_, text in self._parts.values())
        return f'{{"models":[{models}],{_json(rest)[1:]}'

    def _part(self, status: ModelStatus, revision: int) -> Part:
        """Return one model as JSON: the part that was made before, unless something in it has changed."""
        before, traffic = self._parts.get(status.id), self._traffic.get(status.id)
        comparison = self._traffic.comparison(status.id)
        if before and before[0] is status and before[1:4] == (revision, traffic, comparison):
            return before
        return status, revision, traffic, comparison, _json(self._model(status))

    def model(self, model: ModelId) -> dict[str, Any]:
        """Return one model as in the body of `GET /status`, with what happened to it.

        Raises:
            Rejected: `NotFound`, there is no such model; the sentence names the nearest one.

        """
        status = self._board.get(model)
        if status is None:
            raise Rejected("NotFound", self._not_there(model))
        steps = self._board.steps(MODEL_STEPS, model)
        return {**self._model(status), "events": [_step(step) for step in steps]}

    def timeline(self, limit: int) -> dict[str, Any]:
        """Return the body of `GET /timeline`: what happened to all models, the newest first."""
        steps = self._board.steps(min(limit, TIMELINE_STEPS))
        return {
            "events": [{"namespace": step.model.namespace, "model": step.model.name, **_step(step)} for step in steps]
        }

    def traffic(self) -> dict[str, Any]:
        """Return the body of `GET /traffic`: the figures of the last minutes of each model, the newest last."""
        models = self._traffic.history().items()
        return {"models": [{"namespace": model.namespace, "model": model.name, **of} for model, of in models]}

    def _model(self, status: ModelStatus) -> dict[str, Any]:
        return {
            "namespace": status.namespace,
            "model": status.model,
            "version": one_line(status.version),
            "state": status.state,
            "reason": status.reason,
            "url": one_line(status.url),
            "since": timestamp(status.since),
            "loaded": status.loaded,
            "serving": one_line(status.pods.serving),
            "ready": status.pods.ready,
            "replicas": status.pods.wanted,
            "traffic": asdict(self._traffic.get(status.id)),
            "canary": one_line(self._traffic.comparison(status.id)),
            "versions": [_version(item) for item in self._board.versions(status)],
        }

    def _not_there(self, wanted: ModelId) -> str:
        """Return the sentence for a model that is not there: with one of its namespace, if that has any."""
        known = [status.id for status in self._board.models()]
        if neighbours := [model.name for model in known if model.namespace == wanted.namespace]:
            return unknown_model(wanted.name, neighbours)
        return unknown_model(str(wanted), map(str, known))


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _version(item: VersionStatus) -> dict[str, Any]:
    return {
        "version": item.version,
        "state": item.state,
        "reason": item.reason,
        "since": timestamp(item.since),
        "size": item.artifact.size,
        "modified": timestamp(item.artifact.modified),
        "etag": item.artifact.etag,
    }


def _step(step: Step) -> dict[str, Any]:
    version = one_line(step.version)
    return {"time": timestamp(step.time), "version": version, "state": step.state, "reason": step.reason}


def _plain(item: SourceStatus | Refusal) -> dict[str, Any]:
    fields = {name: one_line(value) if isinstance(value, str) else value for name, value in asdict(item).items()}
    if isinstance(item, Refusal):
        return fields
    return {**fields, "since": timestamp(item.since), "last_hint": timestamp(item.last_hint)}
