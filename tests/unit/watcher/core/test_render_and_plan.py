from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.settings import Settings as ServerSettings
from watcher.core.plan import fingerprint_of, plan
from watcher.core.removal_guard import Verdict, decide
from watcher.core.render import fill, render, server_settings
from watcher.core.types import Change, ModelId, ModelVersion, ObjectKey, Observed, Release, Store, StoredObject
from watcher.errors import Rejected
from watcher.settings import Settings

CHARTS = Path(__file__).parents[4] / "manifests" / "charts"
MODEL = ModelId("team", "iris")
ARTIFACT = StoredObject("team/iris/v1+x/model.joblib", "e1", 7, datetime(2026, 1, 1, tzinfo=UTC))
RELEASE = Release(ModelVersion(MODEL, "v1+x", ARTIFACT))
STORE = Store("models", "minio:9000", secure=False, access_key="key", secret_key="secret")


def by_kind(release: Release = RELEASE, **base: Any) -> dict[str, Any]:
    return {item["kind"]: item for item in render(release, STORE, "models", base)}


def test_the_seed_s_names_ports_and_probes_hold() -> None:
    objects = by_kind()
    assert {item["metadata"]["name"] for item in objects.values()} == {"iris-model-serving"}
    assert objects["Service"]["spec"]["ports"][0]["port"] == 80
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    assert [item["name"] for item in pod["initContainers"] + pod["containers"]] == [
        "download-model",
        "inference-server",
    ]
    server = pod["containers"][0]
    assert server["image"] == "localhost:5001/kubeserve-base:latest"
    assert (server["livenessProbe"]["periodSeconds"], server["readinessProbe"]["periodSeconds"]) == (10, 5)
    assert objects["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] == 5


def test_replicas_are_absent_with_an_autoscaler_and_named_without() -> None:
    assert "replicas" not in by_kind()["Deployment"]["spec"]
    objects = by_kind(autoscaling={"enabled": False}, deployment={"replicas": 3})
    assert objects["Deployment"]["spec"]["replicas"] == 3
    assert "HorizontalPodAutoscaler" not in objects


def test_a_metric_without_a_target_is_dropped() -> None:
    metrics = by_kind(autoscaling={"targetMemoryUtilizationPercentage": None})["HorizontalPodAutoscaler"]["spec"][
        "metrics"
    ]
    assert [item["resource"]["name"] for item in metrics] == ["cpu"]


def test_only_the_init_container_sees_the_credentials() -> None:
    pod = by_kind()["Deployment"]["spec"]["template"]["spec"]
    assert "secretKeyRef" in str(pod["initContainers"])
    assert "secretKeyRef" not in str(pod["containers"])
    assert "secret" not in str(by_kind()["Deployment"]["metadata"])


def test_a_label_takes_a_version_with_a_plus() -> None:
    assert by_kind()["Deployment"]["metadata"]["labels"]["app.kubernetes.io/version"] == "v1_x"


def test_new_bytes_change_the_pod_template_and_nothing_else_does() -> None:
    other = Release(ModelVersion(MODEL, "v1+x", StoredObject(ARTIFACT.key, "e2", 7, ARTIFACT.modified)))
    assert by_kind(other)["Deployment"]["spec"]["template"] != by_kind()["Deployment"]["spec"]["template"]
    assert by_kind() == by_kind()


def test_a_cluster_of_old_gets_the_autoscaler_that_it_knows() -> None:
    for autoscaling in ("autoscaling/v2", "autoscaling/v2beta2"):
        hpa = render(RELEASE, STORE, "models", autoscaling=autoscaling)[-1]
        assert (hpa["kind"], hpa["apiVersion"]) == ("HorizontalPodAutoscaler", autoscaling)


def test_a_limit_of_null_is_none() -> None:
    server = by_kind(deployment={"resources": {"requests": None, "limits": {"cpu": None}}})["Deployment"]
    assert server["spec"]["template"]["spec"]["containers"][0]["resources"] == {"limits": {"memory": "1Gi"}}


def test_a_private_authority_is_the_init_container_s_alone() -> None:
    objects = by_kind(model={"s3CA": "PEM"})
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    assert {"name": "SSL_CERT_FILE", "value": "/ca/ca.crt"} in pod["initContainers"][0]["env"]
    assert "/ca" not in str(pod["containers"])
    assert objects["Secret"]["data"]["ca.crt"] == "UEVN"
    assert "ca.crt" not in by_kind()["Secret"]["data"]


def test_the_charts_have_the_package_s_version() -> None:
    own = version("kubeserve")
    for chart in CHARTS.iterdir():
        about = yaml.safe_load((chart / "Chart.yaml").read_text())
        assert (about["version"], about["appVersion"]) == (own, own), chart


def test_the_watcher_s_chart_has_a_value_for_every_setting() -> None:
    schema = json.loads((CHARTS / "kubeserve" / "values.schema.json").read_text())
    template = (CHARTS / "kubeserve" / "templates" / "deployment.yaml").read_text()
    elsewhere = {"runtime", "store", "s3_secure", "kubeconfig", "state_dir"}  # fixed by where it runs, or by a URL
    for field in dataclasses.fields(Settings):
        by_itself = f"KUBESERVE_{field.name.upper()}" in template
        in_settings = field.name.replace("_", "-") in schema["properties"]["settings"]["properties"]
        assert by_itself + in_settings + (field.name in elsewhere) == 1, field.name


def test_the_model_s_chart_has_a_value_for_every_setting_of_the_server() -> None:
    server = json.loads((CHARTS / "model-serving" / "values.schema.json").read_text())["properties"]["server"]
    fixed = {
        "model",
        "host",
        "port",
        "name",
        "version",
        "drain_seconds",
        "stop_with_stdin",
    }  # by the pod, or its version
    settings = {field.name: field.metadata["minimum"] for field in dataclasses.fields(ServerSettings)}
    wanted = {variable_of(name): least for name, least in settings.items() if name not in fixed}
    assert {
        variable: server["properties"][name].get("minimum")
        for name in server["properties"]
        for variable in server_settings({name: 1})
    } == wanted


def variable_of(setting: str) -> str:
    return f"KUBESERVE_SERVER_{setting.upper()}"


def test_settings_of_the_server_are_its_environment() -> None:
    env = by_kind(server={"deadline": 2.0, "bodyMemory": 134217728, "direct": False, "drift": None})
    (container,) = env["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert {item["name"]: item["value"] for item in container["env"]} == {
        "KUBESERVE_SERVER_NAME": "iris",
        "KUBESERVE_SERVER_VERSION": "v1+x",
        "KUBESERVE_SERVER_BODY_MEMORY": "134217728",
        "KUBESERVE_SERVER_DEADLINE": "2",
        "KUBESERVE_SERVER_DIRECT": "false",
    }


def test_values_of_the_wrong_form_are_refused() -> None:
    with pytest.raises(Rejected, match="deployment: Additional properties"):
        by_kind(deployment={"imagee": "x"})


def test_an_unknown_placeholder_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown placeholder"):
        fill({"a": "${nobody.knows}"}, {})


def seen(**changes: Any) -> Observed:
    prints = {kind: fingerprint_of(item) for kind, item in by_kind().items() if kind != "Secret"}
    return Observed(MODEL, {key(kind): text for kind, text in {**prints, **changes}.items()})


def key(kind: str) -> ObjectKey:
    return ObjectKey(kind, "iris-model-serving")


def test_nothing_is_planned_when_all_fingerprints_are_equal() -> None:
    assert not plan(list(by_kind().values()), seen(), MODEL)


def test_what_differs_is_written_with_the_secret_and_what_is_not_wanted_deleted() -> None:
    change = plan(list(by_kind().values()), seen(Service="other"), MODEL)
    assert [item["kind"] for item in change.writes] == ["Secret", "Service"]
    without = by_kind(autoscaling={"enabled": False})
    assert plan(list(without.values()), seen(), MODEL).deletes == (key("HorizontalPodAutoscaler"),)


def test_all_is_written_for_a_new_owner_where_the_deployment_is_missing() -> None:
    left = {item: print_of for item, print_of in seen().objects.items() if item.kind != "Deployment"}
    change = plan(list(by_kind(autoscaling={"enabled": False}).values()), Observed(MODEL, left), MODEL)
    assert sorted(item["kind"] for item in change.writes) == ["Deployment", "Secret", "Service"]
    assert change.deletes == (key("HorizontalPodAutoscaler"),)


def test_plan_of_a_model_with_two_services_changes_the_one_that_differs() -> None:
    second = by_kind()["Service"]
    second = {**second, "metadata": {**second["metadata"], "name": "iris-grpc"}}
    desired = [*by_kind().values(), second]
    missing = plan(desired, seen(), MODEL)
    assert [item["metadata"]["name"] for item in missing.writes if item["kind"] == "Service"] == ["iris-grpc"]
    both = Observed(MODEL, {**seen().objects, ObjectKey("Service", "iris-grpc"): fingerprint_of(second)})
    assert not plan(desired, both, MODEL)
    assert plan(desired[:-1], both, MODEL).deletes == (ObjectKey("Service", "iris-grpc"),)


def test_a_foreign_object_is_refused() -> None:
    foreign = Observed(MODEL, {}, foreign=(key("Service"),))
    with pytest.raises(Rejected, match="Service iris-model-serving exists in namespace team"):
        plan(list(by_kind().values()), foreign, MODEL)


def models(*numbers: int) -> frozenset[ModelId]:
    return frozenset(ModelId("t", f"m{number}") for number in numbers)


Models = frozenset[ModelId]
TEN, NONE = models(*range(10)), models()


@pytest.mark.parametrize(
    ("gone", "running", "recent", "held", "verdict"),
    [
        (NONE, NONE, NONE, NONE, Verdict()),
        (models(0), models(0), NONE, NONE, Verdict(allowed=models(0))),
        (models(*range(5)), TEN, NONE, NONE, Verdict(allowed=models(*range(5)))),
        (models(*range(6)), TEN, NONE, NONE, Verdict(held=models(*range(6)))),
        # What was held stays so when the share gets small, and counts beside what is new.
        (models(0), TEN, NONE, models(0), Verdict(held=models(0))),
        (models(0, 1), TEN, NONE, models(0), Verdict(allowed=models(1), held=models(0))),
        (models(*range(6)), TEN, NONE, models(0), Verdict(held=models(*range(6)))),
        # Recent removals delay, whether they still run or not; they are not judged again.
        (models(1), models(1, 2), models(0), NONE, Verdict(waiting=models(1))),
        (models(0, 1), models(0, 1, 2), models(0), NONE, Verdict(waiting=models(1))),
        (models(0), models(0, 1, 2), models(0), NONE, Verdict()),
        (models(5, 6), models(*range(5, 10)), models(*range(5)), models(5), Verdict(waiting=models(6), held=models(5))),
        (models(5, 6, 7), models(*range(5, 10)), models(*range(5)), NONE, Verdict(held=models(5, 6, 7))),
    ],
)
def test_a_mass_removal_is_held_and_one_after_another_waits(
    gone: Models, running: Models, recent: Models, held: Models, verdict: Verdict
) -> None:
    assert decide(gone, running, fraction=0.5, recent=recent, held=held) == verdict


def test_all_may_go_where_the_share_is_all() -> None:
    assert decide(TEN, TEN, fraction=1, recent=models(10, 11)) == Verdict(allowed=TEN)


def test_an_empty_change_is_false() -> None:
    assert not Change(MODEL)
    assert Change(MODEL, remove=True)
