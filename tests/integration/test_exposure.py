"""A model's address outside the cluster, at a real API server with the real definitions of the Gateway API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from . import gateway_api
from .driving import eventually
from .kubernetes_setup import Setup

NAME = "iris-model-serving"
ROUTE = {"enabled": True, "parentRefs": [{"name": "public"}], "hostnames": ["models.example.com"]}


@pytest.fixture
def api(control_plane: Any) -> Any:
    with config.new_client_from_config(str(control_plane.kubeconfig)) as found:
        yield found


def chart_values(folder: Path, values: dict[str, Any]) -> str:
    path = folder / "chart-values.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


def test_models_get_an_ingress_and_lose_it_without_a_rollout(setup: Setup, api: Any, tmp_path: Path) -> None:
    networking, namespace = client.NetworkingV1Api(api), setup.cluster.namespace

    def ingresses() -> dict[str, Any]:
        return {item.metadata.name: item for item in networking.list_namespaced_ingress(namespace).items}

    setup.put("iris/v1/model.joblib")
    setup.put("inside/v1/model.joblib")
    setup.put("inside/values.yaml", b"ingress: {enabled: false}")
    with setup.watcher() as watcher:
        eventually(lambda: watcher.model("iris")["url"] == f"http://{NAME}.{namespace}")
        eventually(lambda: watcher.model("inside")["url"])
        assert not ingresses()
    generation = setup.cluster.deployment("iris").metadata.generation

    section = {"enabled": True, "host": "models.example.com"}
    with setup.watcher("--chart-values", chart_values(tmp_path, {"ingress": section})) as watcher:
        found = eventually(lambda: ingresses().get(NAME))
        eventually(lambda: watcher.model("iris")["url"] == f"http://models.example.com/{namespace}/iris")
        assert set(ingresses()) == {NAME}
        assert found.metadata.owner_references[0].uid == setup.cluster.deployment("iris").metadata.uid
        assert watcher.model("inside")["url"] == f"http://inside-model-serving.{namespace}"

    section["enabled"] = False
    with setup.watcher("--chart-values", chart_values(tmp_path, {"ingress": section})) as watcher:
        eventually(lambda: not ingresses())
        eventually(lambda: watcher.model("iris")["url"] == f"http://{NAME}.{namespace}")
    assert setup.cluster.deployment("iris").metadata.generation == generation


def test_models_are_rejected_until_the_cluster_has_the_gateway_api(setup: Setup, api: Any, tmp_path: Path) -> None:
    gateway_api.remove(api)
    namespace, custom = setup.cluster.namespace, client.CustomObjectsApi(api)
    setup.put("iris/v1/model.joblib")
    setup.put("inside/v1/model.joblib")
    setup.put("inside/values.yaml", b"httpRoute: {enabled: false}")
    with setup.watcher("--chart-values", chart_values(tmp_path, {"httpRoute": ROUTE})) as watcher:
        eventually(lambda: watcher.state("iris") == "Rejected")
        assert "needs the Gateway API, which this cluster does not have: install" in watcher.model("iris")["reason"]
        eventually(lambda: setup.cluster.deployment("inside"))
        gateway_api.install(api)
        place = ("gateway.networking.k8s.io", "v1", namespace, "httproutes", NAME)
        spec = eventually(lambda: custom.get_namespaced_custom_object(*place))["spec"]
        eventually(lambda: watcher.model("iris")["url"] == f"http://models.example.com/{namespace}/iris")
        rule = spec["rules"][0]
        assert rule["matches"][0]["path"] == {"type": "PathPrefix", "value": f"/{namespace}/iris"}
        assert rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"] == "/"
        assert rule["backendRefs"][0]["name"] == NAME
        setup.put("iris/values.yaml", b"httpRoute: {enabled: false}")
        listed = ("gateway.networking.k8s.io", "v1", namespace, "httproutes")
        eventually(lambda: not custom.list_namespaced_custom_object(*listed)["items"])
        eventually(lambda: watcher.model("iris")["url"] == f"http://{NAME}.{namespace}")
