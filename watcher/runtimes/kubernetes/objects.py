"""Read, write and delete Kubernetes objects by kind, namespace and name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from watcher.core.render import AUTOSCALING
from watcher.core.types import OWNER_LABEL, Manifest, ObjectKey
from watcher.runtimes.kubernetes.answers import ApiError, checked_object
from watcher.runtimes.kubernetes.api import (
    APPLY,
    CONFLICT,
    INVALID,
    JSON,
    JSON_PATCH,
    METADATA_ONLY,
    NOT_FOUND,
    Api,
)

FIELD_MANAGER = "kubeserve"
DEPLOYMENT, SERVICE, SECRET, POD, HPA = "Deployment", "Service", "Secret", "Pod", "HorizontalPodAutoscaler"
INGRESS, HTTP_ROUTE = "Ingress", "HTTPRoute"
GATEWAY_API = "apis/gateway.networking.k8s.io/v1"
OLD_AUTOSCALING = "autoscaling/v2beta2"
PLURALS = {
    DEPLOYMENT: ("apis/apps/v1", "deployments"),
    SERVICE: ("api/v1", "services"),
    SECRET: ("api/v1", "secrets"),
    POD: ("api/v1", "pods"),
    HPA: ("", "horizontalpodautoscalers"),
    INGRESS: ("apis/networking.k8s.io/v1", "ingresses"),
    HTTP_ROUTE: (GATEWAY_API, "httproutes"),
}


class ForeignSecret(Exception):  # noqa: N818 - named by what it says of the object
    """A Secret of this name has another owner. The text is its name."""


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

    def apply(self, manifest: Manifest, manager: str = FIELD_MANAGER, *, subresource: str = "") -> Manifest:
        """Apply an object on the server, and return it. Of a Secret, only the metadata is returned."""
        kind, meta = manifest["kind"], manifest["metadata"]
        written = self._api.call(
            "PATCH",
            self._path(kind, meta["namespace"], meta["name"]) + (f"/{subresource}" if subresource else ""),
            manifest,
            content_type=APPLY,
            accept=METADATA_ONLY if kind == SECRET else JSON,
            query={"fieldManager": manager, "force": "true"},
        )
        return checked_object(written, KINDS.get(kind, {kind}), meta["name"])

    def delete(self, key: ObjectKey, namespace: str) -> None:
        """Delete an object, which may be gone already, and what it owns."""
        path = self._path(key.kind, namespace, key.name)
        self._api.call("DELETE", path, none_if=NOT_FOUND, query={"propagationPolicy": "Background"})

    def create_namespace(self, name: str) -> None:
        """Create a namespace, unless it exists."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self._api.call("POST", "/api/v1/namespaces", body, none_if=CONFLICT)

    def secret_uid(self, namespace: str, name: str, owners: Iterable[str]) -> str:
        """Return the UID of the Secret if one of `owners` owns it, "" if there is no such Secret.

        The API server compares the owner label, by a JSON Patch that tests it and changes nothing: the watcher
        needs no permission to read Secrets, and of this one only the metadata is returned (docs/adr).

        Raises:
            ForeignSecret: there is one, without such a label.

        """
        path = self._path(SECRET, namespace, name)
        label = f"/metadata/labels/{OWNER_LABEL.replace('/', '~1')}"
        for owner in owners:
            test = [{"op": "test", "path": label, "value": owner}]
            try:
                found = self._api.call(
                    "PATCH", path, test, content_type=JSON_PATCH, accept=METADATA_ONLY, none_if=NOT_FOUND
                )
            except ApiError as error:
                if error.status != INVALID or error.causes:  # causes: the Secret itself is invalid, not the test
                    raise
                continue
            return "" if found is None else str(checked_object(found, KINDS[SECRET], name)["metadata"]["uid"])
        raise ForeignSecret(name)

    def create_secret(self, namespace: str, name: str, owner: str) -> str:
        """Create an empty Secret with our owner label, and return its UID.

        Only a POST fails if a Secret of this name was made meanwhile; a server-side apply would merge with it.

        Raises:
            ForeignSecret: there is one.

        """
        meta = {"name": name, "namespace": namespace, "labels": {OWNER_LABEL: owner}}
        body: dict[str, Any] = {"apiVersion": "v1", "kind": SECRET, "metadata": meta, "type": "Opaque"}
        path, query = self._path(SECRET, namespace), {"fieldManager": FIELD_MANAGER}
        made = self._api.call("POST", path, body, accept=METADATA_ONLY, none_if=CONFLICT, query=query)
        if made is None:
            raise ForeignSecret(name)
        return str(checked_object(made, KINDS[SECRET], name)["metadata"]["uid"])

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


KINDS = {SECRET: {SECRET, "PartialObjectMetadata"}}
"""What an answer about a Secret may be: the API server need not grant the request for its metadata alone."""
