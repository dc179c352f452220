from __future__ import annotations

import pytest

from watcher.core.types import Pods
from watcher.runtimes.kubernetes.rollout import (
    container_failure,
    is_complete,
    pod_failure,
    rollout_failure,
    route_problem,
    serving_pods,
)


def test_route_problem_is_empty_once_a_gateway_has_accepted_the_route() -> None:
    def accepted(status: str) -> dict[str, str]:
        return {"type": "Accepted", "status": status, "reason": "NotAllowed", "message": "by listeners"}

    def route(*conditions: dict[str, str]) -> dict[str, object]:
        return {"metadata": {}, "status": {"parents": [{"conditions": [item]} for item in conditions]}}

    assert route_problem({"metadata": {}}) == "no gateway has accepted the HTTPRoute"
    assert route_problem(route(accepted("False"))) == "no gateway has accepted the HTTPRoute: NotAllowed: by listeners"
    assert route_problem(route(accepted("False"), accepted("True"))) == ""


def test_is_complete_when_only_new_pods_run_and_all_are_available() -> None:
    deployment = {
        "metadata": {"generation": 2},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    }
    assert is_complete(deployment)
    assert not is_complete({**deployment, "metadata": {"generation": 3}})
    assert not is_complete({**deployment, "status": {**deployment["status"], "replicas": 2}})


def test_container_failure_returns_the_termination_message() -> None:
    status = {
        "name": "inference-server",
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": {"exitCode": 1, "message": "there is no such object\n"}},
    }
    assert container_failure(status) == "there is no such object"
    assert container_failure({"state": {"waiting": {"reason": "ContainerCreating"}}}) == ""
    assert container_failure({"state": {"waiting": {"reason": "ErrImagePull", "message": "no x"}}}) == "no x"
    assert container_failure({"state": {"running": {}}, "ready": False}) == ""


def test_rollout_failure_of_a_stalled_rollout_returns_its_condition() -> None:
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too long"}
    assert rollout_failure({"status": {"conditions": [condition]}}) == "ProgressDeadlineExceeded: too long"


def test_container_failure_of_a_long_or_hostile_message_is_one_printable_line_of_4_kib() -> None:
    message = "\x1b[2J\x1b]0;title\x07a\r\nb\u202e" + "x" * 1_000_000
    found = container_failure({"state": {"terminated": {"exitCode": 1, "message": message}}})
    assert found.isprintable()
    assert len(found.encode()) <= 4096


def test_rollout_failure_of_a_long_or_hostile_message_is_one_printable_line_of_4_kib() -> None:
    condition = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate\n",
        "message": "\x1b[2J" + "é" * 9999,
    }
    found = rollout_failure({"status": {"conditions": [condition]}})
    assert found.isprintable()
    assert len(found.encode()) <= 4096


def test_container_failure_without_any_text_is_the_exit_code() -> None:
    assert container_failure({"state": {"terminated": {"exitCode": 137, "message": "\x00 \n"}}}) == "exit code 137"


def test_pod_failure_is_that_of_the_pods_of_this_version() -> None:
    def pod(version: str, message: str) -> dict[str, object]:
        status = {"name": "download-model", "state": {"terminated": {"exitCode": 1, "message": message}}}
        annotations = {"kubeserve.io/version": version, "kubeserve.io/etag": "e"}
        return {"metadata": {"annotations": annotations}, "status": {"initContainerStatuses": [status]}}

    pods = [pod("v1", "old"), pod("v2", "new")]
    assert pod_failure(pods, {"kubeserve.io/version": "v2", "kubeserve.io/etag": "e"}) == "download-model: new"
    assert pod_failure(pods, {"kubeserve.io/version": "v3", "kubeserve.io/etag": "e"}) == ""


def pod(version: str, ready: str = "True", **metadata: str) -> dict[str, object]:
    metadata_of = {"annotations": {"kubeserve.io/version": version}, **metadata}
    return {"metadata": metadata_of, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ([], Pods("", 0, 2)),
        ([pod("v2", "False")], Pods("", 0, 2)),
        ([pod("v1"), pod("v1"), pod("v2")], Pods("v1", 3, 2)),
        ([pod("v1"), pod("v2")], Pods("v2", 2, 2)),
        ([pod("v1"), pod("v2", "False")], Pods("v1", 1, 2)),
        ([pod("v1", deletionTimestamp="2026-01-01T00:00:00Z"), pod("v2")], Pods("v2", 1, 2)),
        ([{"metadata": {}, "status": {}}], Pods("", 0, 2)),
    ],
)
def test_serving_pods_are_the_ready_ones_and_the_version_of_most(pods: list[dict[str, object]], expected: Pods) -> None:
    deployment = {"metadata": {"annotations": {"kubeserve.io/version": "v2"}}, "spec": {"replicas": 2}}
    assert serving_pods(deployment, pods) == expected


@pytest.mark.parametrize(("available", "expected"), [(2, Pods("v2", 2, 2)), (0, Pods("", 0, 2))])
def test_serving_pods_of_a_complete_rollout_are_the_deployments_own_count(available: int, expected: Pods) -> None:
    metadata = {"annotations": {"kubeserve.io/version": "v2"}}
    deployment = {"metadata": metadata, "spec": {"replicas": 2}, "status": {"availableReplicas": available}}
    assert serving_pods(deployment) == expected
