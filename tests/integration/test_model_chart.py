"""Install the model's chart with the real Helm: on a real API server, and on a stand-in for an old cluster."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kubernetes import config

from tests.offline_signer import OfflineSigner
from watcher.core.types import Change, ModelId, ModelVersion, Release, Store, StoredObject
from watcher.runtimes.kubernetes.api import connect
from watcher.runtimes.kubernetes.runtime import KubernetesRuntime

from .driving import Cluster, eventually
from .helm import CHARTS, Helm
from .test_chart_parity import EXAMPLE

CHART = str(CHARTS / "model-serving")
V1 = "s3://kubeserve-models/user-1/my-model/v1/model.joblib"
NAME = "my-model-model-serving"
OTHER_KEY = ("--set", "model.s3SecretKey=another")


@pytest.fixture
def cluster(control_plane: Any) -> Iterator[Cluster]:
    with config.new_client_from_config(str(control_plane.kubeconfig)) as api:
        found = Cluster(api, f"user-{uuid.uuid4().hex[:8]}")
        found.core.create_namespace({"metadata": {"name": found.namespace}})
        yield found


def test_chart_is_installed_upgraded_rolled_back_and_uninstalled(
    helm: Helm, control_plane: Any, cluster: Cluster, tmp_path: Path
) -> None:
    helm, namespace = replace(helm, kubeconfig=control_plane.kubeconfig), ("--namespace", cluster.namespace)
    settings = ("--set", f"model.s3Path={V1}", "--set", "model.s3Endpoint=minio:9000")
    notes = helm.run("install", "my-model", CHART, *namespace, *settings)
    assert f"kubectl logs deployment/{NAME} -c download-model -n {cluster.namespace}" in notes
    assert 'WARNING: the pod fetches with the key "minioadmin"' in notes
    installed = cluster.deployment("my-model")
    assert set(cluster.objects()) >= {(kind, NAME) for kind in ("Deployment", "Service", "HPA", "Secret")}

    custom = tmp_path / "custom-values.yaml"
    custom.write_text(EXAMPLE + "download:\n  image: 'registry.example/downloader:1'\n")
    helm.run("upgrade", "my-model", CHART, *namespace, "-f", str(custom))
    upgraded = cluster.deployment("my-model")
    limits = upgraded.spec.template.spec.containers[0].resources.limits
    assert (limits["cpu"], limits["memory"]) == ("2", "2Gi")
    assert (upgraded.metadata.uid, upgraded.spec.selector) == (installed.metadata.uid, installed.spec.selector)
    assert cluster.hpa("my-model").spec.max_replicas == 10

    assert "WARNING" not in helm.run("upgrade", "my-model", CHART, *namespace, "-f", str(custom), *OTHER_KEY)

    helm.run("rollback", "my-model", "1", *namespace)
    assert cluster.deployment("my-model").spec.template.spec.containers[0].resources.limits["memory"] == "1Gi"
    helm.run("uninstall", "my-model", *namespace)
    eventually(lambda: not cluster.objects())


def test_upgrade_keeps_the_replicas_of_the_autoscaler(helm: Helm, control_plane: Any, cluster: Cluster) -> None:
    helm, namespace = replace(helm, kubeconfig=control_plane.kubeconfig), ("--namespace", cluster.namespace)
    helm.run("install", "my-model", CHART, *namespace, "--set", f"model.s3Path={V1}")
    cluster.apps.patch_namespaced_deployment_scale(NAME, cluster.namespace, {"spec": {"replicas": 4}})
    helm.run("upgrade", "my-model", CHART, *namespace, "--set", f"model.s3Path={V1.replace('v1', 'v2')}")
    assert cluster.deployment("my-model").spec.replicas == 4
    assert "v2" in str(cluster.deployment("my-model").spec.template.spec.init_containers[0].env)


@pytest.mark.parametrize(("offered", "chosen"), [(["v1", "v2beta2"], "v2beta2"), (["v1", "v2beta2", "v2"], "v2")])
def test_autoscaler_has_the_newest_api_version_of_the_cluster(
    helm: Helm, tmp_path: Path, offered: list[str], chosen: str
) -> None:
    with old_cluster(offered) as (url, requests):
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(json.dumps(kubeconfig_of(url)))
        shown = replace(helm, kubeconfig=kubeconfig).run(
            *("install", "my-model", CHART, "--dry-run=server", "--disable-openapi-validation"),
            *("--set", f"model.s3Path={V1}"),
        )
        assert f"apiVersion: autoscaling/{chosen}\nkind: HorizontalPodAutoscaler" in shown

        model = ModelId("default", "my-model")
        apply_by_the_watcher(kubeconfig, model)
        paths = [path for verb, path in requests if verb == "PATCH" and "/autoscaling/" in path]
        assert [path.partition("?")[0] for path in paths] == [
            f"/apis/autoscaling/{chosen}/namespaces/default/horizontalpodautoscalers/{NAME}"
        ]


def apply_by_the_watcher(kubeconfig: Path, model: ModelId) -> None:
    store = Store("bucket", "minio:9000", secure=False)
    runtime = KubernetesRuntime(connect(str(kubeconfig)), store, "owner", OfflineSigner("bucket"))
    artifact = StoredObject(f"{model.prefix}v1/model.joblib", "e", 1, datetime(2026, 1, 1, tzinfo=UTC))
    runtime.apply(Change(model, tuple(runtime.render(Release(ModelVersion(model, "v1", artifact))))))


@contextmanager
def old_cluster(autoscaling: list[str]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the URL of a server that answers discovery like Kubernetes 1.19 to 1.22, and its requests."""
    requests: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(("GET", self.path))
            found = discovery(autoscaling).get(self.path.partition("?")[0])
            self.answer(200 if found else 404, found or {"kind": "Status", "apiVersion": "v1", "code": 404})

        def do_PATCH(self) -> None:
            requests.append((self.command, self.path))
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body["metadata"]["uid"] = "1"
            self.answer(200, body)

        def do_POST(self) -> None:
            self.do_PATCH()

        def answer(self, status: int, body: dict[str, Any]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def discovery(autoscaling: list[str]) -> dict[str, dict[str, Any]]:
    def group(name: str, versions: list[str]) -> dict[str, Any]:
        found = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
        return {"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": found, "preferredVersion": found[0]}

    def resources(group_version: str, **kinds: str) -> dict[str, Any]:
        found = [
            {"name": name, "kind": kind, "namespaced": True, "verbs": ["get", "patch"]} for name, kind in kinds.items()
        ]
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": found}

    groups = [group("apps", ["v1"]), group("autoscaling", autoscaling)]
    hpas = {
        f"/apis/autoscaling/{version}": resources(
            f"autoscaling/{version}", horizontalpodautoscalers="HorizontalPodAutoscaler"
        )
        for version in autoscaling
    }
    return {
        "/version": {"major": "1", "minor": "22", "gitVersion": "v1.22.17"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
        "/api/v1": resources("v1", services="Service", secrets="Secret", configmaps="ConfigMap"),
        "/apis/apps/v1": resources("apps/v1", deployments="Deployment"),
        "/apis/autoscaling": groups[1],
        **hpas,
    }


def kubeconfig_of(url: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {"token": "t"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
