from __future__ import annotations

from typing import Any

import pytest

from watcher.client.doctor.facts import Disk, Place, Release
from watcher.errors import Rejected, Retryable

from .facts_of import CONTEXT, FORBIDDEN, cluster, error, found, namespace, source, status, verdicts

GIB = 1024**3
LABELLED = Release("home", "watch", "watch", {"KUBESERVE_LABELLED_NAMESPACES": "true"})


def test_namespace_without_the_label_for_models_fails_where_the_watcher_asks_for_it() -> None:
    finding = found("namespaces", cluster=cluster(release=LABELLED))
    assert (finding.verdict, finding.remedy) == ("fail", "kubectl label namespace team kubeserve.io/models=true")
    meta = {"name": "team", "labels": {"kubeserve.io/models": "true"}}
    marked = namespace(namespace={"metadata": meta})
    assert found("namespaces", cluster=cluster(release=LABELLED, namespaces={"team": marked})).verdict == "ok"


OF_CLUSTER = ("namespaces", "rights", "metrics", "images", "pod security", "network policy", "quota", "disk")


def test_without_a_kubeconfig_or_an_answer_what_depends_on_it_is_skipped() -> None:
    names = verdicts(cluster=Rejected("NoCluster", "no kubeconfig"))
    assert {names[name] for name in ("cluster", *OF_CLUSTER)} == {"skip"}
    names = verdicts(cluster=Retryable("ApiUnreachable", "no answer"))
    assert (names["cluster"], {names[name] for name in OF_CLUSTER}) == ("fail", {"skip"})


def test_a_fact_that_is_forbidden_is_skipped_with_the_reason() -> None:
    unseen = namespace(namespace=FORBIDDEN, pods=FORBIDDEN, deployments=FORBIDDEN, quotas=FORBIDDEN, granted=FORBIDDEN)
    given = cluster(nodes=FORBIDDEN, daemons=FORBIDDEN, namespaces={"team": unseen})
    names = verdicts(cluster=given)
    assert {names[name] for name in OF_CLUSTER if name != "metrics"} == {"skip"}
    assert "forbidden" in found("rights", cluster=given).detail


@pytest.mark.parametrize(("free", "verdict"), [(GIB, "ok"), (GIB - 1, "fail")])
def test_models_on_this_machine_need_its_disk_and_no_cluster(free: int, verdict: str) -> None:
    names = verdicts(cluster=None, disk=Disk("/state", free, 10 * GIB))
    assert (names["cluster"], names["disk"], "rights" in names) == ("skip", verdict, False)
    assert verdicts(cluster=None)["disk"] == "skip"


def test_a_metrics_api_that_does_not_answer_and_a_scaler_without_metrics_are_warnings() -> None:
    away = found("metrics", cluster=cluster(metrics=Retryable("ApiError", "HTTP 503")))
    assert (away.verdict, "apiservice" in away.remedy) == ("warn", True)
    condition = {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric"}
    scaler = {"metadata": {"name": "iris"}, "status": {"conditions": [condition]}}
    stuck = found("metrics", cluster=cluster(namespaces={"team": namespace(autoscalers=[scaler])}))
    assert (stuck.verdict, stuck.remedy) == ("warn", "kubectl describe hpa iris -n team")


@pytest.mark.parametrize(
    ("used", "verdict"), [({"pods": "9"}, "ok"), ({"pods": "10"}, "warn"), ({"requests.cpu": "2000m"}, "warn")]
)
def test_a_quota_that_is_used_up_is_a_warning(used: dict[str, str], verdict: str) -> None:
    hard = {"pods": "10", "requests.cpu": "2", "count/secrets": "0"}
    quota = {"metadata": {"name": "all"}, "status": {"hard": hard, "used": used}}
    assert found("quota", cluster=cluster(namespaces={"team": namespace(quotas=[quota])})).verdict == verdict


@pytest.mark.parametrize(
    ("daemons", "version", "verdict"),
    [(["calico-node"], "v1.35.0", "ok"), (["aws-node", "kube-proxy"], "v1.35.0", "warn"), ([], "v1.35.0+k3s1", "ok")],
)
def test_network_policies_are_enforced_by_a_known_plugin_or_distribution(
    daemons: list[str], version: str, verdict: str
) -> None:
    nodes = [{"metadata": {"name": "node"}, "status": {"nodeInfo": {"kubeletVersion": version}}}]
    assert found("network policy", cluster=cluster(daemons=daemons, nodes=nodes)).verdict == verdict


def test_an_image_of_the_watchers_own_pod_that_cannot_be_pulled_is_named() -> None:
    image = "localhost:5001/kubeserve-watcher:latest"
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "not\nfound"}}
    pod: dict[str, Any] = {
        "metadata": {"name": "kubeserve-1"},
        "spec": {"containers": [{"name": "watcher", "image": image}]},
    }
    pod["status"] = {"containerStatuses": [{"name": "watcher", "state": waiting}]}
    finding = found("images", cluster=cluster(release=Release("kubeserve", "kubeserve", "kubeserve", {}, [pod])))
    assert (finding.verdict, finding.detail) == ("fail", f"{image} cannot be pulled: not found")
    assert "--set image.repository=REGISTRY/kubeserve/kubeserve-watcher" in finding.remedy


def test_a_watcher_that_reads_nothing_or_another_bucket_is_named() -> None:
    broken = status(source("poll", live=False, detail="the secret key is wrong"))
    assert found("poll", status=broken).detail == "the watcher cannot read the bucket: the secret key is wrong"
    assert found("watcher", status=status(bucket="others")).remedy == "kubeserve context set lab --bucket others"
    stuck = [
        {"namespace": "team", "model": "iris", "state": "Failed"},
        {"namespace": "team", "model": "ok", "state": "Ready"},
    ]
    models = found("models", status=status(models=stuck))
    assert (models.verdict, models.remedy) == ("warn", "kubeserve status team/iris")


def test_the_remedy_for_a_watcher_that_is_down_depends_on_where_it_is() -> None:
    release = Release("kubeserve", "watch", "watch", {})
    given = {"status": error("NoWatcher"), "cluster": cluster(release=release)}
    assert "kubectl logs deployment/watch -n kubeserve" in found("watcher", **given).remedy
    assert "--watcher service://kubeserve/watch" in found("watcher", **given).remedy
    local = Place(CONTEXT.__class__("lab", store="folder:/data", watcher="http://w"))
    folder = found("watcher", status=error("NoWatcher"), cluster=None, place=local)
    assert folder.remedy == "kubeserve run --runtime local --store folder:/data"
