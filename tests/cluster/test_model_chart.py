"""Use the model's chart without the watcher, with the commands of the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sklearn.dummy import DummyClassifier

from tests.integration.driving import Uploads, dumped, eventually
from tests.integration.test_chart_parity import EXAMPLE

from . import network
from .user import User, step

USER = "user-1"
CHART = "./manifests/charts/model-serving"
INSTALL = ("install", "my-model", CHART, "--namespace", USER, "--wait")
S3 = ("--set", "model.s3Endpoint=minio:9000")
HEALTH = ("curl", "-sS", "http://localhost:80/health")
PREDICT = ("-X", "POST", "-H", "Content-Type: application/json", "-d", '{"data": [[1.0, 2.0, 3.0, 4.0]]}')


def path_of(version: str) -> str:
    return f"model.s3Path=s3://kubeserve-models/{USER}/my-model/{version}/model.joblib"


def iris(answer: int) -> bytes:
    """Return a model of four features that always predicts `answer`."""
    return dumped(DummyClassifier(strategy="constant", constant=answer).fit([[0.0] * 4] * 2, [answer, 9]))


@pytest.fixture(scope="module", autouse=True)
def namespace(user: User, uploads: Uploads) -> Iterator[None]:
    """Create `user-1` with a client pod and a Service `minio`, and upload models before there is a watcher."""
    user.namespace(USER)
    user.client_pod(USER)
    user.kubectl("apply", "--namespace", USER, "--filename", "-", stdin=json.dumps(minio_service()))
    keys = [f"{USER}/my-model/v1", f"{USER}/my-model/v2", f"{USER}/fraud-detector/v1"]
    for number, key in enumerate(keys, 1):
        uploads.put(f"{key}/model.joblib", iris(number))
    yield
    for key in keys:
        uploads.delete(f"{key}/model.joblib")
    user.kubectl("delete", "namespace", USER, "--wait=false")


def minio_service() -> dict[str, object]:
    """Return a Service that gives the store outside the cluster a name inside it."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "minio"},
        "spec": {"ports": [{"port": 9000}], "clusterIP": "None"},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "minio", "labels": {"kubernetes.io/service-name": "minio"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [network.ADDRESS]}],
        "ports": [{"port": 9000}],
    }
    return {"apiVersion": "v1", "kind": "List", "items": [service, endpoints]}


def test_install_gives_a_model_that_answers(user: User) -> None:
    with step("helm install my-model → its pod is ready"):
        user.helm(*INSTALL, "--set", path_of("v1"), *S3)
    with step("predict and health by the Service's name, from another pod"):
        assert user.curl(USER, "http://my-model-model-serving/predict", *PREDICT) == '{"predictions":[1]}'
        assert '"status":"ok"' in user.curl(USER, "http://my-model-model-serving/health")


def test_troubleshooting_commands_print_what_the_notes_say(user: User) -> None:
    deployment = "deployment/my-model-model-serving"
    with step("kubectl logs -c download-model, -c inference-server; kubectl exec … curl http://localhost:80/health"):
        log = user.kubectl("logs", deployment, "-c", "download-model", "--namespace", USER)
        assert "downloaded" in log
        log = user.kubectl("logs", deployment, "-c", "inference-server", "--namespace", USER)
        assert "ready" in log
        health = user.kubectl("exec", deployment, "-c", "inference-server", "--namespace", USER, "--", *HEALTH)
        assert '"status":"ok"' in health


def test_credentials_are_only_in_the_init_container(user: User) -> None:
    deployment = "deployment/my-model-model-serving"
    env = user.kubectl("exec", deployment, "-c", "inference-server", "--namespace", USER, "--", "env")
    assert "AWS_" not in env
    assert "minioadmin" not in env
    pods = user.get("pods", "--selector", "app.kubernetes.io/instance=my-model", "--namespace", USER)
    assert "minioadmin" not in json.dumps(pods)


def test_upgrade_serves_the_new_version_with_the_same_selector(user: User) -> None:
    before = user.get("deployment", "my-model-model-serving", "--namespace", USER)
    with step("helm upgrade my-model to v2"):
        user.helm("upgrade", *INSTALL[1:], "--set", path_of("v2"), *S3)
        eventually(lambda: "[2]" in user.curl(USER, "http://my-model-model-serving/predict", *PREDICT))
    after = user.get("deployment", "my-model-model-serving", "--namespace", USER)
    assert after["spec"]["selector"] == before["spec"]["selector"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_install_with_the_example_values_serves(user: User, tmp_path: Path) -> None:
    values = tmp_path / "custom-values.yaml"
    values.write_text(EXAMPLE)
    with step("helm install fraud-detector -f custom-values.yaml → its pod is ready"):
        user.helm("install", "fraud-detector", CHART, "--namespace", USER, "-f", str(values), "--wait")
        assert "[3]" in user.curl(USER, "http://fraud-detector-model-serving/predict", *PREDICT)
    scaler = user.get("horizontalpodautoscaler", "fraud-detector-model-serving", "--namespace", USER)["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (1, 10)
    targets = {item["resource"]["name"]: item["resource"]["target"]["averageUtilization"] for item in scaler["metrics"]}
    assert targets == {"cpu": 70, "memory": 80}


def test_uninstall_removes_every_object(user: User) -> None:
    with step("helm uninstall → nothing is left"):
        for release in ("my-model", "fraud-detector"):
            user.helm("uninstall", release, "--namespace", USER)
        kinds = "deployments,horizontalpodautoscalers,secrets,replicasets"
        eventually(lambda: user.get(kinds, "--namespace", USER)["items"] == [])
