"""The watcher against a real MinIO and a real API server with its controllers (no kubelet: pods stay unscheduled)."""

from __future__ import annotations

import hashlib
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from .driving import Watcher, eventually, lines_of
from .kubernetes_setup import ALL_FOUR, Setup, names, owners


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
        eventually(lambda: setup.cluster.deployment("iris").spec.replicas == 3)


def test_limit_of_disk_reaches_the_download(setup: Setup, tmp_path: Path) -> None:
    def source() -> Any:
        (download,) = setup.cluster.deployment("iris").spec.template.spec.init_containers
        return next(item.value_from for item in download.env if item.name == "KUBESERVE_DISK_LIMIT")

    volumes = tmp_path / "chart-values.yaml"
    volumes.write_text("deployment: {volumeLimits: {model: 4Gi, tmp: 2Gi}}")
    with setup.watcher("--chart-values", str(volumes)):
        setup.put("iris/values.yaml", b"deployment: {resources: {limits: {ephemeral-storage: 5Gi}}}")
        setup.put("iris/v1/model.joblib")
        found = eventually(source).resource_field_ref
        assert (found.resource, found.divisor) == ("limits.ephemeral-storage", "1")
        mounted = setup.cluster.deployment("iris").spec.template.spec.volumes
        assert [volume.empty_dir.size_limit for volume in mounted] == ["4Gi", "2Gi"]


def test_deletion_of_the_newest_version_rolls_back_and_of_the_last_one_removes(setup: Setup) -> None:
    setup.put("README.md")  # a bucket that is suddenly empty would hold the last removal
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


def test_second_survey_and_resync_write_nothing(setup: Setup) -> None:
    setup.put("iris/v1/model.joblib")
    with setup.watcher():
        eventually(lambda: names(setup.cluster) == ALL_FOUR)
        eventually(lambda: label(setup, "state") == "Progressing")
        time.sleep(2)
    before = setup.cluster.writes()
    with setup.watcher("--resync-interval", "1") as watcher:
        eventually(lambda: watcher.state("iris"))
        time.sleep(3)
    assert setup.cluster.writes() == before


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
        eventually(lambda: any(reason in item.message for item in events(setup.cluster.namespace).items))
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
        "ConfigMap",
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
        (model,) = body["models"]
        assert f"{model['namespace']}/{model['model']}" in shown
        assert all(str(model[key] or "") in shown for key in ("version", "state", "reason", "url", "loaded"))
        for row in body["refused"]:
            assert all(str(cell) in shown for cell in row.values())
        assert {"cluster", "listen", "poll", "webhook"} == {source["name"] for source in body["sources"]}


def label(setup: Setup, name: str) -> str | None:
    """Return a label of ours of iris's Deployment."""
    return (setup.cluster.deployment("iris").metadata.labels or {}).get(f"kubeserve.io/{name}")


def condition(setup: Setup) -> tuple[str, str] | None:
    """Return the status and message of the condition with which the watcher says whether iris is ready."""
    found = setup.cluster.deployment("iris").status.conditions or []
    return next(((item.status, item.message) for item in found if item.type == "kubeserve.io/ModelReady"), None)


def make_available(setup: Setup) -> None:
    """Write the status that the Deployment has once its pods answer: there is no kubelet here."""
    body: Any = {"status": {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}}
    generation = setup.cluster.deployment("iris").metadata.generation
    body["status"]["observedGeneration"] = generation
    setup.cluster.apps.patch_namespaced_deployment_status("iris-model-serving", setup.cluster.namespace, body)


def test_deployment_is_marked_with_the_state_the_last_good_version_and_why_one_is_refused(setup: Setup) -> None:
    with setup.watcher() as watcher:
        # What the first survey finds was there before, and nobody has seen it come.
        eventually(lambda: {item["name"]: item["live"] for item in watcher.status()["sources"]}["poll"])
        setup.put("iris/v1/model.joblib")
        eventually(lambda: label(setup, "state") == "Progressing")
        template = setup.cluster.deployment("iris").spec.template

        def was_ready() -> bool:
            make_available(setup)  # again and again: the controller corrects it
            return label(setup, "last-good") == "v1"

        eventually(was_ready)
        setup.put("iris/v2/model.joblib", b"")
        eventually(lambda: label(setup, "state") == "Rejected")
        reason = watcher.model("iris")["reason"]
        eventually(lambda: condition(setup) == ("False", f"v2: {reason}"))
        assert label(setup, "last-good") == "v1"
        eventually(lambda: ("Rejected", f"version v2: {reason}") in events(setup))
        assert {"Seen", "Applied", "Progressing", "Ready"} <= {name for name, _ in events(setup)}
        seen = [message for name, message in events(setup) if name == "Seen"]
        assert sorted(message.partition(", uploaded at ")[0] for message in seen) == ["version v1", "version v2"]
        assert setup.cluster.deployment("iris").spec.template == template
        setup.delete("iris/v2/model.joblib")
        eventually(lambda: condition(setup) != ("False", f"v2: {reason}"))


def test_first_version_that_is_refused_is_an_event_of_the_namespace(setup: Setup) -> None:
    with setup.watcher() as watcher:
        setup.put("iris/v1/model.joblib", b"")
        eventually(lambda: watcher.state("iris") == "Rejected")
        reason = watcher.model("iris")["reason"]
        eventually(lambda: ("Rejected", f"iris: version v1: {reason}") in events(setup, kind="Namespace"))


def events(setup: Setup, kind: str = "Deployment") -> set[tuple[str, str]]:
    """Return the reasons and messages of our Events about objects of a kind."""
    selector = f"involvedObject.kind={kind},source=kubeserve"
    found = setup.cluster.core.list_namespaced_event(setup.cluster.namespace, field_selector=selector).items
    return {(item.reason, item.message) for item in found}
