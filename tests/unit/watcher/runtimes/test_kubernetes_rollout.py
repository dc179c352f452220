from __future__ import annotations

from watcher.runtimes.kubernetes.rollout import container_failure, is_complete, pod_failure, rollout_failure


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
