"""The Kubernetes runtime: observe by label, server-side apply, delete. Pods and rollouts are read in `rollout.py`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from watcher.core.naming import object_name
from watcher.core.render import AUTOSCALING, render
from watcher.core.types import (
    ETAG,
    FINGERPRINT,
    OWNER_LABEL,
    S3_PATH,
    VERSION,
    Change,
    Manifest,
    ModelId,
    ObjectKey,
    Observation,
    Observed,
    Release,
    State,
    Store,
    key_of,
)
from watcher.runtimes.kubernetes.api import APPLY, CONFLICT, FORBIDDEN, NOT_FOUND, Api, ApiError, translated
from watcher.runtimes.kubernetes.rollout import is_complete, pod_failure, rollout_failure

FIELD_MANAGER = "kubeserve"
REPLICAS_MANAGER = "kubeserve-replicas"
"""Keeps a field that FIELD_MANAGER lets go of, which the API server would set to its default otherwise."""
INSTANCE_LABEL = "app.kubernetes.io/instance"

HPA = "HorizontalPodAutoscaler"
OLD_AUTOSCALING = "autoscaling/v2beta2"
PLURALS = {
    "Deployment": ("apis/apps/v1", "deployments"),
    "Service": ("api/v1", "services"),
    "Secret": ("api/v1", "secrets"),
    "Pod": ("api/v1", "pods"),
    HPA: ("", "horizontalpodautoscalers"),
}
OBSERVED_KINDS = ("Deployment", "Service", HPA)
"""Secrets are written and never read: a watcher that may read secrets is a larger prize than one that may not."""


class KubernetesRuntime:
    """Implements the reconciler's `Runtime`. Thread-safe: the Api is."""

    def __init__(
        self,
        api: Api,
        store: Store,
        owner: str,
        *,
        namespaces: tuple[str, ...] = (),
        create_namespaces: bool = False,
        base: Mapping[str, Any] | None = None,
    ) -> None:
        self._api, self._store, self._owner, self._base = api, store, owner, base or {}
        self._namespaces, self._create_namespaces = namespaces, create_namespaces
        self._fixed: dict[ModelId, int] = {}

    def render(self, release: Release) -> list[Manifest]:
        with translated("asking the cluster for its autoscaling API"):
            autoscaling = self.autoscaling
        return render(release, self._store, self._owner, self._base, autoscaling)

    def observe(self, model: ModelId | None = None) -> Observation:
        """Return the models of this watcher, or one model with the foreign objects of its names."""
        with translated("reading the cluster"):
            if model:
                return Observation(self._all_observed(self._read(model)))
            if not self._namespaces:
                return Observation(self._all_observed(self._list("")))
            return self._observe_named()

    def _observe_named(self) -> Observation:
        """Observe the named namespaces. One that is forbidden or missing does not fail the others.

        Raises:
            ApiError: none can be read, so the cause is not in a single namespace.

        """
        models: dict[ModelId, Observed] = {}
        problems: dict[str, ApiError] = {}
        for namespace in self._namespaces:
            try:
                models |= self._all_observed(self._list(namespace))
            except ApiError as error:
                if error.status not in {FORBIDDEN, NOT_FOUND}:
                    raise
                problems[namespace] = error
        if len(problems) == len(self._namespaces):
            raise next(iter(problems.values()))
        return Observation(models, {key: f"cannot be read: {error}" for key, error in problems.items()})

    def _all_observed(self, found: Mapping[ModelId, list[Manifest]]) -> dict[ModelId, Observed]:
        return {key: self._observed(key, objects) for key, objects in found.items() if objects}

    def apply(self, change: Change) -> None:
        """Write and delete what `change` lists. Safe to repeat, and when two watchers overlap."""
        with translated(f"applying {change.model}"):
            if change.remove:
                # It owns the other objects, and the garbage collector deletes them.
                self._delete(ObjectKey("Deployment", object_name(change.model)), change.model.namespace)
                return
            if self._create_namespaces and change.writes:
                self._ensure_namespace(change.model.namespace)
            self._write_all(change)
            for key in change.deletes:
                self._delete(key, change.model.namespace)

    def close(self) -> None:
        self._api.close()

    def _write_all(self, change: Change) -> None:
        """The Deployment first: the others name it as their owner."""
        owner = None
        for manifest in sorted(change.writes, key=lambda item: item["kind"] != "Deployment"):
            if manifest["kind"] == "Deployment":
                self._keep_replicas(manifest, change.model)
                owner = self._write(manifest)
                continue
            owner = owner or self._get("Deployment", change.model)
            self._write(owned_by(manifest, owner) if owner else manifest)

    def _keep_replicas(self, manifest: Manifest, model: ModelId) -> None:
        """Let an autoscaler begin with the replicas that are there: without this it would find one."""
        replicas = self._fixed.get(model)
        if replicas and "replicas" not in manifest["spec"]:
            meta = {key: manifest["metadata"][key] for key in ("name", "namespace")}
            alone = {key: manifest[key] for key in ("apiVersion", "kind")}
            self._write({**alone, "metadata": meta, "spec": {"replicas": replicas}}, REPLICAS_MANAGER)

    def _write(self, manifest: Manifest, manager: str = FIELD_MANAGER) -> Manifest:
        meta = manifest["metadata"]
        path = self._path(manifest["kind"], meta["namespace"], meta["name"])
        written: Manifest = self._api.call(
            "PATCH", path, manifest, content_type=APPLY, fieldManager=manager, force="true"
        )
        return written

    def _delete(self, key: ObjectKey, namespace: str) -> None:
        path = self._path(key.kind, namespace, key.name)
        self._api.call("DELETE", path, but=NOT_FOUND, propagationPolicy="Background")

    def _ensure_namespace(self, name: str) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self._api.call("POST", "/api/v1/namespaces", body, but=CONFLICT)

    def _read(self, model: ModelId) -> dict[ModelId, list[Manifest]]:
        found = [self._get(kind, model) for kind in OBSERVED_KINDS]
        return {model: [item for item in found if item]}

    def _get(self, kind: str, model: ModelId) -> Manifest | None:
        found: Manifest | None = self._api.call(
            "GET", self._path(kind, model.namespace, object_name(model)), but=NOT_FOUND
        )
        return found

    def _list(self, namespace: str) -> dict[ModelId, list[Manifest]]:
        """All of a namespace that carries our owner label, by model; an empty one is all of them."""
        found: dict[ModelId, list[Manifest]] = {}
        for kind in OBSERVED_KINDS:
            for item in self._items(kind, namespace, f"{OWNER_LABEL}={self._owner}"):
                labels = item["metadata"].get("labels") or {}
                model = ModelId(item["metadata"]["namespace"], labels.get(INSTANCE_LABEL, ""))
                if not is_copy(item, model):
                    found.setdefault(model, []).append({**item, "kind": kind})
        return found

    def _items(self, kind: str, namespace: str, selector: str) -> list[Manifest]:
        items: list[Manifest] = self._api.call("GET", self._path(kind, namespace), labelSelector=selector)["items"]
        return items

    def _observed(self, model: ModelId, objects: list[Manifest]) -> Observed:
        ours = [item for item in objects if self._is_ours(item)]
        deployment = next((item for item in ours if item["kind"] == "Deployment"), None)
        state, reason = self._state(model, deployment)
        annotations = _annotations(deployment) if deployment else {}
        self._note_replicas(model, deployment, {item["kind"] for item in ours})
        return Observed(
            model=model,
            objects={key_of(item): _annotations(item).get(FINGERPRINT, "") for item in ours},
            version=annotations.get(VERSION, ""),
            etag=annotations.get(ETAG, ""),
            state=state,
            reason=reason,
            url=f"http://{object_name(model)}.{model.namespace}",
            foreign=tuple(sorted(key_of(item) for item in objects if item not in ours)),
        )

    def _note_replicas(self, model: ModelId, deployment: Manifest | None, kinds: set[str]) -> None:
        """Remember the replicas of a Deployment without an autoscaler, which may be about to get one."""
        if deployment and HPA not in kinds:
            self._fixed[model] = deployment["spec"].get("replicas", 1)
        else:
            self._fixed.pop(model, None)

    def _is_ours(self, item: Manifest) -> bool:
        return (item["metadata"].get("labels") or {}).get(OWNER_LABEL) == self._owner

    def _state(self, model: ModelId, deployment: Manifest | None) -> tuple[State, str]:
        if deployment is None:
            return State.PROGRESSING, "the Deployment is missing"
        if is_complete(deployment):
            return State.READY, ""
        failure = pod_failure(self._pods(model), _annotations(deployment)) or rollout_failure(deployment)
        return (State.FAILED, failure) if failure else (State.PROGRESSING, "waiting for the pods")

    def _pods(self, model: ModelId) -> list[Manifest]:
        return self._items(
            "Pod", model.namespace, f"{INSTANCE_LABEL}={model.name},app.kubernetes.io/name=model-serving"
        )

    def _path(self, kind: str, namespace: str, name: str = "") -> str:
        prefix, plural = PLURALS[kind]
        where = f"/namespaces/{namespace}" if namespace else ""
        return f"/{prefix or f'apis/{self.autoscaling}'}{where}/{plural}" + (f"/{name}" if name else "")

    @cached_property
    def autoscaling(self) -> str:
        """The newest autoscaling API that the cluster has; asked once."""
        offered = {version["groupVersion"] for version in self._api.call("GET", "/apis/autoscaling")["versions"]}
        return AUTOSCALING if AUTOSCALING in offered else OLD_AUTOSCALING


def is_copy(item: Manifest, model: ModelId) -> bool:
    """Whether a person copied it, labels and all, to another name or namespace: then it is no model that is gone."""
    path = _annotations(item).get(S3_PATH, "")
    elsewhere = bool(path) and f"/{model.prefix}" not in path
    return item["metadata"]["name"] != object_name(model) or elsewhere


def owned_by(manifest: Manifest, owner: Manifest) -> Manifest:
    """The manifest with the Deployment as its owner, so that deleting that one takes all."""
    owned = copy.deepcopy(manifest)
    owned["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
        }
    ]
    return owned


def _annotations(item: Manifest) -> dict[str, str]:
    return item["metadata"].get("annotations") or {}
