"""The NetworkPolicies of the watcher's chart: what they allow, who makes them, and who may not change them.

No network plugin enforces them here.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from kubernetes import client

from .driving import eventually
from .helm import Helm
from .test_admission import Thief
from .test_watcher_chart import Site, site

__all__ = ["site"]

GIVEN = {"s3": {"endpoint": "minio.minio:9000", "existingSecret": "s"}, "watch": {"namespaces": ["a"]}}
NAMES = ("models-in", "models-out", "models-install")
CLUSTER_DNS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}


def policies(helm: Helm, **values: Any) -> dict[str, Any]:
    """Return the spec of each NetworkPolicy, by namespace and name."""
    found = helm.template("watch", "kubeserve", "home", yaml.safe_dump({**GIVEN, **values}))
    items = [item for item in found if item["kind"] == "NetworkPolicy"]
    return {f"{item['metadata']['namespace']}/{item['metadata']['name']}": item["spec"] for item in items}


def namespace(name: str) -> list[Any]:
    return [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}]


def address(cidr: str) -> list[Any]:
    return [{"ipBlock": {"cidr": cidr}}]


PUBLIC = "public"


@pytest.mark.parametrize(
    ("endpoint", "ports", "to"),
    [
        ("minio.minio:9000", [9000], namespace("minio")),
        ("http://minio.tenant.svc.cluster.local", [80, 9000], namespace("tenant")),
        ("https://minio.tenant.svc", [443, 9000], namespace("tenant")),
        ("minio:9000", [9000], [{"podSelector": {}}]),
        ("10.1.2.3:9000", [9000], address("10.1.2.3/32")),
        ("https://[fd00::1]:9443", [9443], address("fd00::1/128")),
        ("[fd00::1]:9000", [9000], address("fd00::1/128")),
        ("https://s3.eu-central-1.amazonaws.com", [443], PUBLIC),
        ("https://storage.example:8443/", [8443, 9000], namespace("example")),
        ("https://storage.example.com:8443", [8443], PUBLIC),
    ],
)
def test_models_reach_the_store_by_its_address(helm: Helm, endpoint: str, ports: list[int], to: Any) -> None:
    found = policies(helm, s3={**GIVEN["s3"], "endpoint": endpoint})
    for spec in (found["a/home-watch-models-out"], found["home/watch"]):
        dns, store, *_ = spec["egress"]
        assert dns["to"][0] == CLUSTER_DNS
        assert [item["port"] for item in store["ports"]] == ports
        if to != PUBLIC:
            assert store["to"] == to
            continue
        four, six = (item["ipBlock"] for item in store["to"])
        assert (four["cidr"], six["cidr"]) == ("0.0.0.0/0", "::/0")
        assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(four["except"])


def test_models_reach_nothing_but_dns_and_the_store_and_only_those_that_install_the_index(helm: Helm) -> None:
    found = policies(helm, watch={"namespaces": ["a", "b"]})
    assert set(found) == {"home/watch"} | {f"{where}/home-watch-{name}" for where in "ab" for name in NAMES}
    spec = found["b/home-watch-models-out"]
    assert spec["policyTypes"] == ["Egress"]
    assert spec["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "model-serving"}}
    assert len(spec["egress"]) == 2
    assert all(rule["to"] and rule["ports"] for rule in spec["egress"])
    inward = found["b/home-watch-models-in"]
    assert (inward["policyTypes"], inward["podSelector"]) == (["Ingress"], spec["podSelector"])
    assert inward["ingress"] == [{"ports": [{"port": 80, "protocol": "TCP"}]}]
    install = found["b/home-watch-models-install"]
    assert install["podSelector"]["matchLabels"]["kubeserve.io/installs"] == "true"
    assert [item["port"] for item in install["egress"][0]["ports"]] == [443]


def test_values_name_the_index_the_store_the_proxy_and_the_peers(helm: Helm) -> None:
    given = {"to": address("10.9.9.9/32"), "ports": [{"port": 9000}]}
    rule = {"to": address("10.9.9.9/32"), "ports": [{"port": 9000, "protocol": "TCP"}]}
    found = policies(
        helm,
        networkPolicy={"store": [given], "models": {"from": [{"podSelector": {}}]}},
        modelValues={"download": {"pipIndexUrl": "http://pypi.tools:8080/simple"}},
        proxy={"httpsProxy": "http://proxy.tools:3128"},
    )
    spec = found["a/home-watch-models-out"]
    assert spec["egress"][1:] == [rule, {"to": namespace("tools"), "ports": [{"port": 3128, "protocol": "TCP"}]}]
    peers = found["a/home-watch-models-in"]["ingress"][0]["from"]
    assert peers[0] == {"podSelector": {}}
    assert peers[1]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "home"}
    index = found["a/home-watch-models-install"]["egress"]
    assert index == [{"to": namespace("tools"), "ports": [{"port": 8080, "protocol": "TCP"}]}]


def test_index_is_closed_where_the_operator_turns_requirements_off(helm: Helm) -> None:
    found = policies(helm, modelValues={"download": {"requirements": "off"}})
    assert set(found) == {"home/watch", "a/home-watch-models-in", "a/home-watch-models-out"}


def test_no_policy_is_made_where_the_operator_turns_them_off(helm: Helm) -> None:
    assert policies(helm, networkPolicy={"enabled": False}) == {}


def test_api_server_accepts_the_policies_of_the_chart(site: Site) -> None:
    site.install(f"watch.namespaces={{{site.models.namespace}}}")
    assert made(site) == {f"{site.home}-watch-{name}" for name in NAMES}
    site.uninstall()
    assert made(site) == set()


def test_watcher_of_all_namespaces_makes_the_policies_before_a_model_and_its_token_makes_no_others(site: Site) -> None:
    site.install("watch.allNamespaces=true", "networkPolicy.store[0].ports[0].port=9000")
    thief = Thief(site)
    unmarked = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "evil-model-serving"}}
    eventually(lambda: thief.apply(unmarked, dry=True).startswith("403 "))
    site.put("iris/v1/model.joblib")
    with site.watcher() as watcher:
        eventually(lambda: site.models.version("iris") == "v1")
        names = {f"{site.home}-watch-{name}" for name in NAMES}
        assert made(site) == names
    assert "orbidden" not in watcher.log.read_text()
    net = client.NetworkingV1Api(site.api)
    for name in names:
        live = net.read_namespaced_network_policy(name, site.models.namespace)
        own = site.api.sanitize_for_serialization(live)
        same = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": name, "labels": own["metadata"]["labels"]},
            "spec": own["spec"],
        }
        assert thief.apply(same, dry=True).startswith("200 ")
        wider = copy.deepcopy(same)
        direction = own["spec"]["policyTypes"][0].lower()
        wider["spec"][direction].append({})
        other = copy.deepcopy(same)
        other["metadata"]["name"] = "evil-models"
        of_others = copy.deepcopy(same)
        of_others["spec"]["podSelector"] = {}
        closed = copy.deepcopy(same)
        closed["spec"][direction] = []
        for changed in (wider, other, of_others, closed):
            answer = thief.apply(changed)
            assert answer.startswith("403 "), answer
            assert "only the NetworkPolicies of its chart" in answer
        path = f"/apis/networking.k8s.io/v1/namespaces/{site.models.namespace}/networkpolicies/{name}"
        assert thief.call("DELETE", path).startswith("403 ")
    site.uninstall()


def made(site: Site) -> set[str]:
    found = client.NetworkingV1Api(site.api).list_namespaced_network_policy(site.models.namespace).items
    return {item.metadata.name for item in found}
