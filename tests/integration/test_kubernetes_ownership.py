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

from watcher.core.chart import defaults
from watcher.core.plan import plan
from watcher.core.types import Change, ModelId, ModelVersion, Release, Store, StoredObject
from watcher.errors import Rejected
from watcher.runtimes.kubernetes.api import connect
from watcher.runtimes.kubernetes.runtime import KubernetesRuntime

from .driving import Cluster, eventually
from .helm import CHARTS

NAME = "iris-model-serving"
STORE = Store("models", "minio:9000", secure=False, access_key="key", secret_key="secret")
FIXED = {"autoscaling": {"enabled": False}}


class Site:
    """A namespace, and runtimes in it that may do what the watcher's chart grants."""

    def __init__(self, cluster: Cluster, kubeconfig: str) -> None:
        self.cluster, self.kubeconfig, self.model = cluster, kubeconfig, ModelId(cluster.namespace, "iris")
        self.runtimes: list[KubernetesRuntime] = []

    def runtime(self, owner: str = "models", store: Store = STORE, **options: Any) -> KubernetesRuntime:
        made = KubernetesRuntime(
            connect(self.kubeconfig), store, owner, namespaces=(self.cluster.namespace,), **options
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

    def secret(self) -> Any:
        return self.cluster.core.read_namespaced_secret(NAME, self.cluster.namespace)

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


PERSONS = {"AWS_ACCESS_KEY_ID": "cGVyc29u", "db-password": "b25seSBjb3B5"}


@pytest.mark.parametrize("labels", [None, {}, {"kubeserve.io/owner": "another"}, {"app": "mine"}])
def test_apply_beside_a_foreign_secret_is_rejected_and_changes_nothing(site: Site, labels: Any) -> None:
    body = {"metadata": {"name": NAME, "labels": labels}, "data": PERSONS}
    before = site.cluster.core.create_namespaced_secret(site.cluster.namespace, body)
    runtime = site.runtime()
    with pytest.raises(Rejected, match=f"Secret {NAME} exists in namespace {site.cluster.namespace}"):
        site.reconcile(runtime)
    assert site.kinds() == {"Secret"}
    assert site.secret().metadata.resource_version == before.metadata.resource_version
    site.cluster.core.delete_namespaced_secret(NAME, site.cluster.namespace)
    site.reconcile(runtime)
    assert site.kinds() == {"Deployment", "Secret", "Service", "HPA"}


def test_apply_after_our_secret_was_replaced_by_a_person_s_is_rejected(site: Site) -> None:
    runtime = site.runtime()
    site.reconcile(runtime)
    site.cluster.core.delete_namespaced_secret(NAME, site.cluster.namespace)
    site.cluster.core.create_namespaced_secret(site.cluster.namespace, {"metadata": {"name": NAME}, "data": PERSONS})
    with pytest.raises(Rejected, match="is not managed by this watcher"):
        site.reconcile(runtime, "v2")
    assert site.secret().data == PERSONS
    runtime.apply(Change(site.model, remove=True))
    eventually(lambda: site.kinds() == {"Secret"})
    assert site.secret().data == PERSONS


def test_secret_of_an_earlier_version_is_ours_and_loses_what_is_no_longer_rendered(site: Site) -> None:
    """Earlier versions applied the Secret in one call, without a test of its label."""
    runtime = site.runtime()
    authority = {"model": {"s3CA": "PEM"}}
    for manifest in runtime.render(site.release(**authority)):
        if manifest["kind"] in {"Deployment", "Secret"}:
            site.runtimes[0]._objects.apply(manifest)
    assert "ca.crt" in site.secret().data
    site.reconcile(runtime)
    assert set(site.secret().data) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert [owner.kind for owner in site.secret().metadata.owner_references] == ["Deployment"]


def test_secret_that_the_runtime_made_loses_what_is_no_longer_rendered(site: Site) -> None:
    runtime = site.runtime()
    site.reconcile(runtime, model={"s3CA": "PEM"})
    assert "ca.crt" in site.secret().data
    site.reconcile(runtime)
    assert set(site.secret().data) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def test_secret_is_not_written_when_it_is_the_same(site: Site) -> None:
    runtime = site.runtime()
    change = site.reconcile(runtime)
    before = site.secret().metadata.resource_version
    runtime.apply(change)
    assert site.secret().metadata.resource_version == before


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
    assert site.kinds() == {"Deployment", "Secret", "Service", "HPA"}
    assert site.replicas() == 1


def test_new_deployment_without_named_replicas_has_the_chart_s_default(site: Site) -> None:
    site.reconcile(site.runtime(), **FIXED)
    assert site.replicas() == defaults()["deployment"]["replicas"]


def test_objects_of_the_former_owner_are_adopted_from_the_same_store(site: Site) -> None:
    site.reconcile(site.runtime("models"))
    uid = site.cluster.deployment("iris").metadata.uid
    template = site.cluster.deployment("iris").spec.template
    runtime = site.runtime("models-0123", former_owner="models")
    assert set(runtime.observe().models) == {site.model}
    assert site.reconcile(runtime).writes
    assert not site.reconcile(runtime)
    assert site.cluster.deployment("iris").metadata.uid == uid
    assert site.cluster.deployment("iris").spec.template == template  # no pod is replaced
    owners = {item.metadata.labels["kubeserve.io/owner"] for item in site.cluster.objects().values()}
    assert owners == {"models-0123"}


@pytest.mark.parametrize("other", [replace(STORE, endpoint="other:9000"), replace(STORE, bucket="another")])
def test_objects_of_the_former_owner_are_foreign_from_another_store(site: Site, other: Store) -> None:
    site.reconcile(site.runtime("models"))
    runtime = site.runtime("models-4567", other, former_owner="models")
    assert runtime.observe().models == {}
    with pytest.raises(Rejected, match="is not managed by this watcher"):
        site.reconcile(runtime)


def test_adoption_that_was_interrupted_is_completed(site: Site) -> None:
    site.reconcile(site.runtime("models"))
    runtime = site.runtime("models-0123", former_owner="models")
    manifests = {item["kind"]: item for item in runtime.render(site.release())}
    runtime._objects.apply(manifests["Deployment"])
    assert {item["kind"] for item in site.reconcile(runtime).writes} == {
        "Secret",
        "Service",
        "HorizontalPodAutoscaler",
    }
    owners = {item.metadata.labels["kubeserve.io/owner"] for item in site.cluster.objects().values()}
    assert owners == {"models-0123"}
