"""Install the watcher's chart with the real Helm on a real API server, and run the watcher as its ServiceAccount."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml
from kubernetes import client, config, utils
from minio import MinioAdmin
from minio.credentials import StaticProvider

from dev import manifests
from watcher.core import user_values
from watcher.core.ceilings import first_excess, parse
from watcher.core.chart import check, defaults, merge

from . import gateway_api
from .driving import Cluster, Uploads, Watcher, eventually
from .helm import CHARTS, Helm

CHART = str(CHARTS / "kubeserve")
LABELS = {"pod-security.kubernetes.io/enforce": "restricted", "kubeserve.io/models": "true"}


@dataclass(frozen=True)
class Site:
    """A namespace for the watcher, one for models, and the clients of both."""

    helm: Helm
    api: client.ApiClient
    kubeconfig: Path
    minio: Any
    uploads: Uploads
    home: str
    models: Cluster
    folder: Path

    def install(self, *settings: str, verb: str = "install", values: str | None = None) -> str:
        given = (
            f"s3.endpoint={self.minio.endpoint}",
            f"s3.bucket={self.uploads.bucket}",
            f"s3.accessKey={self.minio.access_key}",
            f"s3.secretKey={self.minio.secret_key}",
            *settings,
        )
        words = [word for setting in given for word in ("--set", setting)]
        return self.helm.run(verb, "watch", CHART, "-n", self.home, *words, values=values)

    def uninstall(self) -> None:
        self.helm.run("uninstall", "watch", "-n", self.home)

    def token(self) -> str:
        body: Any = {"spec": {"expirationSeconds": 3600}}
        found: Any = self.models.core.create_namespaced_service_account_token("watch", self.home, body)
        return str(found.status.token)

    def watcher(self) -> Watcher:
        """Return the watcher with the environment of the chart's pod, as the chart's ServiceAccount."""
        kubeconfig = json.loads(self.kubeconfig.read_text())
        kubeconfig["users"][0]["user"] = {"token": self.token()}
        own = self.folder / "kubeconfig"
        own.write_text(json.dumps(kubeconfig))
        return Watcher(self.folder / "watcher.log", "--kubeconfig", str(own), **self.environment())

    def environment(self) -> dict[str, str]:
        pod = self.models.apps.read_namespaced_deployment("watch", self.home).spec.template.spec
        found = {}
        for item in pod.containers[0].env:
            if item.name == "KUBESERVE_POLL_INTERVAL":
                continue
            text = self.secret(item.value_from.secret_key_ref) if item.value_from else item.value
            if text is not None:
                found[item.name] = text
        # The files of the pod's ConfigMap are elsewhere here.
        for name, text in self.models.core.read_namespaced_config_map("watch", self.home).data.items():
            (self.folder / name).write_text(text)
        return {name: text.replace("/etc/kubeserve", str(self.folder)) for name, text in found.items()}

    def secret(self, reference: Any) -> str | None:
        data = self.models.core.read_namespaced_secret(reference.name, self.home).data or {}
        text = data.get(reference.key)
        assert text or reference.optional
        return base64.b64decode(text).decode() if text else None

    def put(self, path: str, data: bytes = b"bytes of a model") -> None:
        self.uploads.put(f"{self.models.namespace}/{path}", data)

    def delete(self, path: str) -> None:
        self.uploads.delete(f"{self.models.namespace}/{path}")


@pytest.fixture
def site(helm: Helm, control_plane: Any, minio_server: Any, bucket: Any, tmp_path: Path) -> Iterator[Site]:
    mark = uuid.uuid4().hex[:8]
    with config.new_client_from_config(str(control_plane.kubeconfig)) as api:
        models = Cluster(api, f"team-{mark}")
        for name in (f"kubeserve-{mark}", models.namespace):
            models.core.create_namespace({"metadata": {"name": name, "labels": LABELS}})
        yield Site(
            replace(helm, kubeconfig=control_plane.kubeconfig),
            api,
            control_plane.kubeconfig,
            minio_server,
            Uploads(bucket.client, bucket.name),
            f"kubeserve-{mark}",
            models,
            tmp_path,
        )


def test_role_in_the_namespace_is_enough_to_deploy_update_and_remove_a_model(site: Site) -> None:
    site.install(f"watch.namespaces={{{site.models.namespace}}}")
    deploy_update_and_remove(site)
    site.uninstall()


def test_cluster_role_is_enough_to_deploy_update_and_remove_a_model(site: Site) -> None:
    site.install("watch.allNamespaces=true")
    deploy_update_and_remove(site)
    site.uninstall()


def test_role_with_addresses_is_enough_to_make_and_remove_them(site: Site) -> None:
    gateway_api.install(site.api)
    values = {
        "ingress": {"enabled": "true", "host": "models.example.com"},
        "httpRoute": {"enabled": "true", "parentRefs[0].name": "public"},
    }
    given = [f"modelValues.{part}.{key}={value}" for part, found in values.items() for key, value in found.items()]
    site.install("watch.allNamespaces=true", *given)
    groups = {"ingresses": "networking.k8s.io", "httproutes": "gateway.networking.k8s.io"}
    custom = client.CustomObjectsApi(site.api)

    def made() -> set[str]:
        return {
            kind
            for kind, group in groups.items()
            if custom.list_namespaced_custom_object(group, "v1", site.models.namespace, kind)["items"]
        }

    with site.watcher() as watcher:
        site.put("iris/v1/model.joblib")
        eventually(lambda: made() == set(groups))
        site.put("iris/values.yaml", b"ingress: {enabled: false}")
        eventually(lambda: made() == {"httproutes"})
        site.delete("iris/values.yaml")
        eventually(lambda: made() == set(groups))
        site.delete("iris/v1/model.joblib")
        eventually(lambda: not made())
    assert "orbidden" not in watcher.log.read_text()
    site.uninstall()


def deploy_update_and_remove(site: Site) -> None:
    models = site.models
    with site.watcher() as watcher:
        site.put("iris/v1/model.joblib")
        eventually(lambda: {kind for kind, _ in models.objects()} == {"Deployment", "Service", "HPA", "ConfigMap"})
        assert eventually(lambda: watcher.model("iris")["reason"] == "waiting for the pods")
        assert eventually(lambda: models.core.list_namespaced_pod(models.namespace).items), "refused as not restricted"
        site.put("iris/v2/model.joblib")
        eventually(lambda: models.version("iris") == "v2")
        site.put("iris/values.yaml", b"autoscaling: {enabled: false}")
        eventually(lambda: "HPA" not in {kind for kind, _ in models.objects()})
        site.put("iris/values.yaml", b"autoscaling: {maxReplicas: 3}")
        eventually(lambda: models.hpa("iris").spec.max_replicas == 3)
        site.put("iris/values.yaml", b"autoscaling: {maxReplicas: many}")
        eventually(lambda: watcher.state("iris") == "Rejected")
        site.delete("iris/values.yaml")
        site.delete("iris/v2/model.joblib")
        eventually(lambda: models.version("iris") == "v1")
        eventually(lambda: event_reasons(models) >= {"Applied", "Progressing", "Rejected", "RolledBack"})
        eventually(lambda: models.deployment("iris").metadata.labels["kubeserve.io/state"] == "Progressing")
        site.delete("iris/v1/model.joblib")
        eventually(lambda: not models.objects())
    assert "orbidden" not in watcher.log.read_text()


def event_reasons(models: Cluster) -> set[str]:
    """Return the reasons of the Events that `kubectl describe` shows for the Deployment."""
    about = f"involvedObject.uid={models.deployment('iris').metadata.uid},source=kubeserve"
    return {item.reason for item in models.core.list_namespaced_event(models.namespace, field_selector=about).items}


def test_watcher_with_create_namespaces_creates_the_namespace_of_a_model(site: Site) -> None:
    namespace = f"new-{uuid.uuid4().hex[:8]}"
    site.uploads.put(f"{namespace}/iris/v1/model.joblib")
    site.install("watch.allNamespaces=true", "watch.createNamespaces=true")
    with site.watcher():
        eventually(lambda: site.models.apps.read_namespaced_deployment("iris-model-serving", namespace))
    site.uninstall()


def test_watcher_in_all_namespaces_serves_only_those_that_are_labelled_for_models(site: Site) -> None:
    core, name = site.models.core, site.models.namespace
    core.patch_namespace(name, {"metadata": {"labels": {"kubeserve.io/models": None}}})
    site.install("watch.allNamespaces=true")
    site.put("iris/v1/model.joblib")
    with site.watcher() as watcher:
        eventually(lambda: watcher.state("iris") == "Rejected")
        remedy = f"namespace {name} is not labelled for models: kubectl label namespace {name} kubeserve.io/models=true"
        assert remedy in watcher.model("iris")["reason"]
        assert not site.models.objects()
        core.patch_namespace(name, {"metadata": {"labels": {"kubeserve.io/models": "true"}}})
        eventually(lambda: site.models.version("iris") == "v1")
        core.patch_namespace(name, {"metadata": {"labels": {"kubeserve.io/models": "no"}}})
        site.put("iris/v2/model.joblib")
        eventually(lambda: watcher.state("iris") == "Rejected")
        assert site.models.version("iris") == "v1"
    site.uninstall()


IN_THE_MODELS_NAMESPACE = [
    ("GET", "/api/v1/namespaces/{models}/secrets"),
    ("GET", "/api/v1/namespaces/{models}/secrets?watch=true"),
    ("GET", "/api/v1/namespaces/{models}/secrets/iris-model-serving"),
    ("POST", "/api/v1/namespaces/{models}/secrets"),
    ("PUT", "/api/v1/namespaces/{models}/secrets/iris-model-serving"),
    ("PATCH", "/api/v1/namespaces/{models}/secrets/iris-model-serving"),
    ("DELETE", "/api/v1/namespaces/{models}/secrets/iris-model-serving"),
    ("DELETE", "/api/v1/namespaces/{models}/secrets"),
    ("PUT", "/api/v1/namespaces/{models}/configmaps/iris-model-serving"),
    ("DELETE", "/api/v1/namespaces/{models}/configmaps/iris-model-serving"),
    ("GET", "/api/v1/namespaces/{models}/events"),
    ("GET", "/apis/networking.k8s.io/v1/namespaces/{models}/ingresses"),
    ("GET", "/apis/gateway.networking.k8s.io/v1/namespaces/{models}/httproutes"),
    ("POST", "/api/v1/namespaces/{models}/pods"),
    ("GET", "/api/v1/namespaces/{models}/pods/x"),
    ("DELETE", "/api/v1/namespaces/{models}/pods/x"),
    ("GET", "/api/v1/namespaces/{models}/pods/x/log"),
    ("POST", "/api/v1/namespaces/{models}/pods/x/exec?command=sh"),
    ("POST", "/api/v1/namespaces/{models}/pods/x/eviction"),
    ("POST", "/api/v1/namespaces/{models}/serviceaccounts/default/token"),
    ("PATCH", "/apis/apps/v1/namespaces/{models}/deployments/iris-model-serving/scale"),
    ("PUT", "/apis/apps/v1/namespaces/{models}/deployments/iris-model-serving/status"),
    ("PUT", "/apis/apps/v1/namespaces/{models}/deployments/iris-model-serving"),
    ("DELETE", "/apis/apps/v1/namespaces/{models}/deployments"),
    ("POST", "/apis/apps/v1/namespaces/{models}/daemonsets"),
    ("DELETE", "/api/v1/namespaces/{models}/services/iris-model-serving"),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/{models}/rolebindings"),
]
IN_THE_CLUSTER = [
    ("GET", "/api/v1/secrets"),
    ("GET", "/api/v1/namespaces/{home}/secrets/watch-s3"),
    ("GET", "/api/v1/nodes"),
    ("GET", "/api/v1/namespaces"),
    ("POST", "/api/v1/namespaces"),
    ("DELETE", "/api/v1/namespaces/{models}"),
    ("PATCH", "/api/v1/namespaces/{models}"),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
    ("PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterroles/{home}-watch"),
]
IN_OTHER_NAMESPACES = [
    ("GET", "/apis/apps/v1/deployments"),
    ("GET", "/apis/apps/v1/namespaces/default/deployments/x"),
    ("PATCH", "/apis/apps/v1/namespaces/kube-system/deployments/x"),
    ("PATCH", "/api/v1/namespaces/{home}/secrets/x"),
    ("GET", "/api/v1/namespaces/default/pods"),
]


def test_role_forbids_everything_that_the_watcher_does_not_use(site: Site) -> None:
    site.install(f"watch.namespaces={{{site.models.namespace}}}")
    for verb, path in [*IN_THE_MODELS_NAMESPACE, *IN_THE_CLUSTER, *IN_OTHER_NAMESPACES]:
        assert answer(site, verb, path) == 403, (verb, path)
    assert answer(site, "GET", "/apis/apps/v1/namespaces/{models}/deployments") == 200
    site.uninstall()


def test_cluster_role_forbids_everything_that_the_watcher_does_not_use(site: Site) -> None:
    site.install("watch.allNamespaces=true")
    for verb, path in [*IN_THE_MODELS_NAMESPACE, *IN_THE_CLUSTER]:
        assert answer(site, verb, path) == 403, (verb, path)
    assert answer(site, "GET", "/apis/apps/v1/deployments") == 200
    site.uninstall()


def answer(site: Site, verb: str, path: str) -> int:
    """Return the API server's status for a request of the watcher. Authorization is checked before anything else."""
    authority = json.loads(site.kubeconfig.read_text())["clusters"][0]["cluster"]["certificate-authority"]
    headers = {"Authorization": f"Bearer {site.token()}", "Content-Type": "application/json"}
    url = site.api.configuration.host + path.format(home=site.home, models=site.models.namespace)
    with urllib3.PoolManager(ca_certs=authority) as pool:
        body = b"{}" if verb != "GET" else None
        return pool.request(verb, url, headers=headers, body=body, retries=False, timeout=60).status


def test_webhook_token_survives_an_upgrade_and_is_replaced_by_a_given_one(site: Site) -> None:
    namespaces = f"watch.namespaces={{{site.models.namespace}}}"
    site.install(namespaces)
    first = site.environment()["KUBESERVE_WEBHOOK_TOKEN"]
    site.install(namespaces, "settings.workers=8", verb="upgrade")
    assert len(first) == 32
    assert site.environment()["KUBESERVE_WEBHOOK_TOKEN"] == first
    assert site.environment()["KUBESERVE_WORKERS"] == "8"
    site.install(namespaces, "webhook.token=mine", verb="upgrade")
    assert site.environment()["KUBESERVE_WEBHOOK_TOKEN"] == "mine"
    site.uninstall()


def test_urls_of_models_are_signed_by_the_pod_credentials_for_the_address_of_the_pods(site: Site) -> None:
    admin = MinioAdmin(
        endpoint=site.minio.endpoint,
        credentials=StaticProvider(site.minio.access_key, site.minio.secret_key),
        secure=False,
    )
    reader = f"reader-{uuid.uuid4().hex[:8]}"
    admin.user_add(reader, "only-to-read")
    admin.attach_policy(["readonly"], user=reader)
    site.install(
        f"watch.namespaces={{{site.models.namespace}}}",
        f"s3.podAccessKey={reader}",
        "s3.podSecretKey=only-to-read",
        "s3.podEndpoint=https://store.example",
        "modelValues.deployment.image.tag=1.2",
        "modelValues.autoscaling.maxReplicas=9",
    )
    site.put("iris/v1/model.joblib")
    with site.watcher():
        data = eventually(lambda: site.models.objects()["ConfigMap", "iris-model-serving"].data)
        eventually(lambda: site.models.hpa("iris").spec.max_replicas == 9)
    (text,) = data.values()
    (url,) = json.loads(text)["model.joblib"]["urls"]
    assert url.startswith("https://store.example/")
    assert f"X-Amz-Credential={reader}%2F" in url
    pod = site.models.deployment("iris").spec.template.spec
    assert pod.containers[0].image == "localhost:5001/kubeserve-base:1.2"
    assert "only-to-read" not in str(site.models.objects())
    site.uninstall()


def test_chart_with_all_options_creates_a_restricted_pod(site: Site) -> None:
    notes = site.install(
        "watch.allNamespaces=true",
        "networkPolicy.from[0].namespaceSelector.matchLabels.team=ops",
        "imagePullSecrets[0].name=registry",
        "serviceAccount.annotations.role=reader",
        "s3.ca=PEM",
    )
    assert f"endpoint=http://watch.{site.home}/events" in notes
    pods = eventually(lambda: site.models.core.list_namespaced_pod(site.home).items)
    assert pods[0].spec.containers[0].security_context.read_only_root_filesystem
    assert yaml.safe_load(site.models.core.read_namespaced_config_map("watch", site.home).data["values.yaml"]) == {
        "model": {"s3CA": "PEM"}
    }
    site.uninstall()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("watch.allNamespaces=true,s3.existingSecret=s", "s3.endpoint is required"),
        ("watch.allNamespaces=true,s3.endpoint=e", "credentials are required"),
        ("watch.allNamespaces=true,s3.endpoint=e,s3.accessKey=a", "belong together"),
        ("watch.allNamespaces=true,s3.endpoint=e,s3.podAccessKey=a", "belong together"),
        (
            "watch.allNamespaces=true,s3.endpoint=e,s3.existingSecret=s,s3.accessKey=a,s3.secretKey=b",
            "replaces the keys",
        ),
        ("s3.endpoint=e,s3.existingSecret=s", "the namespaces for models are required"),
        ("s3.endpoint=e,s3.existingSecret=s,watch.allNamespaces=true,watch.namespaces={a}", "exclude each other"),
        ("s3.endpoint=e,s3.existingSecret=s,watch.namespaces={a},watch.createNamespaces=true", "needs watch.all"),
        ("s3.endpoint=e,s3.existingSecret=s,watch.allNamespaces=true,settings.pollInterval=1", "pollInterval"),
        ("s3.endpoint=e,s3.existingSecret=s,watch.allNamespaces=true,ceilings.pods=1", "pods"),
        ("s3.endpoint=e,s3.existingSecret=s,watch.allNamespaces=true,ceilings.memory=much", "/ceilings/memory"),
        ("s3.endpoint=e,s3.existingSecret=s,watch.allNamespaces=true,ceilings.replicas=0", "/ceilings/replicas"),
    ],
)
def test_chart_with_missing_values_fails_with_a_sentence(helm: Helm, settings: str, sentence: str) -> None:
    assert sentence in helm.run("template", "watch", CHART, "--set", settings, fails=True)


def test_values_in_the_documentation_are_valid(helm: Helm) -> None:
    text = (CHARTS.parents[1] / "docs" / "operations.md").read_text()
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    of_users = [block for block in blocks if "deployment" in block or "canary" in block]
    required = {"s3": {"endpoint": "e", "existingSecret": "s"}, "watch": {"namespaces": ["a"]}}
    assert (len(blocks), len(of_users)) == (16, 2)
    for block in blocks:
        if block in of_users:
            user_values.parse(json.dumps(block).encode(), "values.yaml", model_level="canary" in block)
        else:
            assert helm.template("kubeserve", "kubeserve", "kubeserve", json.dumps(merge(required, block)))
            values = merge(defaults(), block.get("modelValues", {}))
            check(values)
            ceilings = ",".join(f"{name}={ceiling}" for name, ceiling in block.get("ceilings", {}).items())
            assert first_excess(values, parse(ceilings)) is None


def test_model_values_reach_the_config_map_unchanged(helm: Helm) -> None:
    models = {"model": {"name": "1e3"}, "deployment": {"image": {"tag": "1.10"}, "replicas": 1000000}}
    s3 = {"endpoint": "e", "existingSecret": "s", "ca": "one\ntwo\n"}
    values = json.dumps({"s3": s3, "watch": {"namespaces": ["a"]}, "modelValues": models})
    objects = helm.template("watch", "kubeserve", "home", values)
    data = next(item["data"] for item in objects if item["kind"] == "ConfigMap")
    assert yaml.safe_load(data["values.yaml"]) == merge(models, {"model": {"s3CA": "one\ntwo\n"}})
    assert data["ca.crt"] == "one\ntwo\n"


def test_proxy_values_reach_the_watcher_and_the_models_but_not_the_api_server(helm: Helm) -> None:
    proxy = {"httpsProxy": "http://proxy.example:3128", "noProxy": "minio.minio"}
    models = {"download": {"noProxy": "store.example"}}
    s3 = {"endpoint": "e", "existingSecret": "s"}
    given = json.dumps({"s3": s3, "watch": {"namespaces": ["a"]}, "proxy": proxy, "modelValues": models})
    objects = {item["kind"]: item for item in helm.template("watch", "kubeserve", "home", given)}
    container = objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    found = {item["name"]: item.get("value") for item in container["env"] if "PROXY" in item["name"]}
    assert found == {
        "HTTPS_PROXY": "http://proxy.example:3128",
        "NO_PROXY": "$(KUBERNETES_SERVICE_HOST),minio.minio",
    }
    assert yaml.safe_load(objects["ConfigMap"]["data"]["values.yaml"]) == {
        "download": {"httpsProxy": "http://proxy.example:3128", "noProxy": "store.example"}
    }


def test_ceilings_reach_the_watcher_as_the_setting_that_it_reads(helm: Helm) -> None:
    ceilings = {"replicas": 20, "cpu": 0.5, "memory": "8Gi", "bodySize": 268435456, "values": "1Mi", "bodyMemory": 1e9}
    values = {"s3": {"endpoint": "e", "existingSecret": "s"}, "watch": {"namespaces": ["a"]}, "ceilings": ceilings}
    objects = helm.template("watch", "kubeserve", "home", json.dumps(values))
    (pod,) = (item["spec"]["template"]["spec"] for item in objects if item["kind"] == "Deployment")
    (text,) = (item["value"] for item in pod["containers"][0]["env"] if item["name"] == "KUBESERVE_CEILINGS")
    expected = {"replicas": "20", "cpu": "0.5", "memory": "8Gi", "bodySize": "268435456", "values": "1Mi"}
    assert parse(text) == expected | {"bodyMemory": "1000000000"}


def test_watcher_listens_on_every_address_family(helm: Helm) -> None:
    values = "{s3: {endpoint: e, existingSecret: s}, watch: {namespaces: [a]}}"
    objects = helm.template("watch", "kubeserve", "home", values)
    container = next(item for item in objects if item["kind"] == "Deployment")["spec"]["template"]["spec"][
        "containers"
    ][0]
    # 0.0.0.0 would be unreachable in a cluster of IPv6 alone. Without a host, the watcher listens on both families.
    assert {"name": "KUBESERVE_LISTEN", "value": ":8080"} in container["env"]


def test_service_monitors_select_the_watcher_and_the_models(helm: Helm) -> None:
    values = "{s3: {endpoint: e, existingSecret: s}, watch: {namespaces: [a]}, serviceMonitor: {enabled: true}}"
    found = [item for item in helm.template("watch", "kubeserve", "home", values) if item["kind"] == "ServiceMonitor"]
    assert [item["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] for item in found] == [
        "kubeserve",
        "model-serving",
    ]
    assert found[1]["spec"]["namespaceSelector"] == {"matchNames": ["a"]}


def test_install_manifest_is_current_and_accepted_by_the_api_server(site: Site) -> None:
    assert manifests.TARGET.read_text() == manifests.rendered(), "run `make manifests`"
    objects = list(yaml.safe_load_all(manifests.TARGET.read_text()))
    # A namespace and names of its own, so that the test can run next to others.
    text = json.dumps(objects).replace("kubeserve-kubeserve", site.home)
    text = text.replace('"namespace": "kubeserve"', f'"namespace": "{site.home}"')
    for item in json.loads(text):
        utils.create_from_dict(site.api, item)
    assert eventually(lambda: site.models.core.list_namespaced_pod(site.home).items)
    rbac = client.RbacAuthorizationV1Api(site.api)
    rbac.delete_cluster_role_binding(site.home)
    rbac.delete_cluster_role(site.home)
