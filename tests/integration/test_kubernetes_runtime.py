"""The watcher against a real MinIO and a real API server with its controllers (no kubelet: pods stay unscheduled)."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from .driving import Cluster, Uploads, Watcher, eventually, lines_of


@pytest.fixture
def uploads(bucket: Any) -> Uploads:
    return Uploads(bucket.client, bucket.name)


@pytest.fixture
def cluster(control_plane: Any) -> Iterator[Cluster]:
    with config.new_client_from_config(str(control_plane.kubeconfig)) as api:
        found = Cluster(api, f"team-{uuid.uuid4().hex[:8]}")
        found.core.create_namespace({"metadata": {"name": found.namespace}})
        yield found


class Setup:
    """A bucket, a namespace, and watchers between them."""

    def __init__(self, uploads: Uploads, cluster: Cluster, minio: Any, control_plane: Any, folder: Path) -> None:
        self.uploads, self.cluster, self._minio, self._control_plane = uploads, cluster, minio, control_plane
        self.log = folder / "watcher.log"

    def watcher(self, *arguments: str, **env: str) -> Watcher:
        credentials = {
            "AWS_ACCESS_KEY_ID": self._minio.access_key,
            "AWS_SECRET_ACCESS_KEY": self._minio.secret_key,
        }
        return Watcher(
            self.log,
            "--kubeconfig",
            str(self._control_plane.kubeconfig),
            "--s3-endpoint",
            self._minio.endpoint,
            "--bucket",
            self.uploads.bucket,
            *arguments,
            **(credentials | env),
        )

    def put(self, path: str, data: bytes = b"bytes of a model") -> None:
        self.uploads.put(f"{self.cluster.namespace}/{path}", data)

    def delete(self, path: str) -> None:
        self.uploads.delete(f"{self.cluster.namespace}/{path}")


@pytest.fixture
def setup(uploads: Uploads, cluster: Cluster, minio_server: Any, control_plane: Any, tmp_path: Path) -> Setup:
    return Setup(uploads, cluster, minio_server, control_plane, tmp_path)


def names(cluster: Cluster) -> set[tuple[str, str]]:
    return set(cluster.objects())


def owners(cluster: Cluster) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the UIDs of the owners of each object, without the Deployment."""
    return {
        key: tuple(owner.uid for owner in item.metadata.owner_references or ())
        for key, item in cluster.objects().items()
        if key[0] != "Deployment"
    }


ALL_FOUR = {(kind, "iris-model-serving") for kind in ("Deployment", "Service", "HPA", "Secret")}


def test_upload_creates_the_four_objects(setup: Setup) -> None:
    with setup.watcher() as watcher:
        setup.put("iris/v1/model.joblib")
        eventually(lambda: names(setup.cluster) == ALL_FOUR)
        deployment = setup.cluster.deployment("iris")
        uid = deployment.metadata.uid
        assert set(owners(setup.cluster).values()) == {(uid,)}
        assert eventually(lambda: watcher.model("iris")["version"]) == "v1"


def test_upload_of_a_higher_version_changes_the_template_of_the_same_deployment(setup: Setup) -> None:
    with setup.watcher():
        setup.put("iris/v9/model.joblib")
        first = eventually(lambda: setup.cluster.deployment("iris"))
        setup.put("iris/v10/model.joblib")
        eventually(lambda: setup.cluster.version("iris") == "v10")
        second = setup.cluster.deployment("iris")
        assert second.metadata.uid == first.metadata.uid
        assert second.spec.selector == first.spec.selector
        setup.put("iris/v2/model.joblib")
        time.sleep(1.5)
        assert setup.cluster.version("iris") == "v10"


def test_upload_of_other_bytes_under_the_same_key_changes_the_template(setup: Setup) -> None:
    with setup.watcher():
        setup.put("iris/v1/model.joblib", b"one")
        before = eventually(lambda: setup.cluster.deployment("iris")).spec.template
        setup.put("iris/v1/model.joblib", b"two")
        eventually(lambda: setup.cluster.deployment("iris").spec.template != before)


def test_upload_of_an_example_of_the_input_starts_a_rollout_and_its_deletion_ends_in_the_same_object(
    setup: Setup,
) -> None:
    def variable() -> str | None:
        (container,) = setup.cluster.deployment("iris").spec.template.spec.init_containers
        return next((item.value for item in container.env if item.name == "KUBESERVE_INPUT_FILES"), None)

    with setup.watcher():
        setup.put("iris/v1/model.joblib")
        before = eventually(lambda: setup.cluster.deployment("iris")).spec.template
        setup.put("iris/v1/input-example.json", b"[[1]]")
        first = eventually(variable)
        assert first == f"input-example.json={hashlib.md5(b'[[1]]', usedforsecurity=False).hexdigest()}"
        setup.put("iris/v1/input-example.json", b"[[2]]")
        eventually(lambda: variable() not in {first, None})
        setup.delete("iris/v1/input-example.json")
        eventually(lambda: variable() is None)
        assert setup.cluster.deployment("iris").spec.template == before


def test_values_next_to_a_model_override_the_chart(setup: Setup) -> None:
    with setup.watcher() as watcher:
        setup.put("iris/values.yaml", b"autoscaling: {maxReplicas: 9}")
        setup.put("iris/v1/values.yaml", b"autoscaling: {minReplicas: 2}")
        setup.put("iris/v1/model.joblib")
        eventually(lambda: setup.cluster.hpa("iris").spec.max_replicas == 9)
        assert setup.cluster.hpa("iris").spec.min_replicas == 2

        setup.put("iris/values.yaml", b"autoscaling: {maxReplicas: many}")
        eventually(lambda: watcher.state("iris") == "Rejected")
        assert "values.yaml: autoscaling.maxReplicas" in watcher.model("iris")["reason"]
        assert setup.cluster.hpa("iris").spec.max_replicas == 9

        setup.put("iris/values.yaml", b"autoscaling: {enabled: false}\ndeployment: {replicas: 3}")
        eventually(lambda: ("HPA", "iris-model-serving") not in names(setup.cluster))
        assert setup.cluster.deployment("iris").spec.replicas == 3


def test_deletion_of_the_newest_version_rolls_back_and_of_the_last_one_removes(setup: Setup) -> None:
    with setup.watcher() as watcher:
        setup.put("iris/v1/model.joblib")
        setup.put("iris/v2/model.joblib")
        eventually(lambda: setup.cluster.version("iris") == "v2")
        setup.delete("iris/v2/model.joblib")
        eventually(lambda: setup.cluster.version("iris") == "v1")
        setup.delete("iris/v1/model.joblib")
        eventually(lambda: not names(setup.cluster))
        assert eventually(lambda: watcher.status()["models"] == [])


def test_refused_keys_are_shown_with_the_reason_and_logged_once(setup: Setup) -> None:
    with setup.watcher() as watcher:
        setup.put("iris/v1/model.pkl")
        setup.put("iris/model.joblib")
        setup.put("No_Name/v1/model.joblib")
        setup.put("iris/v1/README.md")
        refused = eventually(lambda: len(found := watcher.status()["refused"]) == 3 and found)
        assert all(item["reason"] for item in refused)
        time.sleep(2)
        logged = [line["key"] for line in lines_of(setup.log) if line["event"] == "refused"]
        assert sorted(logged) == sorted(item["key"] for item in refused)
        assert names(setup.cluster) == set()


def test_restart_applies_the_uploads_and_deletions_made_meanwhile(setup: Setup) -> None:
    with setup.watcher():
        for model in ("keep", "lose"):
            setup.put(f"{model}/v1/model.joblib")
        eventually(lambda: len(names(setup.cluster)) == 8)
    setup.put("keep/v2/model.joblib")
    setup.put("new/v1/model.joblib")
    setup.delete("lose/v1/model.joblib")
    with setup.watcher():
        eventually(lambda: setup.cluster.version("keep") == "v2" and setup.cluster.version("new") == "v1")
        eventually(lambda: ("Deployment", "lose-model-serving") not in names(setup.cluster))


def test_second_survey_and_resync_write_nothing(setup: Setup) -> None:
    setup.put("iris/v1/model.joblib")
    with setup.watcher():
        eventually(lambda: names(setup.cluster) == ALL_FOUR)
        time.sleep(2)
    before = setup.cluster.resource_versions()
    with setup.watcher("--resync-interval", "1") as watcher:
        eventually(lambda: watcher.state("iris"))
        time.sleep(3)
    assert setup.cluster.resource_versions() == before


def test_deployment_deleted_by_hand_is_created_again_as_the_owner_of_all(setup: Setup) -> None:
    setup.put("iris/v1/model.joblib")
    with setup.watcher():
        eventually(lambda: names(setup.cluster) == ALL_FOUR)
        lost = setup.cluster.deployment("iris").metadata.uid
        setup.cluster.apps.delete_namespaced_deployment("iris-model-serving", setup.cluster.namespace)
        eventually(lambda: setup.cluster.deployment("iris").metadata.uid != lost)
        uid = setup.cluster.deployment("iris").metadata.uid
        eventually(lambda: names(setup.cluster) == ALL_FOUR and set(owners(setup.cluster).values()) == {(uid,)})


def test_resync_undoes_a_manual_change(setup: Setup) -> None:
    setup.put("iris/v1/model.joblib")
    with setup.watcher("--resync-interval", "1"):
        eventually(lambda: names(setup.cluster) == ALL_FOUR)
        patch = {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 9999}]}}
        setup.cluster.core.patch_namespaced_service("iris-model-serving", setup.cluster.namespace, patch)
        eventually(
            lambda: (
                setup.cluster.core.read_namespaced_service("iris-model-serving", setup.cluster.namespace)
                .spec.ports[0]
                .target_port
                == "http"
            )
        )


def test_upload_with_an_autoscaler_keeps_its_replicas(setup: Setup) -> None:
    with setup.watcher():
        setup.put("iris/v1/model.joblib")
        eventually(lambda: names(setup.cluster) == ALL_FOUR)
        scale = {"spec": {"replicas": 4}}
        setup.cluster.apps.patch_namespaced_deployment_scale("iris-model-serving", setup.cluster.namespace, scale)
        setup.put("iris/v2/model.joblib")
        eventually(lambda: setup.cluster.version("iris") == "v2")
        assert setup.cluster.deployment("iris").spec.replicas == 4


def test_autoscaling_switched_on_begins_with_the_replicas_that_run(setup: Setup) -> None:
    setup.put("iris/values.yaml", b"{autoscaling: {enabled: false}, deployment: {replicas: 3}}")
    setup.put("iris/v1/model.joblib")
    with setup.watcher():
        eventually(lambda: setup.cluster.deployment("iris").spec.replicas == 3)
        setup.delete("iris/values.yaml")
        eventually(lambda: setup.cluster.hpa("iris"))
        assert setup.cluster.deployment("iris").spec.replicas == 3
        setup.put("iris/values.yaml", b"{autoscaling: {enabled: false}, deployment: {replicas: 2}}")
        eventually(lambda: setup.cluster.deployment("iris").spec.replicas == 2)


def test_upload_beside_a_foreign_object_is_rejected_and_changes_nothing(setup: Setup) -> None:
    body = {"metadata": {"name": "iris-model-serving"}, "spec": {"ports": [{"port": 1}]}}
    setup.cluster.core.create_namespaced_service(setup.cluster.namespace, body)
    setup.put("iris/v1/model.joblib")
    setup.put("fine/v1/model.joblib")
    with setup.watcher() as watcher:
        eventually(lambda: setup.cluster.version("fine") == "v1")
        eventually(lambda: watcher.state("iris") == "Rejected")
        assert "Service iris-model-serving" in watcher.model("iris")["reason"]
        assert ("Deployment", "iris-model-serving") not in names(setup.cluster)


def test_watcher_without_an_owner_adopts_the_models_of_an_earlier_version(setup: Setup) -> None:
    """Until the default owner named the store too, it was the bucket."""
    setup.put("iris/v1/model.joblib")
    with setup.watcher("--owner", setup.uploads.bucket):
        eventually(lambda: names(setup.cluster) == ALL_FOUR)
    before = setup.cluster.deployment("iris")
    with setup.watcher():
        setup.put("iris/v2/model.joblib")
        eventually(lambda: setup.cluster.version("iris") == "v2")
        setup.delete("iris/v2/model.joblib")
        eventually(lambda: setup.cluster.version("iris") == "v1")
        assert setup.cluster.deployment("iris").metadata.uid == before.metadata.uid
        owners = {item.metadata.labels["kubeserve.io/owner"] for item in setup.cluster.objects().values()}
        assert len(owners) == 1
        setup.delete("iris/v1/model.joblib")
        eventually(lambda: not names(setup.cluster))


def test_mass_removal_is_held_until_it_is_confirmed(setup: Setup) -> None:
    models = ["a", "b", "c", "d"]
    for model in models:
        setup.put(f"{model}/v1/model.joblib")
    with setup.watcher():
        eventually(lambda: len(names(setup.cluster)) == 16)
    for model in models:
        setup.delete(f"{model}/v1/model.joblib")
    with setup.watcher() as watcher:
        eventually(lambda: [watcher.state(model) for model in models] == ["Held"] * 4)
        assert "--max-delete-fraction 1" in watcher.model("a")["reason"]
        assert len(names(setup.cluster)) == 16
    with setup.watcher("--max-delete-fraction", "1"):
        eventually(lambda: not names(setup.cluster))


def test_mass_removal_of_which_some_are_restored_holds_the_others(setup: Setup) -> None:
    models = ["a", "b", "c", "d"]
    for model in models:
        setup.put(f"{model}/v1/model.joblib")
    with setup.watcher():
        eventually(lambda: len(names(setup.cluster)) == 16)
    for model in models:
        setup.delete(f"{model}/v1/model.joblib")
    with setup.watcher() as watcher:
        eventually(lambda: [watcher.state(model) for model in models] == ["Held"] * 4)
        for model in ("b", "c", "d"):
            setup.put(f"{model}/v1/model.joblib")
            eventually(lambda model=model: watcher.state(model) == "Progressing")
        assert watcher.state("a") == "Held"
        assert len(names(setup.cluster)) == 16


def test_values_above_a_ceiling_are_rejected_with_an_event_and_the_old_version_stays(setup: Setup) -> None:
    with setup.watcher("--ceilings", "replicas=20,memory=8Gi") as watcher:
        setup.put("iris/v1/model.joblib")
        eventually(lambda: setup.cluster.version("iris") == "v1")
        setup.put("iris/values.yaml", b"autoscaling: {maxReplicas: 500}")
        eventually(lambda: watcher.state("iris") == "Rejected")
        setup.put("iris/v2/model.joblib")
        reason = (
            f"{setup.cluster.namespace}/iris/values.yaml: autoscaling.maxReplicas is 500; the operator allows at most "
            "20 (ceilings.replicas): set a smaller value, or ask the operator of this KubeServe"
        )
        assert watcher.model("iris")["reason"] == reason
        events = setup.cluster.core.list_namespaced_event
        eventually(lambda: reason in {item.message for item in events(setup.cluster.namespace).items})
        assert setup.cluster.version("iris") == "v1"
        assert setup.cluster.hpa("iris").spec.max_replicas == 5
        with pytest.raises(subprocess.CalledProcessError) as caught:
            setup_render(setup, watcher, "--ceilings", "replicas=20")
        assert caught.value.stderr == f"Error: {reason}\n"
        setup.put("iris/values.yaml", b"autoscaling: {maxReplicas: 20}")
        eventually(lambda: setup.cluster.version("iris") == "v2")
        eventually(lambda: setup.cluster.hpa("iris").spec.max_replicas == 20)


def test_upload_of_an_empty_file_is_rejected_and_changes_nothing(setup: Setup) -> None:
    setup.put("iris/v1/model.joblib")
    with setup.watcher() as watcher:
        eventually(lambda: names(setup.cluster) == ALL_FOUR)
        for version in ("v2", "v1"):
            setup.put(f"iris/{version}/model.joblib", b"")
            eventually(
                lambda version=version: f"iris/{version}/model.joblib is empty" in watcher.model("iris")["reason"]
            )
            assert watcher.state("iris") == "Rejected"
            setup.delete("iris/v2/model.joblib")
        assert setup.cluster.version("iris") == "v1"
        assert names(setup.cluster) == ALL_FOUR


def limited(cluster: Cluster, kubeconfig: Path, folder: Path) -> Path:
    """Return a kubeconfig with all permissions in the cluster's namespace, and none elsewhere."""
    cluster.core.create_namespaced_service_account(cluster.namespace, {"metadata": {"name": "limited"}})
    subject = {"kind": "ServiceAccount", "name": "limited", "namespace": cluster.namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    body = {"metadata": {"name": "limited"}, "subjects": [subject], "roleRef": role}
    client.RbacAuthorizationV1Api(cluster.core.api_client).create_namespaced_role_binding(cluster.namespace, body)
    spec: Any = {"spec": {"expirationSeconds": 3600}}
    found: Any = cluster.core.create_namespaced_service_account_token("limited", cluster.namespace, spec)
    theirs = json.loads(kubeconfig.read_text())
    theirs["users"][0]["user"] = {"token": found.status.token}
    own = folder / "limited"
    own.write_text(json.dumps(theirs))
    return own


def test_namespace_that_is_forbidden_does_not_stop_the_others(setup: Setup, control_plane: Any, tmp_path: Path) -> None:
    forbidden = f"other-{uuid.uuid4().hex[:8]}"
    setup.cluster.core.create_namespace({"metadata": {"name": forbidden}})
    own = limited(setup.cluster, control_plane.kubeconfig, tmp_path)
    setup.uploads.put(f"{forbidden}/hidden/v1/model.joblib")
    namespaces = f"{setup.cluster.namespace},{forbidden}"
    with setup.watcher("--kubeconfig", str(own), "--namespaces", namespaces) as watcher:
        setup.put("iris/v1/model.joblib")
        eventually(lambda: setup.cluster.version("iris") == "v1")
        assert watcher.state("hidden") == "Rejected"
        sources = {item["name"]: item for item in watcher.status()["sources"]}
        assert not sources[f"namespace/{forbidden}"]["live"]
        assert "forbidden" in sources[f"namespace/{forbidden}"]["detail"]
        assert sources["poll"]["live"]


def test_namespace_that_is_missing_is_shown_and_created_only_if_allowed(setup: Setup) -> None:
    namespace = f"new-{uuid.uuid4().hex[:8]}"
    setup.uploads.put(f"{namespace}/iris/v1/model.joblib")
    with setup.watcher() as watcher:
        eventually(lambda: watcher.state("iris") == "Rejected")
        assert "--create-namespaces" in watcher.model("iris")["reason"]
    with setup.watcher("--create-namespaces"):
        eventually(lambda: setup.cluster.apps.read_namespaced_deployment("iris-model-serving", namespace))


def test_watcher_that_is_killed_and_restarted_ends_in_the_same_objects(setup: Setup) -> None:
    script = [
        ("put", "a/v1/model.joblib"),
        ("put", "b/v1/model.joblib"),
        ("put", "a/v2/model.joblib"),
        ("put", "c/v1/model.joblib"),
        ("put", "c/values.yaml"),
        ("delete", "b/v1/model.joblib"),
    ]

    def act(verb: str, path: str) -> None:
        if verb == "delete":
            setup.delete(path)
        else:
            setup.put(
                path,
                b"deployment: {replicas: 2}\nautoscaling: {enabled: false}" if "values" in path else b"x",
            )

    pause = random.Random(1)
    for step in script:
        with setup.watcher() as watcher:
            act(*step)
            time.sleep(pause.uniform(0, 0.4))
            watcher.kill()
    with setup.watcher("--max-delete-fraction", "1"):
        eventually(lambda: len(names(setup.cluster)) == 7)
        time.sleep(1.5)
    disturbed = setup.cluster.contents()

    for item in ("a", "c"):
        setup.cluster.apps.delete_namespaced_deployment(f"{item}-model-serving", setup.cluster.namespace)
    eventually(lambda: not names(setup.cluster))
    with setup.watcher():
        eventually(lambda: len(names(setup.cluster)) == 7)
        time.sleep(1.5)
    assert setup.cluster.contents() == disturbed


def test_render_prints_the_objects_that_are_applied(setup: Setup) -> None:
    setup.put("iris/v1/model.joblib")
    setup.put("iris/values.yaml", b"deployment: {resources: {limits: {memory: 2Gi}}}")
    with setup.watcher() as watcher:
        eventually(lambda: names(setup.cluster) == ALL_FOUR)
        printed = setup_render(setup, watcher)
        with pytest.raises(subprocess.CalledProcessError) as caught:
            setup_render(setup, watcher, "--ceilings", "memory=2Gi", "--set", "deployment.resources.limits.memory=3Gi")
        assert (
            "-f or --set: deployment.resources.limits.memory is 3Gi; the operator allows at most 2Gi"
            in caught.value.stderr
        )
    applied = {key[0]: item for key, item in setup.cluster.objects().items()}
    assert {item["kind"] for item in printed} == {
        "Deployment",
        "Secret",
        "Service",
        "HorizontalPodAutoscaler",
    }
    for item in printed:
        live = applied["HPA" if item["kind"] == "HorizontalPodAutoscaler" else item["kind"]]
        fingerprint = item["metadata"]["annotations"]["kubeserve.io/fingerprint"]
        assert live.metadata.annotations["kubeserve.io/fingerprint"] == fingerprint


def setup_render(setup: Setup, watcher: Watcher, *arguments: str) -> list[dict[str, Any]]:
    key = f"{setup.cluster.namespace}/iris/v1/model.joblib"
    text = watcher.cli("render", f"s3://{setup.uploads.bucket}/{key}", *arguments)
    return list(yaml.safe_load_all(text))


def test_status_on_the_command_line_shows_what_http_returns(setup: Setup) -> None:
    setup.put("iris/v1/model.joblib")
    setup.put("iris/v1/model.pkl")
    with setup.watcher() as watcher:
        eventually(lambda: watcher.model("iris")["reason"] == "waiting for the pods" and watcher.status()["refused"])
        shown = watcher.cli("status", "--url", f"http://127.0.0.1:{watcher.port}")
        body = watcher.status()
        for row in [*body["models"], *body["refused"]]:
            assert all(str(cell) in shown for cell in row.values())
        assert {"listen", "poll", "webhook"} == {source["name"] for source in body["sources"]}


def test_wrong_password_is_shown_and_stops_every_survey(setup: Setup) -> None:
    with setup.watcher(AWS_SECRET_ACCESS_KEY="wrong-password") as watcher:
        ready = eventually(
            lambda: (found := watcher.get("/readyz")).status == 503 and b"AWS_SECRET" in found.data and found
        )
        assert b"secret key is wrong" in ready.data
        assert "wrong-password" not in setup.log.read_text()
