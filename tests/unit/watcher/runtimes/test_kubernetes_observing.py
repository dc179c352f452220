from __future__ import annotations

from typing import Any

import pytest

from watcher.core.types import ModelId, ObjectKey, Pods, State, Store
from watcher.runtimes.kubernetes.facts import fact_of, pod_fact_of
from watcher.runtimes.kubernetes.observing import Observer, serving_pods

from .manifests import deployment, live, pod

IRIS = ModelId("team", "iris")


def never(_: object) -> bool:
    """Sign no URLs."""
    return False


OBSERVER = Observer(Store("models", "minio:9000", secure=False), "models", "", ())


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ([], Pods("", 0, 2)),
        ([pod(ready="False")], Pods("", 0, 2)),
        ([pod(version="v1"), pod(version="v1"), pod()], Pods("v1", 3, 2)),
        ([pod(version="v1"), pod()], Pods("v2", 2, 2)),
        ([pod(version="v1"), pod(ready="False")], Pods("v1", 1, 2)),
        ([pod(version="v1", deletionTimestamp="2026-01-01T00:00:00Z"), pod()], Pods("v2", 1, 2)),
        ([live("Pod")], Pods("", 0, 2)),
    ],
)
def test_serving_pods_are_the_ready_ones_and_the_version_of_most(pods: list[dict[str, Any]], expected: Pods) -> None:
    assert serving_pods(fact_of(deployment()), map(pod_fact_of, pods)) == expected


@pytest.mark.parametrize(("complete", "expected"), [(True, Pods("v2", 2, 2)), (False, Pods("", 0, 2))])
def test_serving_pods_of_a_complete_rollout_are_the_deployments_own_count(complete: bool, expected: Pods) -> None:
    assert serving_pods(fact_of(deployment(complete=complete))) == expected


def test_observed_of_a_complete_rollout_asks_for_no_pods() -> None:
    def pods(track: str) -> list[Any]:
        raise AssertionError(track)

    found = OBSERVER.observed(IRIS, [fact_of(deployment(complete=True))], pods, never)
    assert (found.state, found.version, found.etag) == (State.READY, "v2", "e")
    assert found.url == "http://iris-model-serving.team"


def test_complete_rollout_without_pods_has_served() -> None:
    made = deployment(complete=True)
    none = {**made, "spec": {**made["spec"], "replicas": 0}, "status": {"observedGeneration": 1}}
    found = OBSERVER.observed(IRIS, [fact_of(none)], lambda _: [], never)
    assert (found.state, found.pods) == (State.READY, Pods("", 0, 0))
    assert (found.live.has_served, found.live.was_complete) == (True, True)


def test_observed_of_a_rollout_with_a_failing_pod_is_failed_with_its_reason() -> None:
    found = OBSERVER.observed(IRIS, [fact_of(deployment())], lambda _: [pod_fact_of(pod(message="no such key"))], never)
    assert (found.state, found.reason) == (State.FAILED, "download-model: no such key")


def test_observed_separates_objects_of_other_owners() -> None:
    labels = {"kubeserve.io/owner": "theirs", "app.kubernetes.io/instance": "iris"}
    found = OBSERVER.observed(IRIS, [fact_of(deployment()), fact_of(live(labels=labels))], lambda _: [], never)
    assert set(found.objects) == {ObjectKey("Deployment", "iris-model-serving")}
    assert found.foreign == (ObjectKey("Service", "iris-model-serving"),)


def crashed(restarts: int = 0, **metadata: Any) -> dict[str, Any]:
    """Return a pod of the present template whose server has crashed."""
    ended = {"terminated": {"exitCode": 1, "message": "it does not load"}}
    status = {"name": "inference-server", "restartCount": restarts, "state": ended}
    return {**pod(ready="False", **metadata), "status": {"containerStatuses": [status]}}


def with_condition(status: str, reason: str) -> dict[str, Any]:
    """Return a Deployment with a condition of its rollout."""
    made = deployment(generation=1)
    conditions = [{"type": "Progressing", "status": status, "reason": reason}]
    return {**made, "status": {**made["status"], "observedGeneration": 1, "conditions": conditions}}


COMPLETE, OVERDUE = (
    with_condition("True", "NewReplicaSetAvailable"),
    with_condition("False", "ProgressDeadlineExceeded"),
)
RUNNING = {"containerStatuses": [{"name": "inference-server", "state": {"running": {"startedAt": "now"}}}]}
HANGS = {**pod(ready="False"), "status": RUNNING}
OF_OTHER_VALUES = {"kubeserve.io/version": "v2", "kubeserve.io/etag": "e", "kubeserve.io/release": "other"}


@pytest.mark.parametrize(
    ("made", "pods", "is_at_fault"),
    [
        (deployment(), [crashed()], True),
        (deployment(), [crashed(annotations=OF_OTHER_VALUES)], False),
        (deployment(), [crashed(), pod()], False),  # one of its pods serves: one crash is only restarted
        (deployment(), [crashed(1), pod()], True),
        (COMPLETE, [crashed()], False),
        (COMPLETE, [crashed(1)], True),
        (deployment(), [HANGS], False),
        (OVERDUE, [HANGS], True),
        (OVERDUE, [pod(ready="False")], False),  # no server runs: a quota, a full cluster, an image
        (OVERDUE, [HANGS, pod()], False),
    ],
)
def test_release_is_at_fault_if_it_crashes_or_hangs_and_after_it_has_served_only_repeatedly(
    made: dict[str, Any], pods: list[dict[str, Any]], is_at_fault: bool
) -> None:
    found = OBSERVER.observed(IRIS, [fact_of(made)], lambda _: map(pod_fact_of, pods), never)
    assert found.live.is_at_fault == is_at_fault
