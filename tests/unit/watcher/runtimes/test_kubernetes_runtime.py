from __future__ import annotations

import json
from typing import Any

import pytest

from watcher.core.types import Change, ModelId, ObjectKey, Store
from watcher.errors import WatcherError
from watcher.runtimes.kubernetes.api import ApiError
from watcher.runtimes.kubernetes.runtime import KubernetesRuntime

STORE = Store("models", "minio:9000", secure=False)


class Lists:
    """An API server with Services, and namespaces ("": all at once) whose listing fails."""

    def __init__(self, *services: dict[str, Any], failing: dict[str, int] | None = None) -> None:
        self.services, self.failing = services, failing or {}
        self.calls: list[tuple[str, str]] = []

    def call(self, method: str, path: str, *_: object, **__: object) -> Any:
        self.calls.append((method, path))
        if path == "/apis/autoscaling":
            return {"versions": [{"groupVersion": "autoscaling/v2"}]}
        namespace = path.split("/namespaces/")[1].split("/", maxsplit=1)[0] if "/namespaces/" in path else ""
        if namespace in self.failing:
            raise ApiError(self.failing[namespace], json.dumps({"message": f"{path} is forbidden"}).encode())
        found = [item for item in self.services if item["metadata"]["namespace"] == namespace]
        return {"items": found if path.endswith("/services") else []}


def service(namespace: str, model: str, name: str = "", path: str = "") -> dict[str, Any]:
    labels = {"kubeserve.io/owner": "models", "app.kubernetes.io/instance": model}
    annotations = {"kubeserve.io/s3-path": f"s3://models/{path or f'{namespace}/{model}'}/v1/model.joblib"}
    meta = {"name": name or f"{model}-model-serving", "namespace": namespace}
    return {"metadata": {**meta, "labels": labels, "annotations": annotations}}


def runtime(api: Lists, *namespaces: str) -> KubernetesRuntime:
    return KubernetesRuntime(api, STORE, "models", namespaces=namespaces)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [403, 404])
def test_a_namespace_that_may_not_be_read_leaves_the_others(status: int) -> None:
    observation = runtime(Lists(service("a", "iris"), failing={"b": status}), "a", "b").observe()
    assert set(observation.models) == {ModelId("a", "iris")}
    assert observation.unreadable == {"b": "cannot be read: /apis/apps/v1/namespaces/b/deployments is forbidden"}


@pytest.mark.parametrize(
    ("failing", "namespaces"), [({"b": 500}, ("a", "b")), ({"a": 403, "b": 403}, ("a", "b")), ({"": 403}, ())]
)
def test_what_is_wrong_with_more_than_a_namespace_fails_the_survey(
    failing: dict[str, int], namespaces: tuple[str, ...]
) -> None:
    with pytest.raises(WatcherError, match="reading the cluster"):
        runtime(Lists(failing=failing), *namespaces).observe()


def test_copies_under_another_name_or_in_another_namespace_are_no_models() -> None:
    copies = [
        service("a", "iris", name="copy"),
        service("a", "iris", name="copy-model-serving"),
        service("b", "iris", path="a/iris"),
    ]
    assert set(runtime(Lists(service("a", "iris"), *copies), "a", "b").observe().models) == {ModelId("a", "iris")}


def test_a_deletion_makes_no_namespace() -> None:
    api = Lists()
    made = KubernetesRuntime(api, STORE, "models", create_namespaces=True)  # type: ignore[arg-type]
    made.apply(Change(ModelId("a", "iris"), deletes=(ObjectKey("Service", "iris-model-serving"),)))
    assert api.calls == [("DELETE", "/api/v1/namespaces/a/services/iris-model-serving")]
