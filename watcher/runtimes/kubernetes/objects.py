"""Read, write and delete Kubernetes objects by kind, namespace and name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import structlog

from watcher.core.render import AUTOSCALING
from watcher.core.types import MODELS_LABEL, Manifest, ObjectKey
from watcher.runtimes.kubernetes.answers import ApiError, checked_object
from watcher.runtimes.kubernetes.api import (
    APPLY,
    CONFLICT,
    INVALID,
    JSON_PATCH,
    NOT_FOUND,
    Api,
)
from watcher.runtimes.kubernetes.ownership import hand_over, taken_over

log = structlog.get_logger()

FIELD_MANAGER = "kubeserve"
DEPLOYMENT, SERVICE, POD, HPA = "Deployment", "Service", "Pod", "HorizontalPodAutoscaler"
CONFIG_MAP, INGRESS, HTTP_ROUTE, NETWORK_POLICY = "ConfigMap", "Ingress", "HTTPRoute", "NetworkPolicy"
GATEWAY_API = "apis/gateway.networking.k8s.io/v1"
OLD_AUTOSCALING = "autoscaling/v2beta2"
PLURALS = {
    DEPLOYMENT: ("apis/apps/v1", "deployments"),
    SERVICE: ("api/v1", "services"),
    CONFIG_MAP: ("api/v1", "configmaps"),
    POD: ("api/v1", "pods"),
    HPA: ("", "horizontalpodautoscalers"),
    INGRESS: ("apis/networking.k8s.io/v1", "ingresses"),
    HTTP_ROUTE: (GATEWAY_API, "httproutes"),
    NETWORK_POLICY: ("apis/networking.k8s.io/v1", "networkpolicies"),
}


class Objects:
    """The objects of one cluster. Thread-safe: the Api is. Errors are the Api's."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """Return one object, or None if there is none."""
        found = self._api.call("GET", self._path(kind, namespace, name), none_if=NOT_FOUND)
        return None if found is None else checked_object(found, {kind}, name)

    def find(self, kind: str, namespace: str, selector: str) -> list[Manifest]:
        """Return the objects with these labels in a namespace; in all namespaces if it is empty."""
        try:
            return self._api.items(self._path(kind, namespace), kind, selector)
        except ApiError as error:
            if kind == HTTP_ROUTE and error.status == NOT_FOUND:  # a cluster without the Gateway API
                return []
            raise

    def pages(self, kind: str, namespace: str, selector: str) -> Iterator[tuple[list[Manifest], str]]:
        """Yield the same objects page by page, each page with the revision of the list."""
        return self._api.pages(self._path(kind, namespace), kind, selector)

    def follow(
        self,
        kind: str,
        namespace: str,
        query: Mapping[str, str],
        *,
        seconds: float,
        opened: Callable[[], None],
        receive: Callable[[bytes], None],
    ) -> None:
        """Call `receive` with each event of a stream about objects of a kind, as `Api.follow` does."""
        self._api.follow(self._path(kind, namespace), query, seconds=seconds, opened=opened, receive=receive)

    def apply(self, manifest: Manifest, manager: str = FIELD_MANAGER, *, subresource: str = "") -> Manifest:
        """Apply an object on the server, and return it.

        What others have set stays, unless the API server refuses the object because of it.
        """
        try:
            return self._apply(manifest, manager, subresource)
        except ApiError as error:
            if error.status != INVALID or not self._take_over(manifest, manager, error.fields):
                raise
        return self._apply(manifest, manager, subresource)

    def _apply(self, manifest: Manifest, manager: str, subresource: str) -> Manifest:
        kind, meta = manifest["kind"], manifest["metadata"]
        written = self._api.call(
            "PATCH",
            self._path(kind, meta["namespace"], meta["name"]) + (f"/{subresource}" if subresource else ""),
            manifest,
            content_type=APPLY,
            query={"fieldManager": manager, "force": "true"},
        )
        return checked_object(written, {kind}, meta["name"])

    def _take_over(self, manifest: Manifest, manager: str, refused: tuple[str, ...]) -> bool:
        """Make `manager` the owner of what others have set in the refused fields. Return whether there is any."""
        kind, meta = manifest["kind"], manifest["metadata"]
        live = self.get(kind, meta["namespace"], meta["name"])
        managed = taken_over(live["metadata"].get("managedFields") or (), manager, refused) if live else None
        if live is None or managed is None:
            return False
        log.info("taking over invalid fields", kind=kind, name=meta["name"], fields=refused)
        path = self._path(kind, meta["namespace"], meta["name"])
        self._api.call("PATCH", path, hand_over(live, managed), content_type=JSON_PATCH)
        return True

    def delete(self, key: ObjectKey, namespace: str) -> None:
        """Delete an object, which may be gone already, and what it owns."""
        path = self._path(key.kind, namespace, key.name)
        self._api.call("DELETE", path, none_if=NOT_FOUND, query={"propagationPolicy": "Background"})

    def create_namespace(self, name: str) -> None:
        """Create a namespace for models, unless it exists."""
        metadata = {"name": name, "labels": {MODELS_LABEL: "true"}}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        self._api.call("POST", "/api/v1/namespaces", body, none_if=CONFLICT)

    def is_for_models(self, namespace: str) -> bool:
        """Return whether a namespace has the label of those for models, or does not exist yet."""
        found = self._api.call("GET", f"/api/v1/namespaces/{namespace}", none_if=NOT_FOUND)
        return found is None or (found["metadata"].get("labels") or {}).get(MODELS_LABEL) == "true"

    def has_http_routes(self) -> bool:
        """Return whether the cluster knows HTTPRoutes: the Gateway API is not a part of Kubernetes."""
        found = self._api.call("GET", f"/{GATEWAY_API}", none_if=NOT_FOUND) or {}
        return any(item.get("kind") == HTTP_ROUTE for item in found.get("resources") or [])

    @cached_property
    def autoscaling(self) -> str:
        """Return the newest autoscaling API that the cluster has; asked once."""
        group = self._api.call("GET", "/apis/autoscaling") or {}
        if group.get("kind") != "APIGroup":
            raise ApiError(0, f"expected the kind APIGroup, got {group.get('kind')!r}: is a proxy in its place?")
        offered = {version["groupVersion"] for version in group["versions"]}
        return AUTOSCALING if AUTOSCALING in offered else OLD_AUTOSCALING

    def _path(self, kind: str, namespace: str, name: str = "") -> str:
        prefix, plural = PLURALS[kind]
        where = f"/namespaces/{namespace}" if namespace else ""
        return f"/{prefix or f'apis/{self.autoscaling}'}{where}/{plural}" + (f"/{name}" if name else "")
