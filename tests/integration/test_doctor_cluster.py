"""Broken clusters, at a real API server, and what `kubeserve doctor` says of each."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, utils

from .driving import Cluster, eventually
from .helm import CHARTS, Helm
from .patient import SECRETS, Patient

LABELS = {"app.kubernetes.io/name": "model-serving", "app.kubernetes.io/instance": "iris", "kubeserve.io/owner": "me"}
HPA_ROLE = "horizontalpodautoscalers"


class Site:
    """A namespace with the watcher's release, which has no pods, and one for models; the doctor is an administrator."""

    def __init__(self, helm: Helm, cluster: Cluster, plane: Any, folder: Path) -> None:
        self.helm = replace(helm, kubeconfig=plane.kubeconfig)
        self.models, self.plane, self.folder = cluster, plane, folder
        self.home, self.bucket = f"kubeserve-{uuid.uuid4().hex[:8]}", f"bucket-{uuid.uuid4().hex[:8]}"
        self.api = cluster.core.api_client
        self.rbac = client.RbacAuthorizationV1Api(self.api)
        kubeconfig = {"KUBECONFIG": str(plane.kubeconfig), "KUBESERVE_NAMESPACE": cluster.namespace}
        self.patient = Patient(folder, KUBESERVE_S3_ENDPOINT="127.0.0.1:9", KUBESERVE_BUCKET=self.bucket, **kubeconfig)

    def install(self, *settings: str) -> None:
        self.models.core.create_namespace({"metadata": {"name": self.home}})
        keys = ("s3.accessKey=reader", f"s3.secretKey={SECRETS['AWS_SECRET_ACCESS_KEY']}")
        given = ("s3.endpoint=minio:9000", f"s3.bucket={self.bucket}", *keys, *settings)
        words = [word for setting in given for word in ("--set", setting)]
        self.helm.run("install", "watch", str(CHARTS / "kubeserve"), "-n", self.home, *words)

    def as_account(self, namespace: str, name: str) -> str:
        """Return a kubeconfig with the token of a service account."""
        body: Any = {"spec": {"expirationSeconds": 3600}}
        made: Any = self.models.core.create_namespaced_service_account_token(name, namespace, body)
        kubeconfig = json.loads(self.plane.kubeconfig.read_text())
        kubeconfig["users"][0]["user"] = {"token": str(made.status.token)}
        own = self.folder / f"{name}.kubeconfig"
        own.write_text(json.dumps(kubeconfig))
        return str(own)

    def change_rules(self, change: Callable[[list[Any]], list[Any]]) -> None:
        """Change the rules of the watcher's Role in the models' namespace."""
        name, namespace = f"{self.home}-watch", self.models.namespace
        role = self.rbac.read_namespaced_role(name, namespace)
        role.rules = change(role.rules)
        self.rbac.replace_namespaced_role(name, namespace, role)

    def apply(self, remedy: str) -> None:
        """Create what a remedy passes to `kubectl apply -f -`."""
        for part in remedy.split("<<'END'\n")[1:]:
            for document in part.partition("\nEND")[0].split("\n---\n"):
                utils.create_from_dict(self.api, json.loads(document))

    def deploy(self, **container: Any) -> None:
        """Make a Deployment as the watcher's, whose pod template is a test's."""
        spec = {"containers": [{"name": "inference-server", "image": "kubeserve-base:1", **container}]}
        template = {"metadata": {"labels": LABELS}, "spec": spec}
        body = {"metadata": {"name": "iris-model-serving", "labels": LABELS}}
        body |= {"spec": {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": template}}
        self.models.apps.create_namespaced_deployment(self.models.namespace, body)


@pytest.fixture
def site(helm: Helm, cluster: Cluster, control_plane: Any, tmp_path: Path) -> Site:
    return Site(helm, cluster, control_plane, tmp_path)


def test_the_charts_rights_are_what_the_watcher_needs_and_no_more(site: Site) -> None:
    site.install(f"watch.namespaces={{{site.models.namespace}}}")
    found = site.patient.findings()
    whose = f"system:serviceaccount:{site.home}:watch"
    assert found["rights"]["detail"] == f"{whose} has what the watcher needs and no more"
    assert found["namespaces"]["detail"] == f"{site.models.namespace} (no Pod Security label)"
    assert f"kubectl logs deployment/watch -n {site.home}" in found["watcher"]["remedy"]
    in_pod = site.patient.findings(KUBECONFIG=site.as_account(site.home, "watch"))
    assert in_pod["rights"]["detail"] == found["rights"]["detail"]
    for name in ("namespaces", "network policy", "disk"):
        assert (in_pod[name]["verdict"], "forbidden" in in_pod[name]["detail"]) == ("skip", True)


def test_the_charts_rights_in_all_namespaces_are_enough_and_those_in_one_are_not(site: Site) -> None:
    site.install(
        "watch.allNamespaces=true", "modelValues.ingress.enabled=true", "modelValues.ingress.host=models.example"
    )
    whose = f"system:serviceaccount:{site.home}:watch"
    assert f"{whose} has what the watcher needs and no more" in site.patient.one("rights")[1]
    site.rbac.delete_cluster_role_binding(f"{site.home}-watch")
    verdict, detail, remedy = site.patient.one("rights")
    assert (verdict, f"{whose} lacks in all namespaces: deployments (get, list, watch" in detail) == ("fail", True)
    assert "ClusterRoleBinding" in remedy


def test_a_right_that_is_lacking_is_named_and_the_remedy_grants_it(site: Site) -> None:
    site.install(f"watch.namespaces={{{site.models.namespace}}}")
    site.change_rules(lambda rules: [rule for rule in rules if rule.resources != [HPA_ROLE]])
    verdict, detail, remedy = site.patient.one("rights")
    lacking = f"lacks in {site.models.namespace}: {HPA_ROLE} (get, list, watch, create, patch, delete)"
    assert (verdict, detail.endswith(lacking)) == ("fail", True), detail
    site.apply(remedy)
    assert site.patient.one("rights")[0] == "ok"


def test_a_right_for_the_address_that_models_get_is_named_when_it_is_lacking(site: Site) -> None:
    route = ("modelValues.httpRoute.enabled=true", "modelValues.httpRoute.parentRefs[0].name=public")
    site.install(f"watch.namespaces={{{site.models.namespace}}}", *route)
    site.change_rules(lambda rules: [rule for rule in rules if rule.resources != ["httproutes"]])
    verdict, detail, remedy = site.patient.one("rights")
    assert (verdict, detail.endswith("httproutes (get, list, watch, create, patch, delete)")) == ("fail", True), detail
    site.apply(remedy)
    assert site.patient.one("rights")[0] == "ok"


@pytest.mark.parametrize(
    ("group", "resource", "verbs", "expected"),
    [("", "secrets", ["get", "list"], "secrets (get, list)"), ("*", "*", ["*"], "everything (all)")],
)
def test_a_right_that_the_watcher_does_not_need_is_named(
    site: Site, group: str, resource: str, verbs: list[str], expected: str
) -> None:
    site.install(f"watch.namespaces={{{site.models.namespace}}}")
    rule = {"apiGroups": [group], "resources": [resource], "verbs": verbs}
    site.change_rules(lambda rules: [*rules, rule])
    for kubeconfig in (str(site.plane.kubeconfig), site.as_account(site.home, "watch")):
        verdict, detail, remedy = site.patient.one("rights", KUBECONFIG=kubeconfig)
        assert (verdict, detail.endswith(f"has more than the watcher needs: {expected}")) == ("warn", True), detail
        assert "kubectl get rolebindings,clusterrolebindings -A -o wide | grep -w watch" in remedy


def test_rights_are_asked_one_by_one_by_who_may_not_impersonate(site: Site) -> None:
    site.install(f"watch.namespaces={{{site.models.namespace}}}")
    site.models.core.create_namespaced_service_account(site.home, {"metadata": {"name": "auditor"}})
    rules = [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
        {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
    ]
    name, group = f"{site.home}-auditor", "rbac.authorization.k8s.io"
    site.rbac.create_cluster_role({"metadata": {"name": name}, "rules": rules})
    binding = {"metadata": {"name": name}, "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name}}
    binding["subjects"] = [{"kind": "ServiceAccount", "namespace": site.home, "name": "auditor"}]
    site.rbac.create_cluster_role_binding(binding)
    auditor = site.as_account(site.home, "auditor")
    verdict, detail, _ = site.patient.one("rights", KUBECONFIG=auditor)
    assert (verdict, "no more, as far as the API server says" in detail) == ("ok", True), detail
    site.change_rules(lambda rules: [rule for rule in rules if rule.resources != [HPA_ROLE]])
    assert HPA_ROLE in site.patient.one("rights", KUBECONFIG=auditor)[1]
    site.rbac.patch_cluster_role(name, {"rules": rules[:1]})
    assert "run it in the watcher's pod" in site.patient.one("rights", KUBECONFIG=auditor)[1]


def test_a_namespace_that_is_missing_is_named_unless_the_watcher_creates_it(site: Site) -> None:
    verdict, detail, remedy = site.patient.one("namespaces", "-n", "nowhere")
    assert (verdict, detail, remedy) == ("fail", "nowhere does not exist", "kubectl create namespace nowhere")
    site.install("watch.allNamespaces=true", "watch.createNamespaces=true")
    found = site.patient.findings("-n", "nowhere")
    assert found["namespaces"]["detail"] == "nowhere does not exist; the watcher creates it"
    assert found["rights"]["verdict"] == "ok", found["rights"]


def test_a_cluster_without_metrics_is_named_with_the_autoscaler_that_cannot_scale(site: Site) -> None:
    site.deploy(resources={"requests": {"cpu": "100m"}})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "iris-model-serving"}
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    spec = {"scaleTargetRef": target, "maxReplicas": 2, "metrics": [{"type": "Resource", "resource": metric}]}
    body = {"metadata": {"name": "iris-model-serving", "labels": LABELS}, "spec": spec}
    site.models.scaling.create_namespaced_horizontal_pod_autoscaler(site.models.namespace, body)
    scaler = f"{site.models.namespace}/iris-model-serving"
    eventually(lambda: f"{scaler} cannot scale" in site.patient.findings()["metrics"]["detail"])
    verdict, detail, remedy = site.patient.one("metrics")
    assert (verdict, "no metrics API" in detail) == ("warn", True)
    assert remedy.startswith("kubectl apply -f https://github.com/kubernetes-sigs/metrics-server/")


def test_a_quota_that_refuses_pods_is_named_and_the_remedy_enlarges_it(site: Site) -> None:
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"requests.cpu": "50m"}}}
    site.models.core.create_namespaced_resource_quota(site.models.namespace, quota)
    status = site.models.core.read_namespaced_resource_quota_status
    eventually(lambda: status("small", site.models.namespace).status.hard)
    site.deploy(resources={"requests": {"cpu": "100m"}})
    eventually(lambda: site.patient.findings()["quota"]["verdict"] == "fail")
    _, detail, remedy = site.patient.one("quota")
    assert "exceeded quota: small" in detail
    patch = f"kubectl patch resourcequota small -n {site.models.namespace} --type merge -p "
    assert patch + """'{"spec":{"hard":{"requests.cpu":"100m"}}}'""" in remedy.splitlines()


def test_pods_that_pod_security_refuses_are_named(site: Site) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    site.models.core.patch_namespace(site.models.namespace, {"metadata": {"labels": labels}})
    site.deploy()
    eventually(lambda: site.patient.findings()["pod security"]["verdict"] == "fail")
    found = site.patient.findings()
    assert "violates PodSecurity" in found["pod security"]["detail"]
    assert f"kubectl label namespace {site.models.namespace} " in found["pod security"]["remedy"]
    assert found["namespaces"]["detail"] == f"{site.models.namespace} (enforce=restricted)"


def test_an_image_that_cannot_be_pulled_is_named(site: Site) -> None:
    """No node pulls anything here, so the pod's status is written as a kubelet writes it."""
    site.install(f"watch.namespaces={{{site.models.namespace}}}")
    site.deploy(image="localhost:5001/kubeserve-base:gone")
    core, namespace = site.models.core, site.models.namespace
    (pod,) = eventually(lambda: core.list_namespaced_pod(namespace).items)
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "localhost:5001/kubeserve-base:gone"'}
    container = {"name": "inference-server", "image": "", "imageID": "", "ready": False, "restartCount": 0}
    status = {"phase": "Pending", "containerStatuses": [{**container, "state": {"waiting": waiting}}]}
    core.patch_namespaced_pod_status(pod.metadata.name, namespace, {"status": status})
    verdict, detail, remedy = site.patient.one("images")
    pulled = "localhost:5001/kubeserve-base:gone cannot be pulled: Back-off"
    assert (verdict, detail.startswith(pulled)) == ("fail", True)
    assert f"kubectl describe pod {pod.metadata.name} -n {namespace}" in remedy
    assert f"helm upgrade watch manifests/charts/kubeserve -n {site.home}" in remedy


def test_a_node_without_space_and_the_plugin_that_enforces_policies_are_named(site: Site) -> None:
    verdict, detail, _ = site.patient.one("network policy")
    assert (verdict, "not enforced as far as can be seen" in detail) == ("warn", True)
    node = f"node-{uuid.uuid4().hex[:8]}"
    site.models.core.create_node({"metadata": {"name": node}})
    try:
        conditions = [{"type": "DiskPressure", "status": "True", "reason": "KubeletHasDiskPressure"}]
        site.models.core.patch_node_status(node, {"status": {"conditions": conditions}})
        verdict, detail, remedy = site.patient.one("disk")
        assert (verdict, node in detail, node in remedy) == ("fail", True, True)
    finally:
        site.models.core.delete_node(node)
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "agent", "image": "cilium"}]}}
    body = {"metadata": {"name": "cilium"}, "spec": {"selector": {"matchLabels": LABELS}, "template": template}}
    site.models.apps.create_namespaced_daemon_set(site.models.namespace, body)
    assert site.patient.one("network policy")[:2] == ("ok", "cilium enforces NetworkPolicies")
    site.models.apps.delete_namespaced_daemon_set("cilium", site.models.namespace)


def test_an_api_server_that_does_not_answer_or_refuses_the_credentials_is_named(site: Site) -> None:
    kubeconfig = json.loads(site.plane.kubeconfig.read_text())
    kubeconfig["users"][0]["user"] = {"token": "planted-token"}
    own = site.folder / "wrong.kubeconfig"
    own.write_text(json.dumps(kubeconfig))
    verdict, detail, remedy = site.patient.one("cluster", KUBECONFIG=str(own))
    assert (verdict, "Unauthorized" in detail, "kubectl" in remedy) == ("fail", True, True)
    kubeconfig["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    own.write_text(json.dumps(kubeconfig))
    assert "connection refused" in site.patient.one("cluster", KUBECONFIG=str(own))[1]
