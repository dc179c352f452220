"""The user's story, told in order on one cluster: each test goes on where the one before ended."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sklearn.base import BaseEstimator

from tests.integration.driving import Uploads, dumped, eventually, model

from . import network
from .kubeserve import NAMESPACE, Kubeserve
from .user import User, load, predict, step

TEAM = "team"


@pytest.fixture(scope="module")
def url(user: User, kubeserve: Kubeserve, uploads: Uploads) -> str:
    """Where the model `team/iris` answers, by its ClusterIP; uploaded once, for all of the story."""
    with step("namespace 'team', which enforces Pod Security 'restricted', and a client pod in it"):
        user.namespace(TEAM)
        user.client_pod(TEAM)
    with step("upload team/iris v1 → Ready"):
        uploads.put("team/iris/v1/model.joblib", model("one"))
        kubeserve.wait("iris", "v1")
    found = f"http://{user.cluster_ip(TEAM, 'iris-model-serving')}"
    eventually(lambda: predict(found))  # ready is what kube-proxy hears, too, and acts on within a second
    return found


def test_an_upload_is_answered_by_the_cluster_ip_and_by_name_from_another_pod(user: User, url: str) -> None:
    with step("predict by the ClusterIP, and by the Service's name from another pod"):
        assert predict(url) == ["one"]
        for host in (
            "iris-model-serving",
            f"iris-model-serving.{TEAM}",
            f"iris-model-serving.{TEAM}.svc.cluster.local",
        ):
            answer = user.curl(TEAM, f"http://{host}/predict", "--json", '{"data": [[1.0]]}')
            assert answer == '{"predictions":["one"]}'


def test_its_metrics_are_on_the_service(user: User, url: str) -> None:
    with step("/metrics counts the predictions"):
        text = user.curl(TEAM, "http://iris-model-serving/metrics")
        assert 'model_name="iris",model_version="v1"' in text
        assert "kubeserve_predictions_total" in text


def test_a_second_version_rolls_with_no_failed_request_under_load(
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


def test_a_broken_model_leaves_the_old_version_serving_and_says_why(
    user: User, url: str, kubeserve: Kubeserve, uploads: Uploads
) -> None:
    with step("upload a broken v3: v2 goes on answering, and the reason is in the status"):
        uploads.put("team/iris/v3/model.joblib", b"not a model")
        failed = eventually(lambda: (found := kubeserve.model("iris"))["state"] == "Failed" and found, 60)
        assert "not a model that joblib can load" in failed["reason"]
        assert predict(url) == ["two"]
        assert "not a model that joblib can load" in kubeserve.status_table()
    with step("delete it → v2 is Ready"):
        uploads.delete("team/iris/v3/model.joblib")
        kubeserve.wait("iris", "v2")


def test_requirements_beside_a_model_bring_what_the_image_lacks(
    user: User, kubeserve: Kubeserve, uploads: Uploads, wheels: tuple[Path, str], estimator: BaseEstimator
) -> None:
    folder, index = wheels
    write_wheel(folder / "tiny-estimator")
    with step("upload a model with a requirements.txt, from a wheel index of our own → Ready, and it answers"):
        text = f"--index-url {index}\n--trusted-host {network.ADDRESS}\ntiny-estimator==1.0\n"
        uploads.put("team/tiny/v1/requirements.txt", text.encode())
        uploads.put("team/tiny/v1/model.joblib", dumped(estimator))
        kubeserve.wait("tiny", "v1")
        tiny = f"http://{user.cluster_ip(TEAM, 'tiny-model-serving')}"
        eventually(lambda: predict(tiny) == ["tiny"])


def test_the_autoscaler_follows_the_load_and_an_upload_leaves_its_replicas_alone(
    user: User, url: str, kubeserve: Kubeserve, uploads: Uploads
) -> None:
    def replicas() -> int:
        return int(user.get("deployment", "iris-model-serving", "--namespace", TEAM)["spec"]["replicas"])

    with step("metrics-server has figures"):
        eventually(lambda: "iris-model-serving" in user.kubectl("top", "pods", "--namespace", TEAM), 90)
    with step("no load → one pod"):
        eventually(lambda: replicas() == 1, 240)
    with load(url) as running:
        with step("load → the autoscaler adds pods"):
            eventually(lambda: replicas() >= 3, 180)
        with step("upload v4 meanwhile → Ready, replicas untouched"):
            before = replicas()
            uploads.put("team/iris/v4/model.joblib", model("four"))
            lowest = watch_lowest(replicas, lambda: kubeserve.is_ready("iris", "v4"))
            assert lowest >= before
    assert running.failures == []
    with step("no load → it takes them away again"):
        eventually(lambda: replicas() < before, 240)


def watch_lowest(look: Any, done: Any) -> int:
    """The lowest figure seen until `done` says so."""
    lowest = look()

    def both() -> bool:
        nonlocal lowest
        lowest = min(lowest, look())
        return bool(done())

    eventually(both, 120)
    return int(lowest)


def test_deleting_rolls_back_and_then_removes(user: User, url: str, kubeserve: Kubeserve, uploads: Uploads) -> None:
    with step("delete v4 → v2 answers again"):
        uploads.delete("team/iris/v4/model.joblib")
        kubeserve.wait("iris", "v2")
        eventually(lambda: predict(url) == ["two"])
    with step("delete v2 and v1 → nothing is left of them, and the other model serves"):
        for version in ("v2", "v1"):
            uploads.delete(f"team/iris/{version}/model.joblib")
        eventually(lambda: [item["model"] for item in kubeserve.status()["models"]] == ["tiny"], 60)
        ours = ("--selector", "app.kubernetes.io/instance=iris", "--namespace", TEAM)
        kinds = "deployments,services,horizontalpodautoscalers,secrets,replicasets,pods"
        eventually(lambda: user.get(kinds, *ours)["items"] == [], 60)
        assert predict(f"http://{user.cluster_ip(TEAM, 'tiny-model-serving')}") == ["tiny"]


def test_every_pod_was_accepted_by_pod_security(user: User, kubeserve: Kubeserve) -> None:
    """Namespaces that enforce `restricted` refuse pods by an event on their ReplicaSet."""
    events = user.get("events", "--all-namespaces")["items"]
    assert [item["message"] for item in events if "PodSecurity" in item.get("message", "")] == []
    labels = user.get("namespace", NAMESPACE)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.fixture(scope="module")
def estimator(tmp_path_factory: pytest.TempPathFactory, monkeypatch_module: pytest.MonkeyPatch) -> BaseEstimator:
    """An estimator whose class is in the wheel and nowhere else."""
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


def write_wheel(folder: Path) -> None:
    """A wheel with one module, as any build tool makes it; the folder's listing is its page in a simple index."""
    folder.mkdir()
    info = "tiny_estimator-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_estimator-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("tiny_estimator.py", TINY)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-estimator\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
