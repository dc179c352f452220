"""What the watcher does when something is in its way: other owners, missing rights, holds, and a kill."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kubernetes import client

from .driving import Cluster, Watcher, eventually
from .kubernetes_setup import ALL_FOUR, Setup, names


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
    setup.put("README.md")  # a bucket that is suddenly empty would hold the last removal
    setup.put("iris/v1/model.joblib")
    with setup.watcher("--owner", setup.uploads.bucket):
        eventually(lambda: names(setup.cluster) == ALL_FOUR)
    # Pods of that version fetched with keys, from the store that this variable named.
    endpoint = {"name": "KUBESERVE_ENDPOINT", "value": setup.minio.endpoint}
    pods = {"spec": {"initContainers": [{"name": "download-model", "env": [endpoint]}]}}
    setup.cluster.apps.patch_namespaced_deployment(
        "iris-model-serving", setup.cluster.namespace, {"spec": {"template": pods}}
    )
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


@contextmanager
def watcher_that_holds_four_removals(setup: Setup) -> Iterator[Watcher]:
    """Deploy the models a, b, c and d, delete all while no watcher runs, and start one."""
    models = ["a", "b", "c", "d"]
    for model in models:
        setup.put(f"{model}/v1/model.joblib")
    with setup.watcher():
        eventually(lambda: len(names(setup.cluster)) == 16)
    for model in models:
        setup.delete(f"{model}/v1/model.joblib")
    with setup.watcher() as watcher:
        eventually(lambda: [watcher.state(model) for model in models] == ["Held"] * 4)
        yield watcher


def test_mass_removal_is_held_until_it_is_confirmed(setup: Setup) -> None:
    with watcher_that_holds_four_removals(setup) as watcher:
        assert "--max-delete-fraction 1" in watcher.model("a")["reason"]
        assert len(names(setup.cluster)) == 16
    with setup.watcher("--max-delete-fraction", "1"):
        eventually(lambda: not names(setup.cluster))


def test_mass_removal_of_which_some_are_restored_holds_the_others(setup: Setup) -> None:
    with watcher_that_holds_four_removals(setup) as watcher:
        for model in ("b", "c", "d"):
            setup.put(f"{model}/v1/model.joblib")
            eventually(lambda model=model: watcher.state(model) == "Progressing")
        assert watcher.state("a") == "Held"
        assert len(names(setup.cluster)) == 16


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


def test_wrong_password_is_shown_and_stops_every_survey(setup: Setup) -> None:
    with setup.watcher(AWS_SECRET_ACCESS_KEY="wrong-password") as watcher:
        ready = eventually(
            lambda: (found := watcher.get("/readyz")).status == 503 and b"AWS_SECRET" in found.data and found
        )
        assert b"secret key is wrong" in ready.data
        assert "wrong-password" not in setup.log.read_text()
