"""The whole story of a user on one cluster, in order: each test continues where the previous one ended."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier

from tests.chaos.rows import record
from tests.integration.driving import Uploads, dumped, eventually, model

from .kubeserve import NAMESPACE, Kubeserve
from .user import User, load, predict, step

TEAM = "team"


@pytest.fixture(scope="module")
def url(user: User, kubeserve: Kubeserve, uploads: Uploads) -> str:
    """Return the URL of model `team/iris`, by its ClusterIP. It is uploaded once for all tests."""
    with step("namespace 'team', which enforces Pod Security 'restricted', and a client pod in it"):
        user.namespace(TEAM)
        user.client_pod(TEAM)
    with step("upload team/iris v1 → Ready"):
        uploads.put("team/iris/v1/model.joblib", model("one"))
        kubeserve.wait("iris", "v1")
    found = f"http://{user.cluster_ip(TEAM, 'iris-model-serving')}"
    eventually(lambda: predict(found))  # kube-proxy reacts up to a second after the pod is ready
    return found


def test_upload_is_served_by_the_cluster_ip_and_by_name_from_another_pod(user: User, url: str) -> None:
    with step("predict by the ClusterIP, and by the Service's name from another pod"):
        assert predict(url) == ["one"]
        for host in (
            "iris-model-serving",
            f"iris-model-serving.{TEAM}",
            f"iris-model-serving.{TEAM}.svc.cluster.local",
        ):
            answer = user.curl(TEAM, f"http://{host}/predict", "--json", '{"data": [[1.0]]}')
            assert answer == '{"predictions":["one"]}'


def test_service_serves_the_metrics_of_the_model(user: User, url: str) -> None:
    with step("/metrics counts the predictions"):
        text = user.curl(TEAM, "http://iris-model-serving/metrics")
        assert 'model_name="iris",model_version="v1"' in text
        assert "kubeserve_predictions_total" in text


def test_second_version_rolls_under_load_without_a_failed_request(
    url: str, kubeserve: Kubeserve, uploads: Uploads
) -> None:
    with load(url) as running:
        eventually(lambda: running.answers["['one']"] > 100)
        with step("upload v2 under load → Ready"):
            uploads.put("team/iris/v2/model.joblib", model("two"))
            kubeserve.wait("iris", "v2")
        with step("the old pods drain"):
            eventually(lambda: predict(url) == ["two"])
            time.sleep(8)
    print(
        f"           {sum(running.answers.values())} requests: {dict(running.answers)}, failed: {len(running.failures)}"
    )
    assert running.failures == []
    assert running.answers["['two']"] > 100
    record(15, "a rolling update", f"{running.answers.total():,} requests, 0 failed")


def test_broken_model_keeps_the_old_version_and_reports_the_reason(
    user: User, url: str, kubeserve: Kubeserve, uploads: Uploads
) -> None:
    with step("upload a broken v3: v2 keeps answering, and the status shows the reason"):
        uploads.put("team/iris/v3/model.joblib", b"not a model")
        failed = eventually(lambda: (found := kubeserve.model("iris"))["state"] == "Failed" and found)
        assert "not a model that joblib can load" in failed["reason"]
        assert predict(url) == ["two"]
        assert "not a model that joblib can load" in kubeserve.status_table()
    with step("delete it → v2 is Ready"):
        uploads.delete("team/iris/v3/model.joblib")
        kubeserve.wait("iris", "v2")


def test_requirements_install_packages_that_the_image_lacks(
    user: User, kubeserve: Kubeserve, uploads: Uploads, wheels: tuple[Path, str], estimator: BaseEstimator
) -> None:
    folder, _ = wheels
    write_wheel(folder / "tiny-estimator")
    with step("upload a model with a requirements.txt, for the package index of the chart → Ready, and it answers"):
        uploads.put("team/tiny/v1/requirements.txt", b"tiny-estimator\n")
        uploads.put("team/tiny/v1/model.joblib", dumped(estimator))
        kubeserve.wait("tiny", "v1")
        tiny = f"http://{user.cluster_ip(TEAM, 'tiny-model-serving')}"
        eventually(lambda: predict(tiny) == ["tiny"])
    with step("only the download has URLs, and only the container that installs writes the packages"):
        (pod,) = tiny_pods(user)
        download, install = pod["spec"]["initContainers"]
        assert "KUBESERVE_URLS" in {item["name"] for item in download["env"]}
        assert not [item["name"] for item in install["env"] if "URLS" in item["name"] or "AWS" in item["name"]]
        name, server = pod["metadata"]["name"], ("-c", "inference-server", "--namespace", TEAM, "--")
        for folder_of_pod in ("/model", "/packages"):
            shown = user.kubectl("exec", name, *server, "sh", "-c", f"touch {folder_of_pod}/x 2>&1 || true")
            assert "Read-only file system" in shown
    with step("a newer package in the index: another pod of this version gets the version of the first"):
        assert installed(pod) == "tiny-estimator==1.0"
        write_wheel(folder / "tiny-estimator", "2.0")
        user.kubectl("delete", "pod", name, "--namespace", TEAM)
        again = eventually(lambda: [found for found in tiny_pods(user) if found["metadata"]["name"] != name])[0]
        assert eventually(lambda: installed(again_of(user, again))) == "tiny-estimator==1.0"
        eventually(lambda: predict(tiny) == ["tiny"])


def tiny_pods(user: User) -> list[dict[str, Any]]:
    found = user.get("pods", "--selector", "app.kubernetes.io/instance=tiny", "--namespace", TEAM)["items"]
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def again_of(user: User, pod: dict[str, Any]) -> dict[str, Any]:
    """Return a pod as it is now."""
    return dict(user.get("pod", pod["metadata"]["name"], "--namespace", TEAM))


def installed(pod: dict[str, Any]) -> str:
    """Return what a pod's install container has reported, "" before that."""
    states = {item["name"]: item["state"] for item in pod["status"].get("initContainerStatuses") or []}
    ended = states.get("install", {}).get("terminated") or {}
    return str(json.loads(ended.get("message") or "{}").get("packages", ""))


def test_status_says_which_model_is_data_and_which_is_code(url: str, kubeserve: Kubeserve) -> None:
    with step("kubeserve status: the known model is data, the one with a requirements.txt is code"):
        eventually(lambda: loaded(kubeserve) == {"iris": "data", "tiny": "code"})
        # Not at every moment: the autoscaler may just change the number of pods, and a new status knows nothing yet.
        eventually(lambda: loaded_in(kubeserve.status_table()) == ["data", "code"])


def loaded_in(table: str) -> list[str]:
    return [cell(table, model, "LOADED") for model in ("iris", "tiny")]


def cell(table: str, model: str, column: str) -> str:
    """Return the word in a model's row, below the header of the column."""
    lines = table.splitlines()
    start = next(line.index(column) for line in lines if column in line)
    return next(line[start:].split()[0] for line in lines if model in line)


def loaded(kubeserve: Kubeserve) -> dict[str, str]:
    return {item["model"]: item["loaded"] for item in kubeserve.status()["models"]}


def test_model_above_the_limit_of_disk_is_refused_in_words_and_served_with_a_larger_limit(
    user: User, kubeserve: Kubeserve, uploads: Uploads
) -> None:
    estimator = DummyClassifier(strategy="constant", constant="large").fit([[0.0], [1.0]], ["large", "other"])
    estimator.padding = np.random.default_rng(1).random(2_000_000)
    large = dumped(estimator)
    reason = "model.joblib is 15.3 MiB, but this pod may use 8 MiB of disk: raise deployment.resources.limits.ephemeral"
    with step("upload a model of 16 MB with a limit of disk of 8Mi: status and an Event say that it is too large"):
        uploads.put("team/large/v1/values.yaml", disk_limit("8Mi"))
        uploads.put("team/large/v1/model.joblib", large)
        failed = eventually(lambda: (found := kubeserve.model("large"))["state"] == "Failed" and found)
        assert failed["reason"].startswith("download-model: s3://")
        assert reason in failed["reason"]
        eventually(lambda: any(reason in item["message"] for item in user.get("events", "--namespace", TEAM)["items"]))
    with step("a limit of 64Mi → Ready, and it answers"):
        uploads.put("team/large/v1/values.yaml", disk_limit("64Mi"))
        kubeserve.wait("large", "v1")
        address = f"http://{user.cluster_ip(TEAM, 'large-model-serving')}"
        eventually(lambda: predict(address) == ["large"])
    with step("delete it → it is gone"):
        uploads.delete("team/large/v1/model.joblib")
        uploads.delete("team/large/v1/values.yaml")
        eventually(lambda: "large" not in loaded(kubeserve))


def disk_limit(quantity: str) -> bytes:
    own = f"limits: {{ephemeral-storage: {quantity}}}, requests: {{ephemeral-storage: 1Mi}}"
    return f"deployment: {{resources: {{{own}}}}}".encode()


def test_autoscaler_follows_the_load_and_an_upload_keeps_its_replicas(
    user: User, url: str, kubeserve: Kubeserve, uploads: Uploads
) -> None:
    def replicas() -> int:
        return int(user.get("deployment", "iris-model-serving", "--namespace", TEAM)["spec"]["replicas"])

    with step("metrics-server has figures"):
        eventually(lambda: "iris-model-serving" in user.kubectl("top", "pods", "--namespace", TEAM))
    with step("no load → one pod"):
        eventually(lambda: replicas() == 1, 300)
    with load(url) as running:
        with step("load → the autoscaler adds pods"):
            eventually(lambda: replicas() >= 3, 300)
        with step("upload v4 under load → Ready, replicas unchanged"):
            before = replicas()
            uploads.put("team/iris/v4/model.joblib", model("four"))
            lowest = watch_lowest(replicas, lambda: kubeserve.is_ready("iris", "v4"))
            assert lowest >= before
    assert running.failures == []
    record(15, "scale-up, then a rolling update", f"{running.answers.total():,} requests, 0 failed")
    with step("no load → the autoscaler removes them again"):
        eventually(lambda: replicas() < before, 300)


def watch_lowest(look: Any, done: Any) -> int:
    """Return the lowest value of `look` until `done` is true."""
    lowest = look()

    def both() -> bool:
        nonlocal lowest
        lowest = min(lowest, look())
        return bool(done())

    eventually(both)
    return int(lowest)


def test_deletion_rolls_back_and_then_removes_the_model(
    user: User, url: str, kubeserve: Kubeserve, uploads: Uploads
) -> None:
    with step("delete v4 → v2 answers again"):
        uploads.delete("team/iris/v4/model.joblib")
        kubeserve.wait("iris", "v2")
        eventually(lambda: predict(url) == ["two"])
    with step("delete v2 and v1 → their objects are removed, and the other model serves"):
        for version in ("v2", "v1"):
            uploads.delete(f"team/iris/{version}/model.joblib")
        eventually(lambda: [item["model"] for item in kubeserve.status()["models"]] == ["tiny"])
        ours = ("--selector", "app.kubernetes.io/instance=iris", "--namespace", TEAM)
        kinds = "deployments,services,horizontalpodautoscalers,configmaps,secrets,replicasets,pods"
        eventually(lambda: user.get(kinds, *ours)["items"] == [])
        assert predict(f"http://{user.cluster_ip(TEAM, 'tiny-model-serving')}") == ["tiny"]


def test_pod_security_restricted_accepted_every_pod(user: User, kubeserve: Kubeserve) -> None:
    """A namespace that enforces `restricted` rejects a pod with an Event on its ReplicaSet."""
    events = user.get("events", "--all-namespaces")["items"]
    assert [item["message"] for item in events if "PodSecurity" in item.get("message", "")] == []
    labels = user.get("namespace", NAMESPACE)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.fixture(scope="module")
def estimator(tmp_path_factory: pytest.TempPathFactory, monkeypatch_module: pytest.MonkeyPatch) -> BaseEstimator:
    """Return an estimator whose class is only in the wheel."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny_estimator.py").write_text(TINY)
    monkeypatch_module.syspath_prepend(folder)
    import tiny_estimator  # type: ignore[import-not-found]

    return tiny_estimator.Tiny().fit([[0.0]], ["tiny"])


TINY = """
from sklearn.base import BaseEstimator, ClassifierMixin


class Tiny(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_, self.n_features_in_ = [y[0]], len(X[0])
        return self

    def predict(self, X):
        return self.classes_ * len(X)
"""


@pytest.fixture(scope="module")
def monkeypatch_module() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def write_wheel(folder: Path, version: str = "1.0") -> None:
    """Write a wheel with one module. The listing of the folder is its page in a simple index."""
    folder.mkdir(exist_ok=True)
    info = f"tiny_estimator-{version}.dist-info"
    with zipfile.ZipFile(folder / f"tiny_estimator-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr("tiny_estimator.py", TINY)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-estimator\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
