"""Row 10: a person edits or deletes our objects, others own fields of them, and foreign objects have our names."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.integration.driving import eventually

from .rows import record
from .scene import Scene, after_surveys

NAME = "a-model-serving"
THEIRS = {"metadata": {"annotations": {"team.example/cost": "7"}, "labels": {"team.example/unit": "x"}}}
NO_RESYNC = ("--resync-interval", "86400")


def edits(scene: Scene) -> dict[str, tuple[Callable[[], Any], Callable[[], bool]]]:
    """Return what a person may do to the objects of model `a`, and when it is undone."""
    cluster, namespace = scene.cluster, scene.cluster.namespace
    apps, core, scaling = cluster.apps, cluster.core, cluster.scaling

    def container() -> Any:
        return cluster.deployment("a").spec.template.spec.containers[0]

    def service() -> Any:
        return core.read_namespaced_service(NAME, namespace).spec

    def volumes() -> Any:
        return cluster.deployment("a").spec.template.spec.volumes

    def limit() -> int:
        return int(cluster.hpa("a").spec.max_replicas)

    image, selector, most = container().image, service().selector, limit()

    def of_deployment(spec: dict[str, Any]) -> Callable[[], Any]:
        return lambda: apps.patch_namespaced_deployment(NAME, namespace, {"spec": {"template": {"spec": spec}}})

    def of_container(changes: dict[str, Any]) -> Callable[[], Any]:
        return of_deployment({"containers": [{"name": "inference-server", **changes}]})

    def of_service(spec: dict[str, Any]) -> Callable[[], Any]:
        return lambda: core.patch_namespaced_service(NAME, namespace, {"spec": spec})

    host_path = {"name": "model", "emptyDir": None, "hostPath": {"path": "/srv"}}
    secret = {"secretKeyRef": {"name": "other", "key": "x"}}
    variable = container().env[0].name
    return {
        "the image": (of_container({"image": "other:1"}), lambda: container().image == image),
        "a variable": (
            of_container({"env": [{"name": variable, "value": None, "valueFrom": secret}]}),
            lambda: all(item.value_from is None for item in container().env if item.name == variable),
        ),
        "a probe": (
            of_container({"livenessProbe": {"httpGet": None, "exec": {"command": ["false"]}}}),
            lambda: container().liveness_probe._exec is None,
        ),
        "a volume": (
            of_deployment({"volumes": [host_path]}),
            lambda: all(item.host_path is None for item in volumes()),
        ),
        "the Service's port": (
            of_service({"ports": [{"port": 80, "$patch": "delete"}, {"port": 81}]}),
            lambda: [item.port for item in service().ports] == [80],
        ),
        "the Service's selector": (of_service({"selector": {"tier": "gold"}}), lambda: service().selector == selector),
        "the autoscaler's limit": (
            lambda: scaling.patch_namespaced_horizontal_pod_autoscaler(
                NAME, namespace, {"spec": {"maxReplicas": most + 1}}
            ),
            lambda: limit() == most,
        ),
        "the Service, deleted": (
            lambda: core.delete_namespaced_service(NAME, namespace),
            lambda: "Service" in scene.kinds("a"),
        ),
        "the autoscaler, deleted": (
            lambda: scaling.delete_namespaced_horizontal_pod_autoscaler(NAME, namespace),
            lambda: "HPA" in scene.kinds("a"),
        ),
        "the Deployment, deleted": (
            lambda: apps.delete_namespaced_deployment(NAME, namespace),
            lambda: scene.is_up("a"),
        ),
    }


def test_edits_and_deletions_of_our_objects_are_undone_without_a_resync(scenes: Callable[[], Scene]) -> None:
    """In two halves: a model is restored five times in ten minutes, and then left alone."""
    seconds: dict[str, float] = {}
    for half in (slice(5), slice(5, None)):
        scene = scenes()
        with scene.watcher(*NO_RESYNC) as watcher:
            scene.put("a/v1/model.joblib")
            eventually(lambda scene=scene: scene.is_up("a"))  # type: ignore[misc]
            after_surveys(watcher, 2)
            for name, (edit, undone) in list(edits(scene).items())[half]:
                edit()
                began = time.monotonic()
                eventually(undone)
                seconds[name] = time.monotonic() - began
    worst = max(seconds, key=lambda name: seconds[name])
    record(10, "restored", f"{len(seconds)} edits and deletions, each within {seconds[worst]:.1f} s")


def test_fields_of_others_on_our_objects_stay(scene: Scene) -> None:
    with scene.watcher("--resync-interval", "1") as watcher:
        scene.put("a/v1/model.joblib", b"one")
        eventually(lambda: scene.is_up("a"))
        apps, core, namespace = scene.cluster.apps, scene.cluster.core, scene.cluster.namespace
        apps.patch_namespaced_deployment(NAME, namespace, THEIRS)
        core.patch_namespaced_service(NAME, namespace, THEIRS)
        scene.put("a/v2/model.joblib", b"two")
        eventually(lambda: scene.cluster.version("a") == "v2")
        after_surveys(watcher, 3)
        for meta in (scene.cluster.deployment("a").metadata, core.read_namespaced_service(NAME, namespace).metadata):
            assert meta.annotations["team.example/cost"] == "7"
            assert meta.labels["team.example/unit"] == "x"


def test_foreign_objects_of_our_names_are_neither_taken_over_nor_deleted(scene: Scene) -> None:
    core, namespace = scene.cluster.core, scene.cluster.namespace
    foreign = {
        "s": lambda name: core.create_namespaced_service(
            namespace, {"metadata": {"name": name}, "spec": {"ports": [{"port": 1}]}}
        ),
        "k": lambda name: core.create_namespaced_secret(namespace, {"metadata": {"name": name}}),
        "c": lambda name: core.create_namespaced_config_map(namespace, {"metadata": {"name": name}}),
    }
    made = {model: create(f"{model}-model-serving").metadata.uid for model, create in foreign.items()}
    with scene.watcher("--removal-delay", "0", "--max-delete-fraction", "1") as watcher:
        for model in foreign:
            scene.put(f"{model}/v1/model.joblib")
        scene.put("fine/v1/model.joblib")
        eventually(lambda: scene.is_up("fine"))
        eventually(lambda: watcher.state("s") == "Rejected")
        after_surveys(watcher, 2)
        for model in foreign:
            scene.delete(f"{model}/v1/model.joblib")
        eventually(lambda: {watcher.state(model) for model in foreign} == {None})
        after_surveys(watcher, 2)
    found = {
        "s": core.read_namespaced_service("s-model-serving", namespace),
        "k": core.read_namespaced_secret("k-model-serving", namespace),
        "c": core.read_namespaced_config_map("c-model-serving", namespace),
    }
    assert {model: item.metadata.uid for model, item in found.items()} == made
    assert not any("kubeserve.io/owner" in (item.metadata.labels or {}) for item in found.values())
    record(10, "foreign objects", "a Service, a Secret and a ConfigMap of our names: unchanged")
