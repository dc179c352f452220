"""The Kubernetes runtime with the watcher's own role on a real API server: what is ours, and whose replicas run."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from tests.offline_signer import OfflineSigner
from watcher.core.chart import defaults
from watcher.core.plan import plan
from watcher.core.types import Change, ModelId, ModelVersion, Release, Store, StoredObject
from watcher.errors import Rejected
from watcher.runtimes.kubernetes.api import connect
from watcher.runtimes.kubernetes.runtime import KubernetesRuntime

from .driving import Cluster, eventually
from .helm import CHARTS

NAME = "iris-model-serving"
STORE = Store("models", "minio:9000", secure=False)
FIXED = {"autoscaling": {"enabled": False}}


class Site:
    """A namespace, and runtimes in it that may do what the watcher's chart grants."""

    def __init__(self, cluster: Cluster, kubeconfig: str) -> None:
        self.cluster, self.kubeconfig, self.model = cluster, kubeconfig, ModelId(cluster.namespace, "iris")
        self.runtimes: list[KubernetesRuntime] = []

    def runtime(self, owner: str = "models", store: Store = STORE, **options: Any) -> KubernetesRuntime:
        made = KubernetesRuntime(
            connect(self.kubeconfig), store, owner, OfflineSigner(), namespaces=(self.cluster.namespace,), **options
        )
        self.runtimes.append(made)
        return made

    def release(self, version: str = "v1", **overrides: Any) -> Release:
        artifact = StoredObject(f"{self.model.prefix}{version}/model.joblib", "e1", 1, datetime(2026, 1, 1, tzinfo=UTC))
        return Release(ModelVersion(self.model, version, artifact), overrides)

    def reconcile(self, runtime: KubernetesRuntime, version: str = "v1", **overrides: Any) -> Change:
        """Plan and apply as the reconciler does, and return the change."""
        manifests = runtime.render(self.release(version, **overrides))
        change = plan(manifests, runtime.observe(self.model).models.get(self.model), self.model)
        runtime.apply(change)
        return change

    def replicas(self) -> int:
        return int(self.cluster.deployment("iris").spec.replicas)

    def scale(self, replicas: int) -> None:
        body = {"spec": {"replicas": replicas}}
        self.cluster.apps.patch_namespaced_deployment_scale(NAME, self.cluster.namespace, body)

    def config_map(self) -> Any:
        return self.cluster.core.read_namespaced_config_map(NAME, self.cluster.namespace)

    def reconcile_formerly(self, owner: str = "models") -> None:
        """Apply what a version without signed URLs applied: its pods are told where the store is."""
        runtime = self.runtime(owner)
        for manifest in runtime.render(self.release()):
            if manifest["kind"] == "Deployment":
                (container,) = manifest["spec"]["template"]["spec"]["initContainers"]
                container["env"].append({"name": "KUBESERVE_ENDPOINT", "value": STORE.endpoint})
            runtime.apply(Change(self.model, (manifest,)))

    def kinds(self) -> set[str]:
        return {kind for kind, name in self.cluster.objects() if name == NAME}


@pytest.fixture
def site(control_plane: Any, tmp_path: Path) -> Iterator[Site]:
    with config.new_client_from_config(str(control_plane.kubeconfig)) as api:
        cluster = Cluster(api, f"team-{uuid.uuid4().hex[:8]}")
        cluster.core.create_namespace({"metadata": {"name": cluster.namespace}})
        made = Site(cluster, with_the_role_of_the_chart(cluster, control_plane.kubeconfig, tmp_path))
        yield made
        for runtime in made.runtimes:
            runtime.close()


def with_the_role_of_the_chart(cluster: Cluster, kubeconfig: Path, folder: Path) -> str:
    """Return a kubeconfig of a service account that has the rules of charts/kubeserve and no others."""
    text = (CHARTS / "kubeserve" / "templates" / "_helpers.tpl").read_text()
    rules = re.search(r'define "kubeserve.rules" -}}\n(.*?)\{\{- end', text, re.DOTALL)
    assert rules
    namespace, rbac = cluster.namespace, client.RbacAuthorizationV1Api(cluster.core.api_client)
    cluster.core.create_namespaced_service_account(namespace, {"metadata": {"name": "watcher"}})
    rbac.create_namespaced_role(namespace, {"metadata": {"name": "watcher"}, "rules": yaml.safe_load(rules[1])})
    subject = {"kind": "ServiceAccount", "name": "watcher", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "watcher"}
    rbac.create_namespaced_role_binding(
        namespace, {"metadata": {"name": "watcher"}, "subjects": [subject], "roleRef": role}
    )
    spec: Any = {"spec": {"expirationSeconds": 3600}}
    token: Any = cluster.core.create_namespaced_service_account_token("watcher", namespace, spec)
    document = json.loads(kubeconfig.read_text())
    document["users"][0]["user"] = {"token": token.status.token}
    path = folder / "watcher-kubeconfig"
    path.write_text(json.dumps(document))
    return str(path)


PERSONS = {"settings.ini": "only copy"}


@pytest.mark.parametrize("labels", [None, {}, {"kubeserve.io/owner": "another"}, {"app": "mine"}])
def test_apply_beside_a_foreign_config_map_is_rejected_and_changes_nothing(site: Site, labels: Any) -> None:
    body = {"metadata": {"name": NAME, "labels": labels}, "data": PERSONS}
    before = site.cluster.core.create_namespaced_config_map(site.cluster.namespace, body)
    runtime = site.runtime()
    with pytest.raises(Rejected, match=f"ConfigMap {NAME} exists in namespace {site.cluster.namespace}"):
        site.reconcile(runtime)
    assert site.kinds() == {"ConfigMap"}
    assert site.config_map().metadata.resource_version == before.metadata.resource_version
    site.cluster.core.delete_namespaced_config_map(NAME, site.cluster.namespace)
    site.reconcile(runtime)
    assert site.kinds() == {"Deployment", "ConfigMap", "Service", "HPA"}


def test_apply_after_our_config_map_was_replaced_by_a_person_s_is_rejected(site: Site) -> None:
    runtime, core, namespace = site.runtime(), site.cluster.core, site.cluster.namespace
    site.reconcile(runtime)
    core.delete_namespaced_config_map(NAME, namespace)
    core.create_namespaced_config_map(namespace, {"metadata": {"name": NAME}, "data": PERSONS})
    with pytest.raises(Rejected, match="is not managed by this watcher"):
        site.reconcile(runtime, "v2")
    assert site.config_map().data == PERSONS
    runtime.apply(Change(site.model, remove=True))
    eventually(lambda: site.kinds() == {"ConfigMap"})
    assert site.config_map().data == PERSONS


def test_config_map_loses_what_is_no_longer_rendered_and_keeps_the_urls(site: Site) -> None:
    runtime = site.runtime()
    site.reconcile(runtime, model={"s3CA": "PEM"})
    assert site.config_map().data["ca.crt"] == "PEM"
    site.reconcile(runtime)
    assert [name.partition("-")[0] for name in site.config_map().data] == ["urls"]
    assert [owner.kind for owner in site.config_map().metadata.owner_references] == ["Deployment"]


def test_autoscaling_switched_off_keeps_the_replicas_that_run(site: Site) -> None:
    runtime = site.runtime()
    site.reconcile(runtime)
    site.scale(4)  # as the autoscaler does
    site.reconcile(runtime, **FIXED)
    assert ("HPA" in site.kinds(), site.replicas()) == (False, 4)
    site.reconcile(runtime, "v2", **FIXED)
    assert site.replicas() == 4
    site.reconcile(runtime, "v2", **FIXED, deployment={"replicas": 2})
    assert site.replicas() == 2
    site.reconcile(runtime, "v3", **FIXED)
    assert site.replicas() == 2


def test_autoscaling_switched_off_by_a_user_who_names_replicas_gives_those(site: Site) -> None:
    runtime = site.runtime()
    site.reconcile(runtime)
    site.scale(4)
    site.reconcile(runtime, **FIXED, deployment={"replicas": 3})
    assert site.replicas() == 3


@pytest.mark.parametrize("restarted", [False, True])
def test_autoscaling_switched_on_keeps_the_replicas_that_run(site: Site, restarted: bool) -> None:
    runtime = site.runtime()
    site.reconcile(runtime, **FIXED, deployment={"replicas": 3})
    assert site.replicas() == 3
    runtime = site.runtime() if restarted else runtime
    site.reconcile(runtime)
    assert ("HPA" in site.kinds(), site.replicas()) == (True, 3)
    site.scale(5)
    site.reconcile(runtime, "v2")
    assert site.replicas() == 5


def test_model_that_was_removed_without_an_autoscaler_is_deployed_again_with_one(site: Site) -> None:
    runtime = site.runtime()
    site.reconcile(runtime, **FIXED, deployment={"replicas": 3})
    runtime.observe()
    runtime.apply(Change(site.model, remove=True))
    eventually(lambda: not site.kinds())
    site.reconcile(runtime)
    assert site.kinds() == {"Deployment", "ConfigMap", "Service", "HPA"}
    assert site.replicas() == 1


def test_new_deployment_without_named_replicas_has_the_chart_s_default(site: Site) -> None:
    site.reconcile(site.runtime(), **FIXED)
    assert site.replicas() == defaults()["deployment"]["replicas"]


def test_objects_of_the_former_owner_are_adopted_from_the_same_store(site: Site) -> None:
    site.reconcile_formerly()
    uid = site.cluster.deployment("iris").metadata.uid
    runtime = site.runtime("models-0123", former_owner="models")
    assert set(runtime.observe().models) == {site.model}
    assert site.reconcile(runtime).writes
    assert not site.reconcile(runtime)
    assert site.cluster.deployment("iris").metadata.uid == uid
    owners = {item.metadata.labels["kubeserve.io/owner"] for item in site.cluster.objects().values()}
    assert owners == {"models-0123"}


@pytest.mark.parametrize("other", [replace(STORE, endpoint="other:9000"), replace(STORE, bucket="another")])
def test_objects_of_the_former_owner_are_foreign_from_another_store(site: Site, other: Store) -> None:
    site.reconcile_formerly()
    runtime = site.runtime("models-4567", other, former_owner="models")
    assert runtime.observe().models == {}
    with pytest.raises(Rejected, match="is not managed by this watcher"):
        site.reconcile(runtime)


def test_adoption_that_was_interrupted_is_completed(site: Site) -> None:
    site.reconcile_formerly()
    runtime = site.runtime("models-0123", former_owner="models")
    manifests = {item["kind"]: item for item in runtime.render(site.release())}
    runtime._objects.apply(manifests["Deployment"])
    assert {item["kind"] for item in site.reconcile(runtime).writes} == {
        "ConfigMap",
        "Service",
        "HorizontalPodAutoscaler",
    }
    owners = {item.metadata.labels["kubeserve.io/owner"] for item in site.cluster.objects().values()}
    assert owners == {"models-0123"}
