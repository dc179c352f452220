"""Buckets and runtimes in memory, with a reconciler between them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from watcher.control.reconciler import Reconciler
from watcher.control.status_board import StatusBoard
from watcher.core.types import (
    FINGERPRINT,
    Change,
    Manifest,
    ModelId,
    ObjectKey,
    Observation,
    Observed,
    ObservedTrial,
    Release,
    State,
    StoredObject,
    key_of,
)
from watcher.errors import Rejected, WatcherError
from watcher.metrics import Metrics

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IRIS, A = ModelId("team", "iris"), ModelId("team", "a")


class OneModel:
    """A bucket that holds team/iris v1."""

    name = "models"

    def list(self, prefix: str = "") -> list[StoredObject]:
        return [StoredObject(f"{IRIS.prefix}v1/model.joblib", "etag", 1, NOW)]

    def read(self, key: str, limit: int) -> bytes:
        raise AssertionError(key)


class Refusing:
    """A runtime in which nothing runs and nothing can be written."""

    def __init__(self, error: WatcherError) -> None:
        self.error = error

    def render(self, release: Release) -> list[Manifest]:
        return [{"kind": "Process", "metadata": {"name": "iris", "annotations": {FINGERPRINT: "1"}}}]

    def observe(self, model: ModelId | None = None) -> Observation:
        return Observation()

    def known(self, model: ModelId) -> Observation | None:
        return None

    def apply(self, change: Change) -> dict[ObjectKey, str]:
        raise self.error

    def close(self) -> None:
        pass


class World:
    """A bucket and a runtime in memory, the reconciler between them, and a clock."""

    name = "models"

    def __init__(self, models: str, fraction: float = 0.5, delay: float = 0) -> None:
        self.files: dict[str, bytes] = {}
        self.objects: dict[ModelId, dict[ObjectKey, str]] = {}
        self.unreadable = ""
        self.observation_error: Exception | None = None
        self.undeletable: set[ModelId] = set()
        self.namespaces: tuple[str, ...] = ()
        self.foreign: tuple[ObjectKey, ...] = ()
        self.base: dict[str, Any] = {}
        self.trials: dict[str, ObservedTrial] = {}
        self.watched = False
        self.digests: dict[tuple[ModelId, ObjectKey], str] = {}
        self.manifests: dict[tuple[ModelId, ObjectKey], Manifest] = {}
        self.state, self.etag, self.writes, self.deleted = State.READY, "", 0, list[Change]()
        self.now, self.board, self.metrics = NOW, StatusBoard(), Metrics()
        self.fraction, self.delay = fraction, delay
        for model in models:
            self.put(f"{model}/v1/model.joblib")
        self.restart()
        self.look()

    def restart(self) -> None:
        self.board = StatusBoard()
        self.reconciler = Reconciler(
            self,
            self,
            self.board,
            self.metrics,
            now=lambda: self.now,
            clock=lambda: self.now.timestamp(),
            max_delete_fraction=self.fraction,
            removal_delay=self.delay,
            namespaces=self.namespaces,
            base=self.base,
        )

    def put(self, path: str, data: bytes = b"x") -> None:
        self.files[f"team/{path}"] = data

    def delete(self, models: str) -> None:
        for model in models:
            self.files = {key: data for key, data in self.files.items() if not key.startswith(f"team/{model}/")}

    def look(self, seconds: float = 0) -> None:
        """Survey `seconds` later, and work on all that it finds."""
        self.now += timedelta(seconds=seconds)
        survey = self.reconciler.survey()
        for model in sorted(survey.changed | survey.stale):
            with suppress(WatcherError):
                self.reconciler.reconcile(model)

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"kubeserve_watcher_{name}", labels)

    def reason(self, model: str) -> str:
        status = self.board.get(ModelId("team", model))
        assert status
        return status.reason

    def versions(self, model: str) -> dict[str, str]:
        status = self.board.get(ModelId("team", model))
        assert status
        return {item.version: item.state for item in self.board.versions(status)}

    @property
    def running(self) -> str:
        return "".join(sorted(model.name for model in self.objects))

    def states(self, state: State) -> str:
        return "".join(item.model for item in self.board.models() if item.state is state)

    def list(self, prefix: str = "") -> list[StoredObject]:
        return [
            StoredObject(key, str(data), len(data), NOW) for key, data in self.files.items() if key.startswith(prefix)
        ]

    def read(self, key: str, limit: int) -> bytes:
        return self.files[key]

    def render(self, release: Release) -> list[Manifest]:
        answering = [trial.track for trial in release.trials if trial.answers]
        print_of = " ".join([release.version.version, release.version.artifact.etag, *answering])
        meta = {"name": release.model.name, "annotations": {FINGERPRINT: print_of}}
        return [{"kind": kind, "metadata": meta} for kind in ("Deployment", "HPA")]

    def observe(self, model: ModelId | None = None) -> Observation:
        if self.observation_error:
            raise self.observation_error
        if self.unreadable:
            return Observation(unreadable={"team": self.unreadable})
        return Observation(
            {
                key: Observed(
                    key,
                    dict(found),
                    "v1",
                    self.state,
                    "",
                    f"http://{key.name}",
                    self.etag,
                    self.foreign,
                    trials=self.trials,
                    digests={item: self.digests[key, item] for item in found if (key, item) in self.digests},
                    manifests={item: self.manifests[key, item] for item in found if (key, item) in self.manifests},
                )
                for key, found in self.objects.items()
                if model in (None, key)
            }
        )

    def known(self, model: ModelId) -> Observation | None:
        return self.observe(model) if self.watched else None

    def apply(self, change: Change) -> dict[ObjectKey, str]:
        if change.model in self.undeletable and not change.writes:
            raise Rejected("Forbidden", "this may not be deleted")
        self.writes += len(change.writes)
        self.deleted += [change] if change.deletes or change.remove else []
        have = self.objects.setdefault(change.model, {})
        have |= {key_of(item): item["metadata"]["annotations"][FINGERPRINT] for item in change.writes}
        for key in list(have) if change.remove else change.deletes:
            del have[key]
        if not have:
            del self.objects[change.model]
        self.digests |= {(change.model, key_of(item)): "written" for item in change.writes}
        return {key_of(item): "written" for item in change.writes}

    def close(self) -> None:
        pass


class Busy(World):
    """While its bucket is listed, two models are uploaded and applied."""

    def list(self, prefix: str = "") -> list[StoredObject]:
        listed = super().list(prefix)
        if not prefix and len(self.files) == 1:
            for model in "yz":
                self.put(f"{model}/v1/model.joblib")
                self.reconciler.reconcile(ModelId("team", model))
        return listed
