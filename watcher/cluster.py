"""The Kubernetes runtime: observe by label, server-side apply, delete. Pods and rollouts are read in `rollout.py`."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

import urllib3
from kubernetes import client, config

from watcher.errors import Rejected, Retryable, WatcherError
from watcher.models import (
    ETAG,
    FINGERPRINT,
    OWNER_LABEL,
    VERSION,
    Change,
    Manifest,
    ModelId,
    Observed,
    Release,
    State,
    Store,
)
from watcher.naming import object_name
from watcher.render import AUTOSCALING, render
from watcher.rollout import is_complete, pod_failure, rollout_failure

FIELD_MANAGER = "kubeserve"
TIMEOUT = (5, 30)
"""Seconds to connect and to read: a call without them can hang for ever."""
INSTANCE_LABEL = "app.kubernetes.io/instance"

HPA = "HorizontalPodAutoscaler"
OLD_AUTOSCALING = "autoscaling/v2beta2"
"""The client has no class for it, so autoscalers go by the methods for custom objects, which take any version."""
CUSTOM_OBJECT_METHODS = {
    "read_namespaced": "get_namespaced_custom_object",
    "list_namespaced": "list_namespaced_custom_object",
    "list": "list_cluster_custom_object",
    "patch_namespaced": "patch_namespaced_custom_object",
    "delete_namespaced": "delete_namespaced_custom_object",
}
OBSERVED_KINDS = ("Deployment", "Service", HPA)
"""Secrets are written and never read: a watcher that may read secrets is a larger prize than one that may not."""


def connect(kubeconfig: str) -> client.ApiClient:
    """One client per process: in-cluster configuration where there is one, else the kubeconfig.

    Raises:
        Rejected: there is no usable configuration.

    """
    try:
        if kubeconfig:
            config.load_kube_config(kubeconfig)
        else:
            config.load_config()
    except (config.ConfigException, OSError, ValueError, TypeError) as error:
        raise Rejected(
            "NoCluster", f"no Kubernetes configuration: {error}; set --kubeconfig, or --runtime local"
        ) from error
    return client.ApiClient()


class KubernetesRuntime:
    """Implements the reconciler's `Runtime`. Thread-safe: the ApiClient's pool is."""

    def __init__(
        self,
        api: client.ApiClient,
        store: Store,
        owner: str,
        *,
        namespaces: tuple[str, ...] = (),
        create_namespaces: bool = False,
        base: Mapping[str, Any] | None = None,
    ) -> None:
        self._client, self._store, self._owner, self._base = api, store, owner, base or {}
        self._namespaces, self._create_namespaces = namespaces, create_namespaces
        # Made here, since the client imports a class at its first use, which would make the first survey a slow one.
        self._core, self._apps = client.CoreV1Api(api), client.AppsV1Api(api)
        self._autoscaling, self._custom = client.AutoscalingApi(api), client.CustomObjectsApi(api)

    def render(self, release: Release) -> list[Manifest]:
        with translated("asking the cluster for its autoscaling API"):
            autoscaling = self.autoscaling
        return render(release, self._store, self._owner, self._base, autoscaling)

    def observe(self, model: ModelId | None = None) -> dict[ModelId, Observed]:
        """What the cluster has of one model (foreign objects of its names included), or of all that are ours."""
        with translated("reading the cluster"):
            found = self._read(model) if model else self._list()
            return {key: self._observed(key, objects) for key, objects in found.items() if objects}

    def apply(self, release: Release | None, change: Change) -> None:  # noqa: ARG002 - what is served is in the manifests
        """Write and delete what `change` says. Safe to repeat, and when two watchers overlap."""
        with translated(f"applying {change.model}"):
            if change.remove:
                self._delete("Deployment", change.model)  # it owns the rest, which the garbage collector takes
                return
            if self._create_namespaces:
                self._ensure_namespace(change.model.namespace)
            self._write_all(change)
            for kind in change.deletes:
                self._delete(kind, change.model)

    def close(self) -> None:
        self._client.close()

    def _write_all(self, change: Change) -> None:
        """The Deployment first: the others name it as their owner."""
        owner = None
        for manifest in sorted(change.writes, key=lambda item: item["kind"] != "Deployment"):
            if manifest["kind"] == "Deployment":
                owner = self._write(manifest)
                continue
            owner = owner or self._get("Deployment", change.model)
            self._write(owned_by(manifest, owner) if owner else manifest)

    def _write(self, manifest: Manifest) -> Manifest:
        patch = self._method("patch_namespaced", manifest["kind"])
        response = patch(
            name=manifest["metadata"]["name"],
            namespace=manifest["metadata"]["namespace"],
            body=manifest,
            field_manager=FIELD_MANAGER,
            force=True,
            _content_type="application/apply-patch+yaml",
            _preload_content=False,
            _request_timeout=TIMEOUT,
        )
        written: Manifest = _json(response)
        return written

    def _delete(self, kind: str, model: ModelId) -> None:
        delete = self._method("delete_namespaced", kind)
        try:
            delete(
                name=object_name(model),
                namespace=model.namespace,
                propagation_policy="Background",
                _preload_content=False,
                _request_timeout=TIMEOUT,
            )
        except client.ApiException as error:
            if error.status != 404:  # noqa: PLR2004 - HTTP's own number
                raise

    def _ensure_namespace(self, name: str) -> None:
        body: Any = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        try:
            self._core.create_namespace(body, _request_timeout=TIMEOUT)
        except client.ApiException as error:
            if error.status != 409:  # noqa: PLR2004 - HTTP's own number
                raise

    def _read(self, model: ModelId) -> dict[ModelId, list[Manifest]]:
        found = [self._get(kind, model) for kind in OBSERVED_KINDS]
        return {model: [item for item in found if item]}

    def _get(self, kind: str, model: ModelId) -> Manifest | None:
        read = self._method("read_namespaced", kind)
        try:
            response = read(
                name=object_name(model), namespace=model.namespace, _preload_content=False, _request_timeout=TIMEOUT
            )
        except client.ApiException as error:
            if error.status == 404:  # noqa: PLR2004 - HTTP's own number
                return None
            raise
        return {**_json(response), "kind": kind}

    def _list(self) -> dict[ModelId, list[Manifest]]:
        """All that carries our owner label, by model."""
        found: dict[ModelId, list[Manifest]] = {}
        for kind in OBSERVED_KINDS:
            for item in self._list_kind(kind):
                labels = item["metadata"].get("labels") or {}
                model = ModelId(item["metadata"]["namespace"], labels.get(INSTANCE_LABEL, ""))
                found.setdefault(model, []).append({**item, "kind": kind})
        return found

    def _list_kind(self, kind: str) -> Iterator[Manifest]:
        options = {
            "label_selector": f"{OWNER_LABEL}={self._owner}",
            "_preload_content": False,
            "_request_timeout": TIMEOUT,
        }
        if not self._namespaces:
            yield from _json(self._method("list", kind)(**options))["items"]
        for namespace in self._namespaces:
            yield from _json(self._method("list_namespaced", kind)(namespace=namespace, **options))["items"]

    def _observed(self, model: ModelId, objects: list[Manifest]) -> Observed:
        ours = [item for item in objects if self._is_ours(item)]
        deployment = next((item for item in ours if item["kind"] == "Deployment"), None)
        state, reason = self._state(model, deployment)
        annotations = _annotations(deployment) if deployment else {}
        return Observed(
            model=model,
            objects={item["kind"]: _annotations(item).get(FINGERPRINT, "") for item in ours},
            version=annotations.get(VERSION, ""),
            etag=annotations.get(ETAG, ""),
            state=state,
            reason=reason,
            url=f"http://{object_name(model)}.{model.namespace}",
            foreign=tuple(sorted(f"{item['kind']} {object_name(model)}" for item in objects if item not in ours)),
        )

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
        response = self._core.list_namespaced_pod(
            model.namespace,
            label_selector=f"{INSTANCE_LABEL}={model.name},app.kubernetes.io/name=model-serving",
            _preload_content=False,
            _request_timeout=TIMEOUT,
        )
        items: list[Manifest] = _json(response)["items"]
        return items

    def _method(self, verb: str, kind: str) -> Any:
        if kind == HPA:
            group, _, version = self.autoscaling.partition("/")
            method = getattr(self._custom, CUSTOM_OBJECT_METHODS[verb])
            return partial(method, group=group, version=version, plural="horizontalpodautoscalers")
        everywhere = "_for_all_namespaces" if verb == "list" else ""
        return getattr(self._apps if kind == "Deployment" else self._core, f"{verb}_{kind.lower()}{everywhere}")

    @cached_property
    def autoscaling(self) -> str:
        """The newest autoscaling API that the cluster has; asked once."""
        found = self._autoscaling.get_api_group(_preload_content=False, _request_timeout=TIMEOUT)
        offered = {version["groupVersion"] for version in _json(found)["versions"]}
        return AUTOSCALING if AUTOSCALING in offered else OLD_AUTOSCALING


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


def _json(response: Any) -> Any:
    return json.loads(response.data)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        yield
    except client.ApiException as error:
        raise _from_api(error, doing) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Retryable("ApiUnreachable", f"{doing}: the API server cannot be reached") from error


def _from_api(error: client.ApiException, doing: str) -> WatcherError:
    try:
        message = json.loads(error.body or "")["message"]
    except (TypeError, ValueError, KeyError):
        message = error.reason or f"HTTP {error.status}"
    if error.status == 404 and "namespaces" in message:  # noqa: PLR2004 - HTTP's own number
        return Rejected("NamespaceMissing", f"{doing}: {message}: create it, or run with --create-namespaces")
    by_status = {400: "Invalid", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 422: "Invalid"}
    if error.status in by_status:
        return Rejected(by_status[error.status], f"{doing}: {message}")
    return Retryable("Conflict" if error.status == 409 else "ApiError", f"{doing}: {message}")  # noqa: PLR2004
