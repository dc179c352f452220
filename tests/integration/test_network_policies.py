"""The NetworkPolicies of the watcher's chart: what they allow, who makes them, and who may not change them.

No network plugin enforces them here.
"""

from __future__ import annotations

import copy
import json
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


PUBLIC, ANY = "10.0.0.0/8", "100.100.100.200/32"
"""An exception of the rule for public addresses, and one of the rule for all addresses."""


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("minio.minio:9000", [namespace("minio"), (ANY, 9000)]),
        ("nas.lan:9000", [namespace("lan"), (ANY, 9000)]),
        ("http://nas.lan", [namespace("lan"), (ANY, 80)]),
        ("http://minio.tenant.svc.cluster.local", [namespace("tenant")]),
        ("https://minio.tenant.svc", [namespace("tenant")]),
        ("HTTPS://Minio.Tenant.SVC:9000", [namespace("tenant")]),
        ("minio:9000", [[{"podSelector": {}}]]),
        ("10.1.2.3:9000", [(address("10.1.2.3/32"), 9000)]),
        ("https://[fd00::1]:9443", [(address("fd00::1/128"), 9443)]),
        ("[fd00::1]:9000", [(address("fd00::1/128"), 9000)]),
        ("https://s3.eu-central-1.amazonaws.com", [(PUBLIC, 443)]),
        ("HTTPS://S3.example.com", [(PUBLIC, 443)]),
        ("https://storage.example.com.:8443", [(PUBLIC, 8443)]),
        ("https://storage.example", [(PUBLIC, 443)]),
    ],
)
def test_models_reach_the_store_by_its_address(helm: Helm, endpoint: str, expected: list[Any]) -> None:
    found = policies(helm, s3={**GIVEN["s3"], "endpoint": endpoint})
    # Behind the watcher's are the rules for models and for the API server.
    for rules in (found["a/home-watch-models-out"]["egress"], found["home/watch"]["egress"][:-2]):
        dns, *store = rules
        assert dns["to"][0] == CLUSTER_DNS
        assert [seen(rule) for rule in store] == expected


def seen(rule: dict[str, Any]) -> Any:
    """Return the peers of a rule, with its port if it has one; PUBLIC or ANY for its many addresses."""
    peers = rule["to"]
    if "ports" not in rule:
        return peers
    (port,) = rule["ports"]
    assert port["protocol"] == "TCP"
    if len(peers) == 1:
        return peers, port["port"]
    four, six = (item["ipBlock"] for item in peers)
    assert (four["cidr"], six["cidr"]) == ("0.0.0.0/0", "::/0")
    # Where a cloud's metadata, a node and Azure's host answer.
    assert {"169.254.0.0/16", "127.0.0.0/8", "168.63.129.16/32", "192.0.0.0/24", "240.0.0.0/4"} <= set(four["except"])
    if ANY in four["except"]:
        assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"}.isdisjoint(four["except"])
        assert "fd00:ec2::254/128" in six["except"]
        return ANY, port["port"]
    assert {"172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15"} <= set(four["except"])
    assert "fc00::/7" in six["except"]
    return PUBLIC, port["port"]


def test_dns_is_that_of_the_cluster_of_openshift_and_of_the_node(helm: Helm) -> None:
    dns = policies(helm)["a/home-watch-models-out"]["egress"][0]
    assert {(item["port"], item["protocol"]) for item in dns["ports"]} == {
        (port, protocol) for port in (53, 5353) for protocol in ("UDP", "TCP")
    }
    nodes = address("169.254.20.10/32") + address("169.254.25.10/32")
    assert dns["to"] == [CLUSTER_DNS, *namespace("openshift-dns"), *nodes]


def test_watcher_reaches_the_api_servers_of_the_usual_distributions(helm: Helm) -> None:
    assert [item["port"] for item in policies(helm)["home/watch"]["egress"][-1]["ports"]] == [443, 6443, 8443, 16443]


def test_models_reach_nothing_but_dns_and_the_store_and_only_those_that_install_the_index(helm: Helm) -> None:
    found = policies(helm, watch={"namespaces": ["a", "b"]})
    assert set(found) == {"home/watch"} | {f"{where}/home-watch-{name}" for where in "ab" for name in NAMES}
    spec = found["b/home-watch-models-out"]
    assert spec["policyTypes"] == ["Egress"]
    assert spec["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "model-serving"}}
    assert len(spec["egress"]) == 3
    assert all(rule["to"] for rule in spec["egress"])
    inward = found["b/home-watch-models-in"]
    assert (inward["policyTypes"], inward["podSelector"]) == (["Ingress"], spec["podSelector"])
    assert inward["ingress"] == [{"ports": [{"port": 80, "protocol": "TCP"}]}]
    install = found["b/home-watch-models-install"]
    assert install["podSelector"]["matchLabels"]["kubeserve.io/installs"] == "true"
    assert [item["port"] for item in install["egress"][0]["ports"]] == [443]


def test_addresses_in_the_cluster_open_their_namespace_for_whatever_port_the_pods_have(helm: Helm) -> None:
    found = policies(
        helm,
        modelValues={"download": {"pipIndexUrl": "http://devpi.tools.svc/simple"}},
        proxy={"httpsProxy": "http://proxy.egress.svc:3128"},
        settings={"prometheus-url": "http://prometheus.monitoring.svc:9090"},
        networkPolicy={"models": {"from": [{"podSelector": {}}]}},
    )
    proxy = {"to": namespace("egress")}
    assert found["a/home-watch-models-out"]["egress"][-1] == proxy
    assert found["a/home-watch-models-install"]["egress"] == [{"to": namespace("tools")}]
    assert found["home/watch"]["egress"][-4:-2] == [proxy, {"to": namespace("monitoring")}]
    peers = found["a/home-watch-models-in"]["ingress"][0]["from"]
    assert peers[0] == {"podSelector": {}}
    assert peers[1]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "home"}


def test_rules_of_the_operator_replace_those_that_the_chart_derives(helm: Helm) -> None:
    names = ("store", "proxy", "index", "prometheus")
    rules = {name: {"to": address(f"10.9.9.{place}/32"), "ports": [{"port": 9000}]} for place, name in enumerate(names)}
    found = policies(
        helm,
        networkPolicy={name: [rule] for name, rule in rules.items()},
        modelValues={"download": {"pipIndexUrl": "http://pypi.tools.svc:8080/simple"}},
        proxy={"httpsProxy": "http://proxy.example:3128"},
        settings={"prometheus-url": "http://prometheus.example:9090"},
    )
    named = {name: {**rule, "ports": [{"port": 9000, "protocol": "TCP"}]} for name, rule in rules.items()}
    assert found["a/home-watch-models-out"]["egress"][1:] == [named["store"], named["proxy"]]
    assert found["a/home-watch-models-install"]["egress"] == [named["index"]]
    assert found["home/watch"]["egress"][1:-2] == [rules[name] for name in ("store", "proxy", "prometheus")]


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
    # What the API server returns in another form than it was written.
    empty = {
        "podSelector": {"matchLabels": {}},
        "namespaceSelector": {"matchLabels": {"team": ""}, "matchExpressions": []},
    }
    block = {"ipBlock": {"cidr": "10.0.0.0/8", "except": []}}
    given = {
        "store": [{"to": [], "ports": [{"port": 9000}, {}]}, {"to": [empty, block], "ports": None}],
        "index": [{"to": [block], "ports": []}],
        "proxy": [{}],
        "dns": [empty, block],
        "models": {"from": [empty, block]},
    }
    site.install("watch.allNamespaces=true", values=json.dumps({"networkPolicy": given}))
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


def test_watcher_that_starts_makes_the_policies_of_namespaces_whose_models_do_not_change(site: Site) -> None:
    site.install("watch.allNamespaces=true")
    site.put("iris/v1/model.joblib")
    names = {f"{site.home}-watch-{name}" for name in NAMES}
    with site.watcher():
        eventually(lambda: site.models.version("iris") == "v1" and made(site) == names)
    net = client.NetworkingV1Api(site.api)
    net.delete_collection_namespaced_network_policy(site.models.namespace)
    assert made(site) == set()
    with site.watcher():
        eventually(lambda: made(site) == names)
    site.uninstall()


def made(site: Site) -> set[str]:
    found = client.NetworkingV1Api(site.api).list_namespaced_network_policy(site.models.namespace).items
    return {item.metadata.name for item in found}
