"""Implements `Runtime` by processes on this machine: a new version starts next to the old one, then takes its port."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from watcher.core.chart import defaults, merge
from watcher.core.last_good import memory_of
from watcher.core.render import input_files, input_files_text, server_settings
from watcher.core.types import (
    ETAG,
    FINGERPRINT,
    RELEASE,
    S3_PATH,
    VERSION,
    Change,
    LiveRelease,
    Manifest,
    Memory,
    ModelId,
    ObjectKey,
    Observation,
    Observed,
    Pods,
    Release,
    State,
)
from watcher.errors import Rejected, Retryable
from watcher.runtimes.local.cage import NO_CAGE, Cage
from watcher.runtimes.local.forwarder import Forwarder
from watcher.runtimes.local.output import LOGS, VERSION_FILE
from watcher.runtimes.local.replica import KILL_SECONDS, STOP_SECONDS, Replica

KIND = "Process"

LINGER_SECONDS = 0.5
"""Seconds from the switch to the SIGTERM of the replaced server: connections made just before it are still accepted."""

FOLDER = re.compile(r"[0-9a-f]{16}-[0-9]+")
"""A replica's folder: its fingerprint, and a number that no other replica of this run has."""


@dataclass(slots=True)
class Service:
    """The processes of one model: the replica that answers, and the one that will take over."""

    serving: Replica | None = None
    pending: Replica | None = None
    failed: Replica | None = None
    """The last one that was replaced because of its own fault. Its processes have ended; its log is kept."""
    port: int = 0
    memory: Memory = field(default_factory=Memory)

    @property
    def replicas(self) -> list[Replica]:
        return [replica for replica in (self.serving, self.pending) if replica]

    @property
    def desired(self) -> Replica | None:
        return self.pending or self.serving


class LocalRuntime:
    """Runs one server process for each model. Thread-safe.

    A version takes over when it is ready, without a refused connection; until then the old one serves. Of a release's
    values only the server's settings apply: one process has no replicas and no resources.
    """

    def __init__(
        self,
        state_dir: Path,
        source_of: Callable[[str], str],
        download_args: tuple[str, ...],
        env: Mapping[str, str],
        on_change: Callable[[ModelId], None],
        *,
        base: Mapping[str, Any] | None = None,
        cage: Cage = NO_CAGE,
    ) -> None:
        self._root, self._source_of, self._base = state_dir.resolve(), source_of, base or {}
        self._download_args, self._env, self._cage, self._on_change = download_args, env, cage, on_change
        self._services: dict[ModelId, Service] = {}
        self._lock, self._closed = threading.RLock(), threading.Event()
        self._forwarder = Forwarder(self._root)
        self._numbers, self._stopping = itertools.count(1), set[threading.Thread]()
        self._own = lock(self._root)
        clear(self._root)

    def render(self, release: Release) -> list[Manifest]:
        """Return one `Process` in the shape of a Kubernetes object, so that both runtimes share the planning."""
        if release.trials:
            raise Rejected("NoRoute", f"{release.trials[0].track} needs a cluster with a gateway")
        version, values = release.version, merge(defaults(), self._base, release.overrides)
        spec: dict[str, Any] = {
            "source": self._source_of(version.artifact.key),
            "etag": version.artifact.etag,
            "requirementsEtag": version.requirements.etag if version.requirements else "",
            "inputFiles": input_files_text(input_files(version)),
            "version": version.version,
            "server": server_settings(values["server"]),
            "requirements": values["download"]["requirements"],
        }
        digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
        annotations = {
            FINGERPRINT: digest,
            RELEASE: digest,
            ETAG: version.artifact.etag,
            VERSION: version.version,
            S3_PATH: spec["source"],
        }
        meta = {"name": release.model.name, "namespace": release.model.namespace, "annotations": annotations}
        return [{"kind": KIND, "metadata": meta, "spec": spec}]

    def observe(self, model: ModelId | None = None) -> Observation:
        """Return the state of the version that was applied last, for each model or for one; a removed one is absent."""
        with self._lock:
            found = {key: item for key, item in self._services.items() if model in (None, key)}
            return Observation({key: observed(key, service) for key, service in found.items() if service.desired})

    def known(self, model: ModelId) -> Observation:
        """Return the same as `observe`, which asks nobody."""
        return self.observe(model)

    def apply(self, change: Change) -> dict[ObjectKey, str]:
        """Start or stop processes, without waiting. Do nothing after `close`, and nothing for what already runs."""
        with self._lock:
            if self._closed.is_set():
                return {}
            if change.remove:
                self._remove(change.model)
            restored = [self._write(change.model, manifest) for manifest in change.writes]
        if any(restored):  # outside the lock: the hint is the caller's code
            self._on_change(change.model)
        return {}

    def close(self) -> None:
        """End every process within three seconds; give up on what hangs even then. Safe to repeat."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
            for replica in [item for service in self._services.values() for item in service.replicas]:
                self._stop_later(replica)
            stopping = list(self._stopping)
        deadline = time.monotonic() + STOP_SECONDS + KILL_SECONDS
        for thread in stopping:  # each stops its own replica, all at the same time
            thread.join(max(0.0, deadline - time.monotonic()))
        self._forwarder.stop()
        self._own.close()

    def _write(self, model: ModelId, manifest: Manifest) -> bool:
        """Make the manifest the desired one. Return whether it serves already, because its replacement is dropped."""
        service = self._services.get(model) or Service()
        service.memory = memory_of(manifest["metadata"]["annotations"], model)
        fingerprint = manifest["metadata"]["annotations"][FINGERPRINT]
        if service.desired and service.desired.fingerprint == fingerprint:
            return False
        dropped, service.pending = service.pending, None
        if dropped:
            self._replace(service, dropped)
        if service.serving and service.serving.fingerprint == fingerprint:
            return True
        service.pending = self._replica(model, manifest, fingerprint)
        self._services[model] = service
        service.pending.start()
        return False

    def _replica(self, model: ModelId, manifest: Manifest, fingerprint: str) -> Replica:
        folder = self._root / model.namespace / model.name / f"{fingerprint}-{next(self._numbers)}"
        try:
            folder.mkdir(parents=True)
            (folder / VERSION_FILE).write_text(manifest["metadata"]["annotations"][VERSION])
        except OSError as error:
            raise Retryable("NoStateDir", f"--state-dir: {folder} cannot be made: {error.strerror}") from error
        changed = lambda replica: self._changed(model, replica)  # noqa: E731 - too short for a function
        return Replica(manifest, folder, self._download_args, self._env, changed, cage=self._cage)

    def _changed(self, model: ModelId, replica: Replica) -> None:
        """Handle a replica's change of state; called in the replica's own thread."""
        with self._lock:
            service = self._services.get(model)
            if service and not self._closed.is_set() and replica.state is State.READY and replica in service.replicas:
                self._promote(model, service, replica)
        self._on_change(model)

    def _promote(self, model: ModelId, service: Service, replica: Replica) -> None:
        """Send new connections to `replica`; an older one drains and ends.

        A serving replica that has restarted has another address, so it is promoted again.
        """
        if replica.address:
            service.port = self._forwarder.point(model, replica.address)
        if service.pending is replica:
            old, service.serving, service.pending = service.serving, replica, None
            if old:
                self._replace(service, old, LINGER_SECONDS)

    def _remove(self, model: ModelId) -> None:
        service = self._services.pop(model, None)
        self._forwarder.close(model)
        for replica in service.replicas if service else ():
            self._stop_later(replica)
        if service and service.failed:
            self._stop_later(service.failed)

    def _replace(self, service: Service, replica: Replica, linger: float = 0) -> None:
        """Stop a replica that another one replaces. The log of the last one that failed stays: it says why."""
        if not replica.is_at_fault:
            self._stop_later(replica, linger)
            return
        older, service.failed = service.failed, replica
        self._stop_later(replica, linger, keep=LOGS)
        if older:
            self._stop_later(older)

    def _stop_later(self, replica: Replica, linger: float = 0, keep: tuple[str, ...] = ()) -> None:
        """Stop the replica and remove its folder in the background, but the files to `keep`: draining takes seconds."""
        name = f"stop-{replica.model_name}"
        thread = threading.Thread(target=self._stop, args=(replica, linger, keep), name=name, daemon=True)
        self._stopping.add(thread)
        thread.start()

    def _stop(self, replica: Replica, linger: float, keep: tuple[str, ...]) -> None:
        self._closed.wait(linger)
        replica.stop()
        empty(replica.folder, keep)
        # `_replica` makes folders under the same lock, so a parent cannot vanish between two steps of its mkdir.
        with self._lock:
            self._stopping.discard(threading.current_thread())
            remove_empty(replica.folder, replica.folder.parent, replica.folder.parent.parent)


def observed(model: ModelId, service: Service) -> Observed:
    """Return the state of the desired version; the reason also names an older one that serves meanwhile."""
    replica = service.desired
    assert replica is not None
    state, reason = replica.state, replica.reason
    if replica is service.pending and state is State.READY:  # for a moment, until connections go to it
        state, reason = State.PROGRESSING, "starting"
    old = service.serving if service.serving is not replica else None
    # Of a replica that fails by its own fault, the reconciler says what serves instead.
    serves = old is not None and old.state is State.READY and not replica.is_at_fault
    meanwhile = f"; {old.version} keeps serving" if old and serves else ""
    return Observed(
        model=model,
        objects={ObjectKey(KIND, model.name): replica.fingerprint},
        version=replica.version,
        etag=replica.etag,
        state=state,
        reason=reason + meanwhile,
        url=f"http://127.0.0.1:{service.port}" if service.port else "",
        pods=pods_of(service),
        live=LiveRelease(replica.fingerprint, replica.has_served, replica.has_served, replica.is_at_fault),
        memory=service.memory,
    )


def pods_of(service: Service) -> Pods:
    """Return which version answers: one process, or none."""
    serving = service.serving if service.serving and service.serving.state is State.READY else None
    return Pods(serving.version if serving else "", 1 if serving else 0, 1)


def lock(root: Path) -> TextIO:
    """Lock the folder until the returned file is closed, or the process ends.

    Raises:
        Rejected: the folder cannot be made, or another watcher has locked it.

    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        file = (root / "lock").open("w")
    except OSError as error:
        raise Rejected("NoStateDir", f"--state-dir {root} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise Rejected(
            "StateDirInUse", f"--state-dir {root} is in use by another watcher: stop that, or choose another folder"
        ) from error
    return file


def clear(root: Path) -> None:
    """Remove what an earlier run downloaded, and nothing else: a person chose this folder. The bucket has it all."""
    for folder in root.glob("*/*/*"):
        if FOLDER.fullmatch(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
            remove_empty(folder.parent, folder.parent.parent)


def empty(folder: Path, keep: tuple[str, ...]) -> None:
    """Remove all files and folders in `folder`, but those to `keep`."""
    paths = []
    with suppress(OSError):
        paths = [path for path in folder.iterdir() if path.name not in keep]
    for path in paths:
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def remove_empty(*folders: Path) -> None:
    """Remove the folders that are empty, in this order."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
