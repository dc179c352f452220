"""Pods that are ready without a kubelet: the test writes their status."""

from __future__ import annotations

from kubernetes import client

from .driving import Cluster, eventually


def set_ready(cluster: Cluster, instance: str, *, ready: bool = True) -> None:
    """Set whether the pods with this instance label are ready. Wait for the first one."""
    selector = f"app.kubernetes.io/instance={instance}"
    for pod in eventually(lambda: cluster.core.list_namespaced_pod(cluster.namespace, label_selector=selector).items):
        conditions = [{"type": "Ready", "status": str(ready), "lastTransitionTime": "2026-01-01T00:00:00Z"}]
        body = {"status": {"phase": "Running", "conditions": conditions}}
        cluster.core.patch_namespaced_pod_status(pod.metadata.name, cluster.namespace, body)


def routes(api: client.ApiClient, namespace: str) -> dict[str, dict[str, object]]:
    """Return the HTTPRoutes of a namespace by name."""
    place = ("gateway.networking.k8s.io", "v1", namespace, "httproutes")
    return {
        item["metadata"]["name"]: item
        for item in client.CustomObjectsApi(api).list_namespaced_custom_object(*place)["items"]
    }
