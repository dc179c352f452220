from __future__ import annotations

from typing import Any

import pytest

from server.errors import CANNOT_RUN, OWN_FAULT
from watcher.runtimes.kubernetes.rollout import (
    container_failure,
    crashes_of_pod,
    failure_of_pod,
    installed_packages,
    is_complete,
    is_ready,
    rollout_failure,
    route_problem,
    was_complete,
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


def test_container_failure_is_none_while_the_urls_are_on_their_way() -> None:
    missing = "couldn't find key urls-595683c05ad356c4923f2e46 in ConfigMap evil/liar-model-serving"
    waiting = {"reason": "CreateContainerConfigError", "message": missing}
    assert container_failure({"state": {"waiting": waiting}}) == ""
    other = {**waiting, "message": 'secret "mine" not found'}
    assert container_failure({"state": {"waiting": other}}) == 'secret "mine" not found'
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


def test_failure_of_pod_names_the_first_container_that_fails() -> None:
    failed = {"name": "download-model", "state": {"terminated": {"exitCode": 1, "message": "no such key"}}}
    status = {"initContainerStatuses": [failed], "containerStatuses": [{"name": "server", "state": {"waiting": {}}}]}
    assert failure_of_pod({"metadata": {}, "status": status}) == "download-model: no such key"
    assert failure_of_pod({"metadata": {}, "status": {"containerStatuses": None}}) == ""


def test_is_ready_is_false_for_a_pod_that_is_being_deleted() -> None:
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    assert is_ready({"metadata": {}, "status": status})
    assert not is_ready({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": status})
    assert not is_ready({"metadata": {}, "status": {"conditions": [{"type": "Ready", "status": "False"}]}})
    assert not is_ready({"metadata": {}, "status": {}})


def container(
    code: int, name: str = "inference-server", why: str = "Error", restarts: int = 0, **state: object
) -> dict[str, object]:
    ended = {"terminated": {"exitCode": code, "reason": why}}
    return {"name": name, "restartCount": restarts, "state": state or ended, "lastState": ended}


@pytest.mark.parametrize(
    ("status", "crashes"),
    [
        (container(1), 1),
        (container(139, restarts=3), 4),
        (container(137, why="OOMKilled"), 1),
        (container(1, restarts=1, waiting={"reason": "CrashLoopBackOff"}), 2),
        (container(OWN_FAULT, "download-model"), 1),
        (container(137, "download-model", "OOMKilled"), 1),
        # Not the version's fault: the store, an earlier image, a port, whoever killed it, an image, a node.
        (container(1, "download-model"), 0),
        (container(CANNOT_RUN), 0),
        (container(137), 0),
        (container(143), 0),
        (container(128, why="StartError"), 0),
        (container(0, waiting={"reason": "ErrImagePull"}), 0),
        (container(1, running={"startedAt": "now"}), 0),
        ({"name": "inference-server", "state": {"waiting": {"reason": "ErrImagePull"}}}, 0),
    ],
)
def test_crashes_of_a_pod_are_those_by_the_versions_own_fault(status: dict[str, object], crashes: int) -> None:
    assert crashes_of_pod({"metadata": {}, "status": {"containerStatuses": [status]}}) == crashes


@pytest.mark.parametrize(
    "pod",
    [
        {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}},
        {"metadata": {}, "status": {"reason": "Evicted", "phase": "Failed"}},
        {"metadata": {}, "status": {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}},
    ],
)
def test_crashes_of_a_pod_that_was_taken_away_do_not_count(pod: dict[str, dict[str, object]]) -> None:
    status = {**pod.get("status", {}), "containerStatuses": [container(1)]}
    assert crashes_of_pod({**pod, "status": status}) == 0


def test_was_complete_only_while_the_controller_has_seen_the_present_template() -> None:
    condition = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
    status = {"observedGeneration": 2, "conditions": [condition]}
    assert was_complete({"metadata": {"generation": 2}, "status": status})
    assert not was_complete({"metadata": {"generation": 3}, "status": status})
    updated = {**condition, "reason": "ReplicaSetUpdated"}
    assert not was_complete({"metadata": {"generation": 2}, "status": {**status, "conditions": [updated]}})


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ('{"packages": "a-b==1.0 c==2!1.0.post1+cpu", "python": "3.11"}', {"3.11": "a-b==1.0 c==2!1.0.post1+cpu"}),
        ('{"packages": "", "python": "3.11"}', {}),
        ('{"packages": "a @ http://evil", "python": "3.11"}', {}),
        ('{"packages": "a==1 -r==x", "python": "3.11"}', {}),
        ('{"packages": "a==1\\n--index-url==x", "python": "3.11"}', {}),
        ('{"packages": ["a==1"], "python": "3.11"}', {}),
        ('{"packages": "a==1"}', {}),
        ('{"packages": "a==1", "python": "of\\ntoday"}', {}),
        ("[]", {}),
        ("not JSON", {}),
        (None, {}),
    ],
)
def test_installed_packages_are_names_and_versions_alone(message: str | None, found: dict[str, str]) -> None:
    def pod(name: str, code: int) -> dict[str, Any]:
        ended = {"name": name, "state": {"terminated": {"exitCode": code, "message": message}}}
        return {"metadata": {}, "status": {"initContainerStatuses": [ended]}}

    assert installed_packages(pod("install", 0)) == found
    assert installed_packages(pod("install", 1)) == installed_packages(pod("download-model", 0)) == {}
