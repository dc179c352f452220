"""Objects as the API server sends them → the few facts that the watcher keeps of each. Pure.

Lists, single reads, answers to writes and watch events all pass through here, so that one computation follows from
each of them. No manifest is kept: 5,000 models have about 20,000 objects of 10 KiB.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from watcher.core.last_good import memory_of
from watcher.core.naming import object_name
from watcher.core.signed_files import PREFIX, Signing, signing_of
from watcher.core.types import (
    ETAG,
    FINGERPRINT,
    OWNER_LABEL,
    RELEASE,
    S3_PATH,
    URL,
    VERSION,
    Manifest,
    Memory,
    ModelId,
    ObjectKey,
    Store,
)
from watcher.core.types import key_of as key_in_model
from watcher.runtimes.kubernetes.objects import CONFIG_MAP, DEPLOYMENT, FIELD_MANAGER, HTTP_ROUTE
from watcher.runtimes.kubernetes.ownership import is_apply_of
from watcher.runtimes.kubernetes.rollout import (
    annotations_of,
    crashes_of_pod,
    entry_in,
    failure_of_pod,
    fetched_digests,
    installed_packages,
    is_complete,
    is_overdue,
    is_ready,
    rollout_failure,
    route_problem,
    server_runs,
    wanted_replicas,
    was_complete,
)

INSTANCE_LABEL = "app.kubernetes.io/instance"
ALWAYS_OURS = {OWNER_LABEL, INSTANCE_LABEL, FINGERPRINT, RELEASE, S3_PATH, ETAG, VERSION, URL}
"""Labels and annotations that count as ours whoever has written them last."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a Deployment's pods follow its template. `failure` is its own reason for not proceeding, or ""."""

    is_complete: bool
    failure: str
    available: int
    wanted: int
    was_complete: bool = False
    is_overdue: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """One object of a model, without its content.

    `digest` differs whenever a person or a program has changed what is ours to control. `problem` is why a route leads
    nowhere. `endpoint` is the store from which a Deployment's pods fetch their model, as the pods see it.
    `signing` is what is known of the URLs in a ConfigMap.
    """

    key: ObjectKey
    namespace: str
    uid: str
    revision: str
    owner: str
    instance: str
    digest: str
    fingerprint: str
    version: str
    etag: str
    path: str
    url: str
    problem: str = ""
    endpoint: str = ""
    rollout: Rollout | None = None
    release: str = ""
    memory: Memory = field(default_factory=Memory)
    signing: Signing | None = None

    @property
    def model(self) -> ModelId:
        """Return the model that the object's label names."""
        return ModelId(self.namespace, self.instance.partition(".")[0])

    @property
    def track(self) -> str:
        """Return the track that the object's label names: "" for that of the version that serves."""
        return self.instance.partition(".")[2]

    @property
    def is_copy(self) -> bool:
        """Return True if a person copied the object, with its labels, to another name or namespace."""
        elsewhere = bool(self.path) and f"/{self.model.prefix}" not in self.path
        return self.key.name != object_name(self.model, self.track) or elsewhere

    def is_of_store(self, store: Store) -> bool:
        """Return True if the Deployment's pods fetch their model from this bucket of this store."""
        return self.path.startswith(f"s3://{store.bucket}/") and self.endpoint == store.endpoint


@dataclass(frozen=True, slots=True)
class PodFact:
    """One pod of a model. `failure` is why it does not come up, or "".

    `crashes` counts how often a container of it has ended by the version's own fault.
    `entry` is where its URLs are in the ConfigMap, and `digests` what it has fetched by them: SHA-256 by file.
    `installed` are the versions that it has installed for a requirements.txt, `a==1 b==2`, by its Python.
    """

    key: ObjectKey
    namespace: str
    uid: str
    revision: str
    instance: str
    version: str
    etag: str
    is_ready: bool
    failure: str
    release: str = ""
    crashes: int = 0
    server_runs: bool = False
    entry: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    installed: Mapping[str, str] = field(default_factory=dict)

    @property
    def model(self) -> ModelId:
        """Return the model that the pod's label names."""
        return ModelId(self.namespace, self.instance.partition(".")[0])


def fact_of(item: Manifest) -> Fact:
    """Return the facts of an object that is no pod."""
    meta, annotations = item["metadata"], annotations_of(item)
    is_deployment = item["kind"] == DEPLOYMENT
    return Fact(
        key=key_in_model(item),
        namespace=meta["namespace"],
        uid=meta.get("uid") or "",
        revision=meta.get("resourceVersion") or "",
        owner=label_of(item, OWNER_LABEL),
        instance=label_of(item, INSTANCE_LABEL),
        digest=digest_of(item),
        fingerprint=annotations.get(FINGERPRINT, ""),
        version=annotations.get(VERSION, ""),
        etag=annotations.get(ETAG, ""),
        path=annotations.get(S3_PATH, ""),
        url=annotations.get(URL, ""),
        problem=route_problem(item) if item["kind"] == HTTP_ROUTE else "",
        endpoint=_endpoint_of(item) if is_deployment else "",
        rollout=_rollout_of(item) if is_deployment else None,
        release=annotations.get(RELEASE, ""),
        memory=_memory_of(item) if is_deployment else Memory(),
        signing=signing_of(item) if item["kind"] == CONFIG_MAP else None,
    )


def pod_fact_of(item: Manifest) -> PodFact:
    """Return the facts of a pod."""
    meta, annotations = item["metadata"], annotations_of(item)
    return PodFact(
        key=key_in_model(item),
        namespace=meta["namespace"],
        uid=meta.get("uid") or "",
        revision=meta.get("resourceVersion") or "",
        instance=label_of(item, INSTANCE_LABEL),
        version=annotations.get(VERSION, ""),
        etag=annotations.get(ETAG, ""),
        is_ready=is_ready(item),
        failure=failure_of_pod(item),
        release=annotations.get(RELEASE, ""),
        crashes=crashes_of_pod(item),
        server_runs=server_runs(item),
        entry=entry_in(item),
        digests=fetched_digests(item),
        installed=installed_packages(item),
    )


def label_of(item: Manifest, label: str) -> str:
    """Return the value of an object's label, "" if it has none."""
    return str((item["metadata"].get("labels") or {}).get(label, ""))


def digest_of(item: Manifest) -> str:
    """Return a hash of what is ours to control in an object: its content, and our labels and annotations.

    What others may change at any time is left out: the status, their labels and annotations, and the replicas where no
    apply of ours names them (ADR 11). So are signed URLs, which have a digest of their own. The UID is part of it: an
    object that somebody has made again is another one.
    """
    meta, ours = item["metadata"], _applied_fields(item)
    spec = dict(item.get("spec") or {})
    if item["kind"] == DEPLOYMENT and not is_replicas_owner(item):
        spec.pop("replicas", None)
    content = {
        "uid": meta.get("uid"),
        "labels": _ours_of(meta.get("labels"), _field(ours, "metadata", "labels")),
        "annotations": _ours_of(meta.get("annotations"), _field(ours, "metadata", "annotations")),
        "spec": spec,
        "data": {key: text for key, text in (item.get("data") or {}).items() if not key.startswith(PREFIX)},
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def is_replicas_owner(deployment: Manifest) -> bool:
    """Return True if the Deployment's replicas were set by an apply of ours, which named them."""
    return "f:replicas" in _field(_applied_fields(deployment), "spec")


def _applied_fields(item: Manifest) -> Mapping[str, Any]:
    """Return the fields that the watcher's own applies have set, as the API server records them."""
    entries: Iterable[Mapping[str, Any]] = item["metadata"].get("managedFields") or []
    for entry in entries:
        if is_apply_of(entry, FIELD_MANAGER):
            return entry.get("fieldsV1") or {}
    return {}


def _field(fields: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for name in path:
        fields = fields.get(f"f:{name}") or {}
    return fields


def _ours_of(values: Mapping[str, str] | None, fields: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in (values or {}).items() if key in ALWAYS_OURS or f"f:{key}" in fields}


def _memory_of(deployment: Manifest) -> Memory:
    model = ModelId(deployment["metadata"]["namespace"], label_of(deployment, INSTANCE_LABEL).partition(".")[0])
    return memory_of(annotations_of(deployment), model)


def _rollout_of(deployment: Manifest) -> Rollout:
    available = (deployment.get("status") or {}).get("availableReplicas") or 0
    return Rollout(
        is_complete(deployment),
        rollout_failure(deployment),
        available,
        wanted_replicas(deployment),
        was_complete(deployment),
        is_overdue(deployment),
    )


def _endpoint_of(deployment: Manifest) -> str:
    containers = _field_of(deployment, "spec", "template", "spec").get("initContainers") or []
    env = {item["name"]: item.get("value") for container in containers for item in container.get("env") or []}
    return env.get("KUBESERVE_ENDPOINT") or ""


def _field_of(item: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for name in path:
        item = item.get(name) or {}
    return item
