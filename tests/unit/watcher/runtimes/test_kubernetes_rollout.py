from __future__ import annotations

from watcher.runtimes.kubernetes.rollout import container_failure, is_complete, rollout_failure


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
