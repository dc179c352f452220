from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.offline_signer import OfflineSigner
from watcher.core.types import Change, ModelId, ModelVersion, ObjectKey, Release, Store, StoredObject, Trial
from watcher.errors import Rejected, WatcherError
from watcher.runtimes.kubernetes.answers import ApiError, checked_items
from watcher.runtimes.kubernetes.runtime import KubernetesRuntime, in_order

STORE = Store("models", "minio:9000", secure=False)
IRIS = ModelId("a", "iris")
RELEASE = Release(
    ModelVersion(IRIS, "v1", StoredObject("a/iris/v1/model.joblib", "e", 1, datetime(2026, 1, 1, tzinfo=UTC)))
)


class Cluster:
    """An API server with Services, and namespaces ("": all at once) whose listing fails."""

    def __init__(self, *services: dict[str, Any], failing: dict[str, int] | None = None) -> None:
        self.services, self.failing = services, failing or {}
        self.routes: list[dict[str, Any]] | None = None  # None: the cluster has no Gateway API
        self.calls: list[tuple[str, str]] = []
        self.applied: list[dict[str, Any]] = []

    def call(self, method: str, path: str, body: Any = None, **_: object) -> Any:
        self.calls.append((method, path))
        if path == "/apis/autoscaling":
            return {"kind": "APIGroup", "versions": [{"groupVersion": "autoscaling/v2"}]}
        if path == "/apis/gateway.networking.k8s.io/v1":
            return None if self.routes is None else {"kind": "APIResourceList", "resources": [{"kind": "HTTPRoute"}]}
        if method == "GET" or body is None:
            return None
        self.applied.append(body)
        return {**body, "metadata": {**body["metadata"], "uid": f"uid of {body['kind']}"}}

    def items(self, path: str, kind: str, selector: str) -> list[dict[str, Any]]:
        self.calls.append(("LIST", path))
        namespace = path.split("/namespaces/")[1].split("/", maxsplit=1)[0] if "/namespaces/" in path else ""
        if namespace in self.failing:
            raise ApiError(self.failing[namespace], f"{path} is forbidden")
        if kind == "HTTPRoute" and self.routes is None:
            raise ApiError(404, "404 page not found")
        if kind == "HTTPRoute":
            return checked_items({"kind": "HTTPRouteList", "items": self.routes}, kind)
        services = self.services if kind == "Service" else ()
        found = [item for item in services if namespace in {"", item["metadata"]["namespace"]}]
        return checked_items({"kind": f"{kind}List", "items": found}, kind)


class Guarded(Cluster):
    """A cluster that answers writes of NetworkPolicies in some namespaces with a status, and labels one namespace."""

    def __init__(self, *namespaces: str, refusing: dict[str, int] | None = None, labelled: str = "") -> None:
        super().__init__(*(service(namespace, "iris") for namespace in namespaces))
        self.refusing, self.labelled = refusing or {}, labelled

    def call(self, method: str, path: str, body: Any = None, **options: object) -> Any:
        if method == "GET" and path.startswith("/api/v1/namespaces/") and path.count("/") == 4:
            labels = {"kubeserve.io/models": "true"} if path.endswith(f"/{self.labelled}") else {}
            return {"metadata": {"labels": labels}}
        if body and body["kind"] == "NetworkPolicy" and (status := self.refusing.get(body["metadata"]["namespace"])):
            raise ApiError(status, "not now")
        return super().call(method, path, body, **options)

    def taken(self) -> list[str]:
        """Return the namespaces of what was applied since the last call."""
        found, self.applied = [item["metadata"]["namespace"] for item in self.applied], []
        return found


POLICIES = (
    {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "models"}, "spec": {}},
)


def service(namespace: str, model: str, name: str = "", path: str = "") -> dict[str, Any]:
    labels = {"kubeserve.io/owner": "models", "app.kubernetes.io/instance": model}
    annotations = {"kubeserve.io/s3-path": f"s3://models/{path or f'{namespace}/{model}'}/v1/model.joblib"}
    meta = {"name": name or f"{model}-model-serving", "namespace": namespace}
    return {"metadata": {**meta, "labels": labels, "annotations": annotations}}


def runtime(api: Cluster, *namespaces: str, **options: Any) -> KubernetesRuntime:
    return KubernetesRuntime(api, STORE, "models", OfflineSigner(), namespaces=namespaces, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [403, 404])
def test_observe_with_an_unreadable_namespace_returns_the_others(status: int) -> None:
    observation = runtime(Cluster(service("a", "iris"), failing={"b": status}), "a", "b").observe()
    assert set(observation.models) == {IRIS}
    assert observation.unreadable == {"b": "cannot be read: /apis/apps/v1/namespaces/b/deployments is forbidden"}


def test_observe_writes_the_policies_of_each_namespace_once_although_no_model_changes() -> None:
    cluster = Guarded("a", "b")
    made = runtime(cluster, network_policies=POLICIES)
    assert set(made.observe().models) == {IRIS, ModelId("b", "iris")}
    assert cluster.taken() == ["a", "b"]
    cluster.services += (service("c", "iris"),)
    made.observe()
    assert cluster.taken() == ["c"]
    made.observe()
    assert cluster.taken() == []


@pytest.mark.parametrize(("status", "again"), [(503, ["a"]), (403, [])])
def test_observe_does_not_fail_by_policies_that_cannot_be_written_and_tries_those_again_that_may_succeed(
    status: int, again: list[str]
) -> None:
    cluster = Guarded("a", "b", refusing={"a": status})
    made = runtime(cluster, network_policies=POLICIES)
    assert set(made.observe().models) == {IRIS, ModelId("b", "iris")}
    assert cluster.taken() == ["b"]
    cluster.refusing = {}
    made.observe()
    assert cluster.taken() == again


def test_observe_writes_policies_into_labelled_namespaces_alone_where_models_need_the_label() -> None:
    cluster = Guarded("a", "b", labelled="b")
    runtime(cluster, network_policies=POLICIES, labelled_namespaces=True).observe()
    assert cluster.taken() == ["b"]


@pytest.mark.parametrize(
    ("failing", "namespaces"), [({"b": 500}, ("a", "b")), ({"a": 403, "b": 403}, ("a", "b")), ({"": 403}, ())]
)
def test_observe_with_a_failure_of_more_than_one_namespace_raises(
    failing: dict[str, int], namespaces: tuple[str, ...]
) -> None:
    with pytest.raises(WatcherError, match="reading the cluster"):
        runtime(Cluster(failing=failing), *namespaces).observe()


def test_observe_ignores_copies_under_another_name_or_in_another_namespace() -> None:
    copies = [
        service("a", "iris", name="copy"),
        service("a", "iris", name="copy-model-serving"),
        service("b", "iris", path="a/iris"),
    ]
    assert set(runtime(Cluster(service("a", "iris"), *copies), "a", "b").observe().models) == {IRIS}


ROUTE = {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}}


def test_render_of_a_route_is_rejected_until_the_cluster_has_the_gateway_api() -> None:
    api = Cluster()
    made = runtime(api, base=ROUTE)
    with pytest.raises(Rejected, match="needs the Gateway API, which this cluster does not have"):
        made.render(RELEASE)
    inside = Release(RELEASE.version, {"httpRoute": {"enabled": False}})
    assert "HTTPRoute" not in {item["kind"] for item in made.render(inside)}
    api.routes = []
    assert "HTTPRoute" in {item["kind"] for item in made.render(RELEASE)}


def test_observe_shows_the_address_of_a_route() -> None:
    api = Cluster(service("a", "iris"))
    made = runtime(api, "a", base=ROUTE)
    assert made.observe().models[IRIS].url == "http://iris-model-serving.a"
    route = service("a", "iris")
    route["metadata"]["annotations"]["kubeserve.io/url"] = "https://models.example.com/a/iris"
    api.routes = [route]
    found = made.observe().models[IRIS]
    assert found.url == "https://models.example.com/a/iris"
    assert ObjectKey("HTTPRoute", "iris-model-serving") in found.objects


def test_observe_asks_only_for_kinds_that_the_values_name() -> None:
    def asked(**base: Any) -> set[str]:
        api = Cluster()
        runtime(api, "a", base=base).observe()
        return {path.rpartition("/")[2] for _, path in api.calls} - {"autoscaling"}

    always = {"deployments", "services", "horizontalpodautoscalers", "configmaps"}
    assert asked() == always
    # An operator who turns it off wants the objects gone, so the section alone decides.
    assert asked(ingress={"enabled": False}) == {*always, "ingresses"}


class Keeping(Cluster):
    """A cluster that keeps what is applied, and deletes a Deployment's ConfigMap with it."""

    def __init__(self) -> None:
        super().__init__()
        self.routes, self.kept = [], dict[str, Any]()

    def call(self, method: str, path: str, body: Any = None, **options: object) -> Any:
        if method == "GET" and path in self.kept:
            return self.kept[path]
        if method == "DELETE":
            name = path.rpartition("/")[2]
            self.kept = {key: item for key, item in self.kept.items() if not key.endswith(f"/{name}")}
        done = super().call(method, path, body, **options)
        if method == "PATCH":
            before = self.kept.get(path, {"metadata": {}})
            annotations = {**before["metadata"].get("annotations", {}), **done["metadata"].get("annotations", {})}
            meta = {**before["metadata"], **done["metadata"], "annotations": annotations}
            data = {**before.get("data", {}), **done.get("data", {})}
            done = self.kept[path] = {**before, **done, "metadata": meta, "data": data}
        return done


def test_apply_of_a_promotion_keeps_the_packages_that_the_canary_has_installed() -> None:
    def config_map(track: str) -> Any:
        return api.kept[f"/api/v1/namespaces/a/configmaps/iris-model-serving{track}"]

    def of_requirements(text: str) -> Any:
        return json.loads(text)["requirements.txt"]

    api = Keeping()
    made = runtime(api, base=ROUTE)
    file = StoredObject("a/iris/v2/requirements.txt", "r", 1, datetime(2026, 1, 1, tzinfo=UTC))
    new = replace(RELEASE.version, version="v2", requirements=file)
    canary = Release(RELEASE.version, trials=(Trial("canary", new, weight=1),))
    made.apply(Change(IRIS, tuple(made.render(canary))))
    ((entry, text),) = config_map("-canary")["data"].items()
    assert of_requirements(text)["installed"] == {}
    files = json.loads(text)
    files["requirements.txt"]["installed"] = {"3.11": "x==1"}
    config_map("-canary")["data"][entry] = json.dumps(files)
    end = (ObjectKey("Deployment", "iris-model-serving-canary"),)
    made.apply(Change(IRIS, tuple(made.render(Release(new))), deletes=end))
    assert "/api/v1/namespaces/a/configmaps/iris-model-serving-canary" not in api.kept
    assert of_requirements(config_map("")["data"][entry])["installed"] == {"3.11": "x==1"}


def test_apply_of_a_deletion_creates_no_namespace() -> None:
    api = Cluster()
    runtime(api, create_namespaces=True).apply(Change(IRIS, deletes=(ObjectKey("Ingress", "iris-model-serving"),)))
    assert api.calls == [("DELETE", "/apis/networking.k8s.io/v1/namespaces/a/ingresses/iris-model-serving")]


def test_apply_of_a_canary_writes_it_after_the_stable_version_and_below_its_deployment() -> None:
    api = Cluster()
    api.routes = []
    made = runtime(api, base=ROUTE)
    release = Release(RELEASE.version, trials=(Trial("canary", RELEASE.version, weight=1),))
    made.apply(Change(IRIS, tuple(made.render(release))))
    objects = [item for item in api.applied if "labels" in item["metadata"]]
    written = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert [name for _, name in written] == ["iris-model-serving"] * 5 + ["iris-model-serving-canary"] * 4
    owners = {
        (item["kind"], item["metadata"]["name"]): item["metadata"].get("ownerReferences", [{"name": ""}])[0]["name"]
        for item in objects
    }
    assert owners["Deployment", "iris-model-serving-canary"] == "iris-model-serving"
    assert {owners[key] for key in written[6:]} == {"iris-model-serving-canary"}
    assert owners["Deployment", "iris-model-serving"] == ""


def test_observe_of_a_model_separates_its_canary() -> None:
    api = Cluster(service("a", "iris"), service("a", "iris.canary", "iris-model-serving-canary", "a/iris"))
    api.routes = []
    (found,) = runtime(api, "a", base=ROUTE).observe().models.values()
    assert found.model == IRIS
    assert {key.name for key in found.objects} == {"iris-model-serving", "iris-model-serving-canary"}
    assert found.trials == {}  # without a Deployment


def test_in_order_writes_a_new_deployment_first_and_an_old_one_after_the_config_map() -> None:
    manifests = runtime(Cluster()).render(RELEASE)
    kinds = ["Deployment", "ConfigMap", "Service", "HorizontalPodAutoscaler"]
    assert [item["kind"] for item in in_order(reversed(manifests), has_deployment=False)][:2] == kinds[:2]
    assert [item["kind"] for item in in_order(manifests, has_deployment=True)] == [
        "ConfigMap",
        "Deployment",
        *kinds[2:],
    ]
