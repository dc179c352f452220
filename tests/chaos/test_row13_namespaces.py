"""Row 13: a namespace is missing, terminating or out of quota. That model waits and says why; the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable

from kubernetes import client

from tests.integration.driving import Watcher, eventually

from .rows import record
from .scene import Scene

KEEP = "kubeserve.io/test"
"""A finalizer that nobody removes, so that the namespace stays in deletion."""


def test_namespace_that_is_missing_ending_or_full_keeps_nobody_else_waiting_and_heals(scene: Scene) -> None:
    core, name = scene.cluster.core, scene.cluster.namespace
    missing, ending, full = (f"{name}-{word}" for word in ("missing", "ending", "full"))
    for namespace in (ending, full):
        finalizers = [KEEP] if namespace == ending else []
        core.create_namespace({"metadata": {"name": namespace, "finalizers": finalizers}})
    no_deployments = {"metadata": {"name": "none"}, "spec": {"hard": {"count/deployments.apps": "0"}}}
    core.create_namespaced_resource_quota(full, no_deployments)
    eventually(lambda: core.read_namespaced_resource_quota("none", full).status.hard)
    core.delete_namespace(ending)

    def heal_ending() -> None:
        core.patch_namespace(ending, {"metadata": {"finalizers": None}})
        eventually(lambda: is_absent(core, ending))
        core.create_namespace({"metadata": {"name": ending}})

    cures: dict[str, tuple[str, Callable[[], object]]] = {
        missing: ("missing", lambda: core.create_namespace({"metadata": {"name": missing}})),
        ending: ("terminating", heal_ending),
        full: ("out of quota", lambda: core.delete_namespaced_resource_quota("none", full)),
    }
    with scene.watcher() as watcher:
        for namespace in cures:
            scene.uploads.put(f"{namespace}/{namespace}/v1/model.joblib")
        for namespace in cures:
            eventually(lambda namespace=namespace: says_why(watcher, namespace))  # type: ignore[misc]
        scene.put("other/v1/model.joblib")
        eventually(lambda: scene.is_up("other"))
        for namespace, (problem, cure) in cures.items():
            cure()
            began = time.monotonic()
            eventually(lambda namespace=namespace: deployment_in(scene, namespace))  # type: ignore[misc]
            record(13, problem, f"applied {time.monotonic() - began:.1f} s after its cause was gone")


def says_why(watcher: Watcher, model: str) -> bool:
    found = watcher.model(model)
    return bool(found["reason"]) and found["state"] in {"Rejected", "Progressing", "Failed"}


def deployment_in(scene: Scene, namespace: str) -> bool:
    return bool(scene.cluster.apps.list_namespaced_deployment(namespace).items)


def is_absent(core: client.CoreV1Api, namespace: str) -> bool:
    return namespace not in {item.metadata.name for item in core.list_namespace().items}
