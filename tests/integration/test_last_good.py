"""A version that fails by its own fault, at a real API server. The tests write the pods' status."""

from __future__ import annotations

import hashlib
from typing import Any

from .driving import Cluster, Watcher
from .kubernetes_setup import Setup
from .pod_status import REASON, Kubelet, ended


def shown(watcher: Watcher) -> tuple[str, str, str]:
    """Return the state, the version that serves, and the reason."""
    model = watcher.model("iris")
    return model["state"], model["serving"], model["reason"]


def states(watcher: Watcher) -> dict[str, str]:
    return {item["version"]: item["state"] for item in watcher.model("iris")["versions"]}


def serve_v1(setup: Setup, watcher: Watcher, kubelet: Kubelet) -> Any:
    """Upload a version that works, wait until it is ready, and return its template."""
    setup.put("iris/v1/model.joblib", b"good")
    kubelet.until(lambda: watcher.state("iris"), "Ready")
    return setup.cluster.deployment("iris").spec.template


def test_version_that_fails_leaves_the_spec_and_comes_back_only_with_other_bytes(setup: Setup) -> None:
    kubelet = Kubelet(setup.cluster)
    kubelet.bad = {"v2/model.joblib": ("inference-server", ended(1))}
    failed = ("Failed", "v1", f"inference-server: {REASON}; v1 keeps serving")
    with setup.watcher() as watcher:
        good = serve_v1(setup, watcher, kubelet)
        sets = replica_sets(setup.cluster)
        setup.put("iris/v2/model.joblib", b"garbage")
        kubelet.until(lambda: shown(watcher), failed)
        kubelet.until(lambda: setup.cluster.deployment("iris").spec.template == good, True)
        assert states(watcher) == {"v2": "Failed", "v1": "Ready"}
        kubelet.until(lambda: versions_of_pods(setup.cluster), {"v1"})
        assert sets < replica_sets(setup.cluster)  # the old ReplicaSet was adopted, and that of v2 is empty
        seen = [item["state"] for item in events(watcher)]  # its pods may have been seen before they failed, or not
        assert [state for state in seen if state != "Progressing"][:2] == ["Failed", "Applied"]
    generation = setup.cluster.deployment("iris").metadata.generation
    with setup.watcher() as watcher:  # a restart forgets nothing
        kubelet.until(lambda: shown(watcher), failed)
        setup.put("iris/v3/model.joblib", b"garbage")
        kubelet.bad["v3/model.joblib"] = ("download-model", ended(65, "requirements.txt cannot be installed"))
        kubelet.until(lambda: shown(watcher)[2].startswith("download-model: requirements.txt cannot be installed; v1"))
        kubelet.until(lambda: setup.cluster.deployment("iris").spec.template == good, True)
        assert states(watcher) == {"v3": "Failed", "v2": "Failed", "v1": "Ready"}
        assert setup.cluster.deployment("iris").metadata.generation == generation + 2  # there and back
        kubelet.bad.clear()
        setup.put("iris/v3/model.joblib", b"mended")
        kubelet.until(lambda: shown(watcher), ("Ready", "v3", ""))


def test_values_and_bytes_of_the_version_that_serves_go_back_too(setup: Setup) -> None:
    kubelet = Kubelet(setup.cluster)
    out_of_memory = ended(137, "", reason="OOMKilled")
    kubelet.bad = {"'memory': '1Mi'": ("inference-server", out_of_memory)}
    with setup.watcher() as watcher:
        good = serve_v1(setup, watcher, kubelet)
        setup.put("iris/values.yaml", b"deployment: {resources: {limits: {memory: 1Mi}, requests: {memory: 1Mi}}}")
        kubelet.until(lambda: watcher.state("iris"), "Failed")
        assert shown(watcher)[2].endswith("; v1 keeps serving with its earlier files")
        kubelet.until(lambda: setup.cluster.deployment("iris").spec.template == good, True)
        setup.delete("iris/values.yaml")
        kubelet.until(lambda: watcher.state("iris"), "Ready")
        kubelet.bad = {etag_of(b"garbage"): ("inference-server", ended(1))}
        setup.put("iris/v1/model.joblib", b"garbage")
        kubelet.until(lambda: watcher.state("iris"), "Failed")
        kubelet.until(lambda: setup.cluster.deployment("iris").spec.template == good, True)


def test_trouble_of_the_cluster_or_the_store_changes_nothing(setup: Setup) -> None:
    kubelet = Kubelet(setup.cluster)
    no_image = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
    with setup.watcher() as watcher:
        serve_v1(setup, watcher, kubelet)
        for version, container, state in (
            ("v2", "inference-server", no_image),
            ("v3", "download-model", ended(1, "the store at minio:9000 cannot be reached")),
        ):
            kubelet.bad = {f"{version}/model.joblib": (container, state)}
            setup.put(f"iris/{version}/model.joblib")
            kubelet.until(lambda: watcher.state("iris"), "Failed")
            seen = surveys(watcher)
            kubelet.until(lambda seen=seen: surveys(watcher) > seen + 2)
            assert setup.cluster.version("iris") == version


def test_first_version_that_fails_stays_until_a_lower_one_exists(setup: Setup) -> None:
    kubelet = Kubelet(setup.cluster)
    kubelet.bad = {"v2/model.joblib": ("inference-server", ended(1))}
    with setup.watcher() as watcher:
        setup.put("iris/v2/model.joblib", b"garbage")
        kubelet.until(lambda: watcher.state("iris"), "Failed")
        assert setup.cluster.version("iris") == "v2"
        setup.put("iris/v1/model.joblib")
        kubelet.until(lambda: shown(watcher)[:2], ("Failed", "v1"))
        assert setup.cluster.version("iris") == "v1"


def surveys(watcher: Watcher) -> float:
    """Return how many surveys have succeeded."""
    text = watcher.get("/metrics").data.decode()
    line = next(item for item in text.splitlines() if item.startswith('kubeserve_watcher_passes_total{result="ok"}'))
    return float(line.rpartition(" ")[2])


def events(watcher: Watcher) -> list[dict[str, Any]]:
    """Return what happened to iris, the newest first."""
    namespace = watcher.model("iris")["namespace"]
    found: list[dict[str, Any]] = watcher.get(f"/status/{namespace}/iris").json()["events"]
    return found


def replica_sets(cluster: Cluster) -> set[str]:
    return {item.metadata.name for item in cluster.apps.list_namespaced_replica_set(cluster.namespace).items}


def versions_of_pods(cluster: Cluster) -> set[str]:
    pods = cluster.core.list_namespaced_pod(cluster.namespace).items
    return {pod.metadata.annotations["kubeserve.io/version"] for pod in pods}


def etag_of(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
