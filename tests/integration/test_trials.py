"""A canary and a shadow, at a real API server with the real definitions of the Gateway API. There is no gateway."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from . import gateway_api
from .driving import Watcher, eventually
from .kubernetes_setup import Setup
from .ready_pods import routes, set_ready

STABLE, CANARY, SHADOW = (f"iris-model-serving{suffix}" for suffix in ("", "-canary", "-shadow"))
VALUES = {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}}
OF_A_TRACK = {"Deployment", "Service", "HPA", "ConfigMap"}


@pytest.fixture
def api(control_plane: Any) -> Any:
    with config.new_client_from_config(str(control_plane.kubeconfig)) as found:
        gateway_api.install(found)
        yield found


@pytest.fixture
def start(setup: Setup, tmp_path: Path) -> Callable[[], Watcher]:
    path = tmp_path / "chart-values.yaml"
    path.write_text(yaml.safe_dump(VALUES))
    return lambda: setup.watcher("--chart-values", str(path))


def rule(api: client.ApiClient, setup: Setup) -> Any:
    return routes(api, setup.cluster.namespace)[STABLE]["spec"]["rules"][0]


def weights(api: client.ApiClient, setup: Setup) -> dict[str, int]:
    return {item["name"]: item["weight"] for item in rule(api, setup)["backendRefs"]}


def kinds(setup: Setup, name: str) -> set[str]:
    return {kind for kind, found in setup.cluster.objects() if found == name}


def version_of(setup: Setup, name: str) -> str:
    found = setup.cluster.apps.read_namespaced_deployment(name, setup.cluster.namespace)
    return found.spec.template.metadata.annotations["kubeserve.io/version"]


def test_canary_gets_its_share_while_it_is_ready_and_is_promoted_by_removing_the_key(
    setup: Setup, api: client.ApiClient, start: Callable[[], Watcher]
) -> None:
    with start() as watcher:
        setup.put("iris/v1/model.joblib")
        eventually(lambda: routes(api, setup.cluster.namespace)[STABLE])
        set_ready(setup.cluster, "iris")
        eventually(lambda: watcher.state("iris") == "Ready")
        generation = setup.cluster.deployment("iris").metadata.generation

        setup.put("iris/values.yaml", b"canary: {version: v2, weight: 10}")
        eventually(lambda: watcher.model("iris")["reason"] == "canary v2 is not in the bucket")
        setup.put("iris/v2/model.joblib")
        eventually(lambda: kinds(setup, CANARY) == OF_A_TRACK)
        eventually(lambda: watcher.model("iris")["reason"].startswith("canary v2 is starting: waiting for the pods"))
        assert (version_of(setup, CANARY), version_of(setup, STABLE)) == ("v2", "v1")
        assert weights(api, setup) == {STABLE: 1}  # the API server's default

        set_ready(setup.cluster, "iris.canary")
        eventually(lambda: weights(api, setup) == {STABLE: 90, CANARY: 10})
        gateway = "no gateway has accepted the HTTPRoute"
        eventually(lambda: watcher.model("iris")["reason"] == f"canary v2 gets 10 % of the requests; {gateway}")
        assert watcher.state("iris") == "Ready"
        set_ready(setup.cluster, "iris.canary", ready=False)
        eventually(lambda: weights(api, setup) == {STABLE: 1})
        set_ready(setup.cluster, "iris.canary")
        eventually(lambda: weights(api, setup) == {STABLE: 90, CANARY: 10})
        assert setup.cluster.deployment("iris").metadata.generation == generation

        setup.delete("iris/values.yaml")
        eventually(lambda: version_of(setup, STABLE) == "v2")
        eventually(lambda: not kinds(setup, CANARY))
        eventually(lambda: weights(api, setup) == {STABLE: 1})


def test_deleted_canary_ends_and_a_deleted_model_takes_its_trials_along(
    setup: Setup, api: client.ApiClient, start: Callable[[], Watcher]
) -> None:
    with start() as watcher:
        setup.put("iris/values.yaml", b"canary: {version: v2, weight: 50}\nshadow: {version: v3}")
        for version in ("v1", "v2", "v3"):
            setup.put(f"iris/{version}/model.joblib")
        eventually(lambda: kinds(setup, CANARY) == kinds(setup, SHADOW) == OF_A_TRACK)
        set_ready(setup.cluster, "iris.shadow")
        eventually(lambda: "RequestMirror" in {item["type"] for item in rule(api, setup)["filters"]})
        setup.delete("iris/v2/model.joblib")
        eventually(lambda: not kinds(setup, CANARY))
        eventually(lambda: "canary v2 is not in the bucket" in watcher.model("iris")["reason"])
        assert version_of(setup, STABLE) == "v1"
        for version in ("v1", "v3"):
            setup.delete(f"iris/{version}/model.joblib")
        setup.delete("iris/values.yaml")
        eventually(lambda: not setup.cluster.objects())
    assert "orbidden" not in setup.log.read_text()


def test_canary_without_a_route_is_rejected_and_what_serves_is_left_alone(setup: Setup) -> None:
    with setup.watcher() as watcher:
        setup.put("iris/v1/model.joblib")
        eventually(lambda: setup.cluster.deployment("iris"))
        setup.put("iris/values.yaml", b"canary: {version: v2, weight: 10}")
        setup.put("iris/v2/model.joblib")
        eventually(lambda: watcher.state("iris") == "Rejected")
        assert "canary needs a HTTPRoute, and this model has none" in watcher.model("iris")["reason"]
        assert version_of(setup, STABLE) == "v1"
        assert not kinds(setup, CANARY)
