"""What the facts of a cluster mean. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.client.doctor import remedies
from watcher.client.doctor.by_namespace import each, skipped
from watcher.client.doctor.facts import ClusterFacts, Facts
from watcher.client.doctor.finding import Finding, fail, ok, skip, warn
from watcher.client.doctor.pod_checks import POD_SECURITY, check_images, check_pod_security, check_quota
from watcher.client.doctor.rights_checks import check_rights
from watcher.core.text import one_line
from watcher.core.types import MODELS_LABEL, Manifest
from watcher.errors import WatcherError

ENFORCERS = (
    *("calico", "canal", "cilium", "antrea", "weave", "kube-router", "ovnkube", "ovn-kubernetes", "azure-npm", "anetd"),
    *("romana", "kube-network-policies", "kindnet", "tigera"),
)
"""How the DaemonSets of network plugins that enforce NetworkPolicies begin. `aws-node` does so only on request."""
BUILT_IN = ("+k3s", "+rke2")
"""In the kubelet's version: distributions that enforce NetworkPolicies without a DaemonSet."""
METRICS_SERVER = "https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml"
OF_CLUSTER = ("namespaces", "rights", "metrics", "images", "pod security", "network policy", "quota", "disk")


def check_cluster(facts: Facts) -> Iterator[Finding]:
    """Yield what is to be said of the cluster, or of the disk where models run on this machine."""
    cluster = facts.cluster
    if cluster is None:
        yield skip("cluster", "models run on this machine")
        yield _own_disk(facts)
        return
    if isinstance(cluster, WatcherError):
        if cluster.reason == "NoCluster":
            yield from (skip(name, "no kubeconfig") for name in ("cluster", *OF_CLUSTER))
            return
        yield fail("cluster", str(cluster), "kubectl cluster-info; kubectl auth whoami")
        yield from (skip(name, "the API server does not answer") for name in OF_CLUSTER)
        return
    yield ok("cluster", f"{cluster.server} answers")
    yield _namespaces(cluster)
    yield from check_rights(cluster)
    yield _metrics(cluster)
    yield check_images(cluster)
    yield check_pod_security(cluster)
    yield _network_policy(cluster)
    yield check_quota(cluster)
    yield _disk(cluster)


def _namespaces(cluster: ClusterFacts) -> Finding:
    known, problem = each(cluster, lambda item: item.namespace)
    if absent := [name for name, found in known.items() if found is None]:
        detail = f"{', '.join(absent)} does not exist"
        if cluster.release and cluster.release.is_on("CREATE_NAMESPACES"):
            return ok("namespaces", f"{detail}; the watcher creates it")
        return fail("namespaces", detail, "\n".join(f"kubectl create namespace {name}" for name in absent))
    if not known:
        return skipped("namespaces", problem)
    if cluster.release and cluster.release.is_on("LABELLED_NAMESPACES"):
        unlabelled = [name for name, found in known.items() if _label(found, MODELS_LABEL) != "true"]
        if unlabelled:
            remedy = "\n".join(f"kubectl label namespace {name} {MODELS_LABEL}=true" for name in unlabelled)
            return fail("namespaces", f"{', '.join(unlabelled)}: not labelled for models", remedy)
    return ok("namespaces", ", ".join(_labelled(name, found) for name, found in known.items()))


def _labelled(name: str, namespace: Manifest) -> str:
    level = _label(namespace, POD_SECURITY)
    return f"{name} (enforce={one_line(level, 30)})" if level else f"{name} (no Pod Security label)"


def _label(namespace: Manifest, name: str) -> str | None:
    return (namespace["metadata"].get("labels") or {}).get(name)


def _metrics(cluster: ClusterFacts) -> Finding:
    scalers, _ = each(cluster, lambda item: item.autoscalers)
    stuck = [
        f"{name}/{item['metadata']['name']}"
        for name, found in scalers.items()
        for item in found
        if _lacks_metrics(item)
    ]
    apply = f"kubectl apply -f {METRICS_SERVER}"
    if cluster.metrics is False:
        also = f": {', '.join(stuck[:3])} cannot scale" if stuck else ": autoscalers cannot scale"
        return warn("metrics", f"the cluster has no metrics API (metrics.k8s.io){also}", apply)
    if isinstance(cluster.metrics, WatcherError):
        detail = f"the metrics API does not answer: {cluster.metrics}"
        return warn("metrics", detail, "kubectl describe apiservice v1beta1.metrics.k8s.io")
    if stuck:
        name, _, scaler = stuck[0].partition("/")
        return warn("metrics", f"{', '.join(stuck[:3])} gets no metrics", f"kubectl describe hpa {scaler} -n {name}")
    return ok("metrics", "the metrics API is there")


def _lacks_metrics(scaler: Manifest) -> bool:
    conditions = (scaler.get("status") or {}).get("conditions") or []
    return any(
        (item.get("type"), item.get("status")) == ("ScalingActive", "False") and "Metric" in str(item.get("reason"))
        for item in conditions
    )


def _network_policy(cluster: ClusterFacts) -> Finding:
    nodes = [] if isinstance(cluster.nodes, WatcherError) else cluster.nodes
    versions = [str(((item.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion")) for item in nodes]
    if any(mark in version for version in versions for mark in BUILT_IN):
        return ok("network policy", "the distribution enforces NetworkPolicies")
    if isinstance(cluster.daemons, WatcherError):
        return skip("network policy", str(cluster.daemons))
    if found := [name for name in cluster.daemons if name.startswith(ENFORCERS)]:
        return ok("network policy", f"{found[0]} enforces NetworkPolicies")
    detail = "NetworkPolicies are not enforced as far as can be seen: no network plugin that does so is known here"
    return warn(
        "network policy", detail, "kubectl get daemonsets -A   # a plugin such as Calico or Cilium enforces them"
    )


def _disk(cluster: ClusterFacts) -> Finding:
    if isinstance(cluster.nodes, WatcherError):
        return skip("disk", str(cluster.nodes))
    if not cluster.nodes:
        return skip("disk", "the cluster has no nodes")
    full = [item["metadata"]["name"] for item in cluster.nodes if _has_pressure(item)]
    if full:
        remedy = "\n".join(f"kubectl describe node {name}" for name in full[:3])
        return fail("disk", f"{', '.join(full[:3])}: the disk is almost full, and the node takes no pods", remedy)
    return ok("disk", f"none of {len(cluster.nodes)} nodes is short of disk")


def _has_pressure(node: Manifest) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or []
    return any((item.get("type"), item.get("status")) == ("DiskPressure", "True") for item in conditions)


LEAST_FREE = 1024**3
"""Bytes. A model with its packages takes some hundred MiB."""


def _own_disk(facts: Facts) -> Finding:
    disk = facts.disk
    if disk is None:
        return skip("disk", "the watcher's folder is not on this machine")
    free = f"{disk.free / 1024**3:.1f} GiB free of {disk.total / 1024**3:.1f} GiB in {disk.path}"
    if disk.free < LEAST_FREE:
        return fail(
            "disk", f"{free}: models and their packages may not fit", f"du -xh -d1 {remedies.quoted(disk.path)}"
        )
    return ok("disk", free)
