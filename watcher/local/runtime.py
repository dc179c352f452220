"""Implements the reconciler's `Runtime` by processes: a new version starts beside the old and takes its port."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from watcher.local.forwarder import Forwarder
from watcher.local.replica import Replica
from watcher.models import ETAG, FINGERPRINT, S3_PATH, VERSION, Change, Manifest, ModelId, Observed, Release, State
from watcher.naming import object_name

log = structlog.get_logger()

KIND = "Process"


@dataclass(slots=True)
class Service:
    """What runs of one model: the replica that answers, and the one that is to take over."""

    serving: Replica | None = None
    pending: Replica | None = None
    port: int = 0

    @property
    def wanted(self) -> Replica | None:
        return self.pending or self.serving


class LocalRuntime:
    """Thread-safe. Values such as replicas and resources have no meaning here."""

    def __init__(
        self,
        state_dir: Path,
        source_of: Callable[[str], str],
        download_args: tuple[str, ...],
        env: Mapping[str, str],
        on_change: Callable[[ModelId], None],
    ) -> None:
        self._root, self._source_of = state_dir.resolve(), source_of
        self._download_args, self._env, self._on_change = download_args, env, on_change
        self._services: dict[ModelId, Service] = {}
        self._lock, self._closed = threading.RLock(), False
        self._forwarder = Forwarder()
        shutil.rmtree(self._root, ignore_errors=True)  # what an earlier run downloaded; the bucket has it all

    def render(self, release: Release) -> list[Manifest]:
        """One `Process` in the shape of a Kubernetes object, so that planning is the same for both runtimes."""
        version = release.version
        spec = {
            "source": self._source_of(version.artifact.key),
            "etag": version.artifact.etag,
            "requirementsEtag": version.requirements.etag if version.requirements else "",
            "version": version.version,
        }
        digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
        annotations = {
            FINGERPRINT: digest,
            ETAG: version.artifact.etag,
            VERSION: version.version,
            S3_PATH: spec["source"],
        }
        meta = {"name": release.model.name, "namespace": release.model.namespace, "annotations": annotations}
        return [{"kind": KIND, "metadata": meta, "spec": spec}]

    def observe(self, model: ModelId | None = None) -> dict[ModelId, Observed]:
        with self._lock:
            found = {key: item for key, item in self._services.items() if model in (None, key)}
            return {key: observed(key, service) for key, service in found.items() if service.wanted}

    def apply(self, release: Release | None, change: Change) -> None:  # noqa: ARG002 - what is served is in the manifest
        with self._lock:
            if change.remove:
                self._remove(change.model)
            for manifest in change.writes:
                self._write(change.model, manifest)

    def close(self) -> None:
        """End every process within seconds. Safe to repeat."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            replicas = [
                item for service in self._services.values() for item in (service.serving, service.pending) if item
            ]
        for replica in replicas:
            replica.terminate()
        for replica in replicas:
            replica.stop()
        self._forwarder.stop()

    def _write(self, model: ModelId, manifest: Manifest) -> None:
        service = self._services.setdefault(model, Service())
        fingerprint = manifest["metadata"]["annotations"][FINGERPRINT]
        dropped, service.pending = service.pending, None
        if dropped:
            stop_later(dropped)
        if self._closed or (service.serving and service.serving.fingerprint == fingerprint):
            return
        folder = self._root / model.namespace / model.name / fingerprint
        service.pending = Replica(
            manifest, folder, self._download_args, self._env, lambda replica: self._changed(model, replica)
        )
        log.info("starting", model=str(model), version=service.pending.version, name=object_name(model))
        service.pending.start()

    def _changed(self, model: ModelId, replica: Replica) -> None:
        """A replica's state changed; called in its own thread."""
        with self._lock:
            service = self._services.get(model)
            if service and not self._closed and replica.state is State.READY and replica is service.wanted:
                self._promote(model, service, replica)
        self._on_change(model)

    def _promote(self, model: ModelId, service: Service, replica: Replica) -> None:
        """Send new connections to `replica`; the old one drains and ends."""
        service.port = self._forwarder.point(model, replica.port)
        if service.pending is replica:
            old, service.serving, service.pending = service.serving, replica, None
            if old:
                stop_later(old)

    def _remove(self, model: ModelId) -> None:
        service = self._services.pop(model, None)
        self._forwarder.close(model)
        for replica in (service.serving, service.pending) if service else ():
            if replica:
                stop_later(replica)


def observed(model: ModelId, service: Service) -> Observed:
    """What to say of a model: the state of the version that is wanted, and what serves meanwhile."""
    replica = service.wanted
    assert replica is not None
    old = service.serving if service.serving is not replica else None
    meanwhile = f"; {old.version} keeps serving" if old and old.state is State.READY else ""
    return Observed(
        model=model,
        objects={KIND: replica.fingerprint},
        version=replica.version,
        etag=replica.etag,
        state=replica.state,
        reason=replica.reason + meanwhile,
        url=f"http://127.0.0.1:{service.port}" if service.port else "",
    )


def stop_later(replica: Replica) -> None:
    """Stop in the background and remove its folder: draining takes seconds that nobody should wait for."""

    def stop() -> None:
        replica.stop()
        shutil.rmtree(replica.folder, ignore_errors=True)

    threading.Thread(target=stop, name=f"stop-{replica.model_name}", daemon=True).start()
