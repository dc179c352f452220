"""A real gateway, Traefik, that shares real requests out to two versions: `make test-gateway`.

It needs `traefik` (3.7 was tried) on PATH, which not all module proxies let one build, and root for port 80 of two
addresses.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml
from kubernetes import client, config

from dev.processes import Child, free_port
from tests.integration import gateway_api
from tests.integration.driving import eventually, model
from tests.integration.kubernetes_setup import Setup
from tests.integration.ready_pods import set_ready

ADDRESSES = {"v1": "198.18.7.1", "v2": "198.18.7.2"}
"""Of the range for benchmarks (RFC 2544): the API server accepts no loopback addresses of pods."""


@pytest.fixture
def gateway(control_plane: Any, setup: Setup, tmp_path: Path) -> Iterator[str]:
    """Start Traefik with a Gateway `public` in the namespace of the test, and yield its URL."""
    port = free_port()
    with config.new_client_from_config(str(control_plane.kubeconfig)) as api:
        gateway_api.install(api)
        custom = client.CustomObjectsApi(api)
        group = ("gateway.networking.k8s.io", "v1")
        classes = {
            item["metadata"]["name"] for item in custom.list_cluster_custom_object(*group, "gatewayclasses")["items"]
        }
        if "traefik" not in classes:
            kind = {"apiVersion": "/".join(group), "kind": "GatewayClass", "metadata": {"name": "traefik"}}
            spec = {"controllerName": "traefik.io/gateway-controller"}
            custom.create_cluster_custom_object(*group, "gatewayclasses", {**kind, "spec": spec})
        listener = {"name": "web", "protocol": "HTTP", "port": port}
        body = {
            "apiVersion": "/".join(group),
            "kind": "Gateway",
            "metadata": {"name": "public"},
            "spec": {"gatewayClassName": "traefik", "listeners": [listener]},
        }
        custom.create_namespaced_custom_object(*group, setup.cluster.namespace, "gateways", body)
    kubeconfig = json.loads(control_plane.kubeconfig.read_text())
    command = [
        "traefik",
        "--log.level=DEBUG",
        f"--entrypoints.web.address=127.0.0.1:{port}",
        f"--providers.kubernetesgateway.endpoint={control_plane.server}",
        f"--providers.kubernetesgateway.certauthfilepath={kubeconfig['clusters'][0]['cluster']['certificate-authority']}",
        f"--providers.kubernetesgateway.token={kubeconfig['users'][0]['user']['token']}",
        f"--providers.kubernetesgateway.namespaces={setup.cluster.namespace}",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]
    with Child("traefik", command, tmp_path / "traefik.log", grace=2):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[None]:
    """Serve a model of each version at its address, on port 80."""
    with ExitStack() as stack:
        for version, address in ADDRESSES.items():
            subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
            stack.callback(subprocess.run, ["ip", "address", "del", f"{address}/32", "dev", "lo"], check=False)
            path = tmp_path / f"{version}.joblib"
            path.write_bytes(model(version))
            command = [sys.executable, "-m", "server", "--model", str(path), "--host", address, "--port", "80"]
            stack.enter_context(Child(version, [*command, "--version", version], tmp_path / f"{version}.log", grace=8))
        yield


def make_endpoint(api: client.ApiClient, namespace: str, service: str, address: str) -> None:
    """Let a Service lead to an address: Kubernetes makes no endpoint of a pod without a node."""
    body = {
        "metadata": {"name": service, "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "http", "port": 80}],
    }
    client.DiscoveryV1Api(api).create_namespaced_endpoint_slice(namespace, body)


@pytest.mark.usefixtures("servers")
def test_gateway_removes_the_prefix_and_shares_requests_out_by_weight(
    setup: Setup, gateway: str, tmp_path: Path
) -> None:
    values = tmp_path / "chart-values.yaml"
    route = {"enabled": True, "parentRefs": [{"name": "public"}], "hostnames": ["models.example.com"]}
    values.write_text(yaml.safe_dump({"httpRoute": route}))
    headers = {"Host": "models.example.com", "Content-Type": "application/json"}

    def answers(number: int) -> Counter[str]:
        url = f"{gateway}/{setup.cluster.namespace}/iris/predict"
        found = Counter[str]()
        for _ in range(number):
            response = urllib3.request("POST", url, body=b'{"data": [[0.0]]}', headers=headers, retries=False)
            found[response.json()["predictions"][0] if response.status == 200 else str(response.status)] += 1
        return found

    with config.new_client_from_config(str(setup.kubeconfig)) as api:
        make_endpoint(api, setup.cluster.namespace, "iris-model-serving", ADDRESSES["v1"])
        make_endpoint(api, setup.cluster.namespace, "iris-model-serving-canary", ADDRESSES["v2"])
    with setup.watcher("--chart-values", str(values)) as watcher:
        setup.put("iris/v1/model.joblib", model("v1"))
        set_ready(setup.cluster, "iris")
        eventually(lambda: answers(1) == {"v1": 1})
        for path in ("", "pages/tryit.js", "page.json", "docs", "pages/docs.js", "openapi.json"):
            address = f"{gateway}/{setup.cluster.namespace}/iris/{path}"
            page = urllib3.request("GET", address, headers={**headers, "Accept": "text/html"})
            assert page.status == 200, path
            assert not re.search(rb'(?:href|src)="/', page.data), path
        setup.put("iris/values.yaml", b"canary: {version: v2, weight: 25}")
        setup.put("iris/v2/model.joblib", model("v2"))
        eventually(lambda: watcher.model("iris")["reason"].startswith("canary v2 is starting"))
        assert answers(40) == {"v1": 40}
        set_ready(setup.cluster, "iris.canary")
        eventually(lambda: "v2" in answers(20))
        shared = answers(400)
        assert shared.total() == shared["v1"] + shared["v2"]
        assert abs(shared["v2"] - 100) <= 4  # Traefik shares out in turns
        eventually(lambda: watcher.model("iris")["reason"] == "canary v2 gets 25 % of the requests")
        set_ready(setup.cluster, "iris.canary", ready=False)
        eventually(lambda: answers(40) == {"v1": 40})
        setup.put("iris/values.yaml", b"version: v1")
        eventually(lambda: watcher.model("iris")["reason"] == "")
        assert answers(40) == {"v1": 40}
