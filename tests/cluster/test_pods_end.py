"""Row 15 of the fault table on a real node: pods end for reasons of the cluster under load, and no request fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.rows import amount, record
from tests.integration.driving import Uploads, eventually, model

from .kubeserve import Kubeserve
from .user import User, load, predict, step

TEAM = "calm"
NAME = "busy-model-serving"
PODS = ("pods", "--namespace", TEAM, "--selector", "app.kubernetes.io/instance=busy")
BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "busy", "namespace": TEAM},
    "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app.kubernetes.io/instance": "busy"}}},
}
"""A drain takes both pods at once without one."""


def replicas(count: int) -> bytes:
    return f"deployment: {{replicas: {count}}}\nautoscaling: {{enabled: false}}\n".encode()


class Busy:
    """The model `calm/busy`, with two pods."""

    def __init__(self, user: User, kubeserve: Kubeserve, uploads: Uploads) -> None:
        self.user, self.kubeserve, self.uploads = user, kubeserve, uploads
        self.url = ""

    def put(self, version: str, data: bytes) -> None:
        self.uploads.put(f"{TEAM}/busy/{version}/model.joblib", data)

    def scale(self, count: int) -> None:
        """Set the replicas as a user does, and wait until there are as many ready pods and no others."""
        self.uploads.put(f"{TEAM}/busy/values.yaml", replicas(count))
        eventually(lambda: self.deployment()["spec"]["replicas"] == count)
        self.settle()

    def settle(self) -> None:
        """Wait until there are as many ready pods as there should be, and no others."""
        eventually(lambda: self.ready() == self.deployment()["spec"]["replicas"] == len(self.pods()))

    def deployment(self) -> Any:
        return self.user.get("deployment", NAME, "--namespace", TEAM)

    def pods(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.user.get(*PODS)["items"]]

    def ready(self) -> int:
        return int(self.deployment()["status"].get("readyReplicas", 0))

    def version(self) -> str:
        """Return the version that new pods would load."""
        found: str = self.deployment()["spec"]["template"]["metadata"]["annotations"]["kubeserve.io/version"]
        return found


@pytest.fixture(scope="module")
def busy(user: User, kubeserve: Kubeserve, uploads: Uploads) -> Busy:
    found = Busy(user, kubeserve, uploads)
    with step("upload calm/busy v1 with two pods → Ready"):
        user.namespace(TEAM)
        uploads.put(f"{TEAM}/busy/values.yaml", replicas(2))
        found.put("v1", model("one"))
        kubeserve.wait("busy", "v1")
        found.settle()
        found.url = f"http://{user.cluster_ip(TEAM, NAME)}"
        eventually(lambda: predict(found.url))
    return found


def evict(busy: Busy) -> None:
    """Evict one pod by the API that drains and autoscalers of nodes use."""
    pod = busy.pods()[0]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": TEAM}}
    path = f"/api/v1/namespaces/{TEAM}/pods/{pod}/eviction"
    busy.user.kubectl("create", "--raw", path, "--filename", "-", stdin=json.dumps(body))
    eventually(lambda: pod not in busy.pods())
    busy.settle()


def drain(busy: Busy) -> None:
    """Drain the only node of the model's pods, and let it accept pods again, as if another node had come."""
    node = busy.user.get("nodes")["items"][0]["metadata"]["name"]
    before = set(busy.pods())
    busy.user.kubectl("apply", "--filename", "-", stdin=json.dumps(BUDGET))
    selector = ("--pod-selector", PODS[-1], "--delete-emptydir-data", "--timeout", "120s")
    try:
        with busy.user.started("drain", node, *selector) as draining:
            eventually(lambda: any(pod not in before for pod in busy.pods()))
            busy.user.kubectl("uncordon", node)
            assert draining.wait(180) == 0
    finally:
        busy.user.kubectl("uncordon", node)
        busy.user.kubectl("delete", "poddisruptionbudget", "busy", "--namespace", TEAM)
    busy.settle()
    assert not before & set(busy.pods())


def scale_down(busy: Busy) -> None:
    """Take the second pod away, and give it back."""
    busy.scale(1)
    busy.scale(2)


DISRUPTIONS: dict[str, tuple[Callable[[Busy], None], int]] = {
    "evictions": (evict, 2),
    "drains": (drain, 1),
    "scale-downs": (scale_down, 1),
}
"""What happens, and how often in the short form; 50 times in the long one."""


@pytest.mark.parametrize("kind", DISRUPTIONS)
def test_pods_end_under_load_without_a_failed_request(busy: Busy, kind: str) -> None:
    disrupt, few = DISRUPTIONS[kind]
    count = amount(few, 50)
    with load(busy.url) as running, step(f"{count} {kind} under load"):
        eventually(lambda: running.answers.total() > 100)
        for _ in range(count):
            disrupt(busy)
        seen = running.answers.total()
        eventually(lambda: running.answers.total() > seen + 100)
    print(f"           {running.answers.total()} requests, failed: {len(running.failures)}")
    assert running.failures == []
    record(15, kind, f"{count} under load, {running.answers.total():,} requests, 0 failed")


def test_pod_that_is_deleted_while_a_bad_version_is_uploaded_comes_back_with_the_good_one(busy: Busy) -> None:
    with load(busy.url) as running:
        with step("upload a broken v2: it fails, and the Deployment names v1 again"):
            busy.put("v2", b"not a model")
            eventually(lambda: busy.kubeserve.model("busy")["state"] == "Failed")
            eventually(lambda: busy.version() == "v1")
        with step("delete a pod: the new one serves v1"):
            busy.settle()
            pod = busy.pods()[0]
            busy.user.kubectl("delete", "pod", pod, "--namespace", TEAM)
            eventually(lambda: pod not in busy.pods())
            busy.settle()
            assert busy.version() == "v1"
    assert running.failures == []
    assert set(running.answers) == {"['one']"}
    record(8, "a bad version on a node", f"{running.answers.total():,} requests, 0 failed")
    with step("delete the model → it is gone"):
        for key in ("v1/model.joblib", "v2/model.joblib", "values.yaml"):
            busy.uploads.delete(f"{TEAM}/busy/{key}")
        eventually(lambda: gone(busy))


def gone(busy: Busy) -> bool:
    return all(item["model"] != "busy" for item in busy.kubeserve.status()["models"]) and not busy.pods()
