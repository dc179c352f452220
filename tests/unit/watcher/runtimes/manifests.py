"""Objects in the form in which an API server sends them."""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]

OURS = {"kubeserve.io/owner": "models", "app.kubernetes.io/instance": "iris"}


def applied(fields: Manifest, manager: str = "kubeserve", operation: str = "Apply") -> Manifest:
    """Return an entry of `managedFields`."""
    return {"manager": manager, "operation": operation, "fieldsV1": fields}


def live(kind: str = "Service", spec: Manifest | None = None, **metadata: Any) -> Manifest:
    """Return an object of the model team/iris."""
    meta = {"name": "iris-model-serving", "namespace": "team", "uid": f"uid of the {kind}", "resourceVersion": "1"}
    return {"kind": kind, "metadata": {**meta, "labels": OURS, **metadata}, "spec": spec or {}}


def deployment(
    spec: Manifest | None = None, *, version: str = "v2", complete: bool = False, **metadata: Any
) -> Manifest:
    """Return a Deployment of two pods, and its status."""
    annotations = {"kubeserve.io/version": version, "kubeserve.io/etag": "e"}
    counts = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2 if complete else 0}
    made = live("Deployment", {"replicas": 2, **(spec or {})}, **{"annotations": annotations, **metadata})
    return {**made, "status": counts}


def pod(name: str = "p", version: str = "v2", ready: str = "True", message: str = "", **metadata: Any) -> Manifest:
    """Return a pod of team/iris, whose download failed with `message`."""
    annotations = {"kubeserve.io/version": version, "kubeserve.io/etag": "e"}
    made = live("Pod", **{"name": name, "annotations": annotations, **metadata})
    ended = {"name": "download-model", "state": {"terminated": {"exitCode": 1, "message": message}}}
    conditions = [{"type": "Ready", "status": ready}]
    return {**made, "status": {"conditions": conditions, "initContainerStatuses": [ended] if message else []}}
