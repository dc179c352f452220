"""The watcher follows what happens in a real cluster by streams: without surveys, and without asking."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .api_proxy import ApiProxy, api_proxy
from .driving import Watcher, eventually
from .kubernetes_setup import ALL_FOUR, Setup, names

NAME = "iris-model-serving"
RARELY = ("--poll-interval", "600")


@pytest.fixture
def proxy(control_plane: Any, tmp_path: Path) -> Iterator[tuple[ApiProxy, Path]]:
    with api_proxy(control_plane.kubeconfig, tmp_path) as found:
        yield found


def is_live(watcher: Watcher) -> bool:
    return next(item["live"] for item in watcher.status()["sources"] if item["name"] == "cluster")


@pytest.fixture
def iris(setup: Setup) -> Setup:
    """Return a setup whose bucket has iris before the watcher starts: there is no later survey that would find it."""
    setup.put("iris/v1/model.joblib")
    return setup


def follow(setup: Setup, watcher: Watcher) -> None:
    """Wait until iris is applied and the streams are live."""
    eventually(lambda: names(setup.cluster) == ALL_FOUR and is_live(watcher))
    eventually(lambda: watcher.model("iris")["reason"] == "waiting for the pods")


def delete_the_service(setup: Setup) -> None:
    setup.cluster.core.delete_namespaced_service(NAME, setup.cluster.namespace)


def service(setup: Setup) -> Any:
    return setup.cluster.core.read_namespaced_service(NAME, setup.cluster.namespace)


def test_edits_and_deletions_are_undone_without_a_survey_and_what_others_own_is_kept(iris: Setup) -> None:
    with iris.watcher(*RARELY) as watcher:
        follow(iris, watcher)
        cluster, namespace = iris.cluster, iris.cluster.namespace
        image = cluster.deployment("iris").spec.template.spec.containers[0].image

        edited = {"name": "inference-server", "image": "evil:1", "env": [{"name": "THEIRS", "value": "1"}]}
        template = {"metadata": {"annotations": {"team/restarted": "now"}}, "spec": {"containers": [edited]}}
        patch = {
            "metadata": {"annotations": {"team/note": "x"}, "labels": {"team": "x"}},
            "spec": {"template": template},
        }
        cluster.apps.patch_namespaced_deployment(NAME, namespace, patch)
        eventually(lambda: cluster.deployment("iris").spec.template.spec.containers[0].image == image)
        deployment = cluster.deployment("iris")
        assert "THEIRS" in {item.name for item in deployment.spec.template.spec.containers[0].env}
        assert deployment.spec.template.metadata.annotations["team/restarted"] == "now"
        assert (deployment.metadata.annotations["team/note"], deployment.metadata.labels["team"]) == ("x", "x")

        ports = {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 9999}]}}
        labels = {"metadata": {"labels": {"app.kubernetes.io/version": "v9"}}}
        cluster.core.patch_namespaced_service(NAME, namespace, {**ports, **labels})
        cluster.scaling.patch_namespaced_horizontal_pod_autoscaler(NAME, namespace, {"spec": {"maxReplicas": 50}})
        eventually(lambda: service(iris).spec.ports[0].target_port == "http")
        assert service(iris).metadata.labels["app.kubernetes.io/version"] == "v1"
        eventually(lambda: cluster.hpa("iris").spec.max_replicas == 5)

        delete_the_service(iris)
        cluster.scaling.delete_namespaced_horizontal_pod_autoscaler(NAME, namespace)
        eventually(lambda: names(cluster) == ALL_FOUR)
        lost = cluster.deployment("iris").metadata.uid
        cluster.apps.delete_namespaced_deployment(NAME, namespace)
        eventually(lambda: names(cluster) == ALL_FOUR and cluster.deployment("iris").metadata.uid != lost)


def test_autoscaler_that_scales_and_a_foreign_field_cost_no_write(iris: Setup) -> None:
    with iris.watcher(*RARELY) as watcher:
        follow(iris, watcher)
        before = iris.cluster.deployment("iris").metadata.managed_fields
        ours = next(item.time for item in before if item.manager == "kubeserve")
        scale = {"spec": {"replicas": 3}}
        iris.cluster.apps.patch_namespaced_deployment_scale(NAME, iris.cluster.namespace, scale)
        eventually(lambda: watcher.model("iris")["replicas"] == 3)  # by a stream: there is no survey
        sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "mesh", "image": "mesh:1"}]}}}}
        iris.cluster.apps.patch_namespaced_deployment(NAME, iris.cluster.namespace, sidecar)
        delete_the_service(iris)
        eventually(lambda: names(iris.cluster) == ALL_FOUR)
        deployment = iris.cluster.deployment("iris")
        assert len(deployment.spec.template.spec.containers) == 2
        assert deployment.spec.replicas == 3
        assert next(item.time for item in deployment.metadata.managed_fields if item.manager == "kubeserve") == ours


def test_pending_models_cause_no_requests(setup: Setup, proxy: tuple[ApiProxy, Path]) -> None:
    api, kubeconfig = proxy
    wanted = {f"m{number}" for number in range(50)}
    for name in wanted:
        setup.put(f"{name}/v1/model.joblib")
    with setup.watcher("--kubeconfig", str(kubeconfig)) as watcher:

        def pending() -> set[str]:
            models = watcher.status()["models"]
            return {item["model"] for item in models if item["reason"] == "waiting for the pods"}

        def quiet() -> bool:
            """Return whether two seconds have passed without a request: the marks follow a moment later."""
            before = len(api.besides_streams())
            time.sleep(2)
            return len(api.besides_streams()) == before

        eventually(lambda: pending() == wanted and is_live(watcher))
        eventually(quiet)
        before = len(api.besides_streams())
        time.sleep(4)  # eight surveys
        assert api.besides_streams()[before:] == []
        assert pending() == wanted


def test_streams_that_are_cut_are_opened_again_at_their_revision(iris: Setup, proxy: tuple[ApiProxy, Path]) -> None:
    api, kubeconfig = proxy
    with iris.watcher("--kubeconfig", str(kubeconfig), *RARELY) as watcher:
        follow(iris, watcher)
        lists = [item for item in api.besides_streams() if "labelSelector" in item[1]]
        api.cut()
        delete_the_service(iris)
        eventually(lambda: names(iris.cluster) == ALL_FOUR)
        assert [item for item in api.besides_streams() if "labelSelector" in item[1] and "pods" not in item[1]] == [
            item for item in lists if "pods" not in item[1]
        ]


def test_stream_at_a_revision_that_is_gone_is_replaced_by_a_new_list(iris: Setup, proxy: tuple[ApiProxy, Path]) -> None:
    api, kubeconfig = proxy
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}
    with iris.watcher("--kubeconfig", str(kubeconfig), *RARELY) as watcher:
        follow(iris, watcher)
        numbers = itertools.count()

        def alter(data: bytes) -> bytes:
            return json.dumps(gone).encode() + b"\n" if data and next(numbers) < 5 else data

        api.alter = alter  # the event itself is lost
        delete_the_service(iris)
        eventually(lambda: names(iris.cluster) == ALL_FOUR)
        assert is_live(watcher)


def test_half_open_streams_are_noticed_shown_and_replaced_by_surveys(iris: Setup, proxy: tuple[ApiProxy, Path]) -> None:
    api, kubeconfig = proxy
    with iris.watcher("--kubeconfig", str(kubeconfig)) as watcher:
        follow(iris, watcher)
        api.silent.set()
        eventually(lambda: not is_live(watcher))
        (shown,) = (item["detail"] for item in watcher.status()["sources"] if item["name"] == "cluster")
        assert "within 14 s" in shown
        delete_the_service(iris)
        eventually(lambda: names(iris.cluster) == ALL_FOUR)
        assert not is_live(watcher)
        api.silent.clear()
        eventually(lambda: is_live(watcher))


def test_model_that_had_fixed_replicas_is_made_again_with_autoscaling(setup: Setup) -> None:
    """Nothing that is remembered of a Deployment may outlive it."""
    setup.put("iris/values.yaml", b"{autoscaling: {enabled: false}, deployment: {replicas: 3}}")
    setup.put("rose/v1/model.joblib")
    with setup.watcher() as watcher:
        follow_fixed = ALL_FOUR - {("HPA", NAME)}
        setup.put("iris/v1/model.joblib")
        eventually(lambda: names(setup.cluster) >= follow_fixed and setup.cluster.deployment("iris").spec.replicas == 3)
        setup.cluster.apps.delete_namespaced_deployment(NAME, setup.cluster.namespace)
        setup.delete("iris/values.yaml")
        eventually(lambda: names(setup.cluster) >= ALL_FOUR)
        setup.put("iris/values.yaml", b"{autoscaling: {enabled: false}, deployment: {replicas: 3}}")
        eventually(lambda: setup.cluster.deployment("iris").spec.replicas == 3)
        setup.delete("iris/v1/model.joblib")
        eventually(lambda: not any(name == NAME for _, name in names(setup.cluster)))
        setup.delete("iris/values.yaml")
        setup.put("iris/v1/model.joblib", b"again")
        eventually(lambda: names(setup.cluster) >= ALL_FOUR)
        eventually(lambda: watcher.model("iris")["reason"] == "waiting for the pods")
