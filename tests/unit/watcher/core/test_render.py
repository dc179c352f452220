from __future__ import annotations

import dataclasses
import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.http.shutdown import LAST_PREDICTION
from server.settings import Settings as ServerSettings
from watcher.core import render as renderer
from watcher.core.chart import defaults, merge
from watcher.core.naming import INPUT_FILES
from watcher.core.render import fill, render, render_values, server_settings
from watcher.core.signed_files import entry_name, text_of
from watcher.core.types import INSTALLS_LABEL, Manifest, ModelVersion, Release, StoredObject
from watcher.core.types import RELEASE as RELEASE_DIGEST
from watcher.errors import Rejected
from watcher.settings import Settings

from .rendered import ARTIFACT, MODEL, RELEASE, STORE, by_kind, keyed, pod_of

CHARTS = Path(__file__).parents[4] / "manifests" / "charts"


def test_render_defaults_give_the_documented_names_ports_and_probes() -> None:
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


def test_replicas_are_absent_with_an_autoscaler_and_present_without() -> None:
    assert "replicas" not in by_kind()["Deployment"]["spec"]
    objects = by_kind(autoscaling={"enabled": False}, deployment={"replicas": 3})
    assert objects["Deployment"]["spec"]["replicas"] == 3
    assert "HorizontalPodAutoscaler" not in objects


def test_metrics_without_a_target_are_dropped() -> None:
    metrics = by_kind(autoscaling={"targetMemoryUtilizationPercentage": None})["HorizontalPodAutoscaler"]["spec"][
        "metrics"
    ]
    assert [item["resource"]["name"] for item in metrics] == ["cpu"]


def test_release_of_the_watcher_has_no_keys_and_no_secret() -> None:
    objects = by_kind()
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    source = {"configMapKeyRef": {"name": "iris-model-serving", "key": entry_name(text_of(RELEASE.version))}}
    assert {"name": "KUBESERVE_URLS", "valueFrom": source} in pod["initContainers"][0]["env"]
    assert "configMapKeyRef" not in str(pod["containers"])
    assert not any("AWS_" in str(item) or "secretKeyRef" in str(item) for item in objects.values())
    assert "Secret" not in objects


def test_values_with_keys_and_without_signed_files_reach_only_the_init_container_by_a_secret() -> None:
    objects = {item["kind"]: item for item in render_values(keyed(), MODEL, "models")}
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    assert "secretKeyRef" in str(pod["initContainers"])
    assert "secretKeyRef" not in str(pod["containers"])
    assert objects["Secret"]["data"] == {"AWS_ACCESS_KEY_ID": "a2V5", "AWS_SECRET_ACCESS_KEY": "bWluaW9hZG1pbg=="}
    assert "ConfigMap" not in objects


def test_version_label_replaces_a_plus_sign() -> None:
    assert by_kind()["Deployment"]["metadata"]["labels"]["app.kubernetes.io/version"] == "v1_x"


def test_pod_template_changes_with_new_bytes_and_not_otherwise() -> None:
    other = Release(ModelVersion(MODEL, "v1+x", StoredObject(ARTIFACT.key, "e2", 7, ARTIFACT.modified)))
    assert by_kind(other)["Deployment"]["spec"]["template"] != by_kind()["Deployment"]["spec"]["template"]
    # A second render of equal values must give an equal object, or the watcher would write it again and again.
    assert by_kind() == by_kind()


def test_hpa_has_the_api_version_of_the_cluster() -> None:
    for autoscaling in ("autoscaling/v2", "autoscaling/v2beta2"):
        hpa = render(RELEASE, STORE, "models", autoscaling=autoscaling)[-1]
        assert (hpa["kind"], hpa["apiVersion"]) == ("HorizontalPodAutoscaler", autoscaling)


def test_disk_limits_reach_the_download_and_the_volumes() -> None:
    def parts(**deployment: Any) -> tuple[set[str], list[Any]]:
        pod = pod_of(deployment=deployment)
        names = {item["name"] for item in pod["initContainers"][0]["env"]}
        return {name for name in names if "LIMIT" in name}, [item["emptyDir"] for item in pod["volumes"]]

    of_pod, of_volume = "KUBESERVE_DISK_LIMIT", "KUBESERVE_VOLUME_LIMIT"
    assert parts() == ({of_pod}, [{"sizeLimit": "10Gi"}, {"sizeLimit": "1Gi"}])
    larger = {"limits": {"ephemeral-storage": "50Gi"}}
    assert parts(resources=larger) == ({of_pod}, [{"sizeLimit": "50Gi"}, {"sizeLimit": "1Gi"}])
    limited = parts(volumeLimits={"model": "5Gi", "tmp": "2Gi"})
    assert limited == ({of_pod, of_volume}, [{"sizeLimit": "5Gi"}, {"sizeLimit": "2Gi"}])
    none = {"resources": {"limits": {"ephemeral-storage": None}}, "volumeLimits": {"tmp": None}}
    assert parts(**none) == (set(), [{}, {}])


def test_runtime_class_and_user_namespace_are_in_the_pod_only_if_the_operator_sets_them() -> None:
    assert not {"runtimeClassName", "hostUsers"} & set(pod_of())
    pod = pod_of(deployment={"runtimeClassName": "gvisor", "hostUsers": False})
    assert (pod["runtimeClassName"], pod["hostUsers"]) == ("gvisor", False)


def test_only_pods_that_install_packages_have_the_label_of_the_network_policy() -> None:
    def of(**model: Any) -> tuple[Any, Any]:
        deployment = by_kind(model=model)["Deployment"]
        labels = (deployment["metadata"]["labels"], deployment["spec"]["template"]["metadata"]["labels"])
        return tuple(found.get(INSTALLS_LABEL) for found in labels)

    assert of() == (None, None)
    # By keys, it is not known whether there is a requirements.txt.
    values = merge(defaults(), {"model": {"s3Path": "s3://b/user/iris/v1/model.joblib"}})
    by_keys = render_values(values, RELEASE.version.model, "owner")[0]["spec"]["template"]
    assert [item["name"] for item in by_keys["spec"]["initContainers"]] == ["download-model", "install"]
    assert by_keys["metadata"]["labels"][INSTALLS_LABEL] == "true"
    file = StoredObject("user/iris/v1+x/requirements.txt", "r", 1, ARTIFACT.modified)
    required = dataclasses.replace(RELEASE.version, requirements=file)
    pod = by_kind(Release(required))["Deployment"]["spec"]["template"]
    assert pod["metadata"]["labels"][INSTALLS_LABEL] == "true"


def test_resources_of_null_are_left_out() -> None:
    server = by_kind(deployment={"resources": {"requests": None, "limits": {"cpu": None}}})["Deployment"]
    limits = {"memory": "1Gi", "ephemeral-storage": "10Gi"}
    assert server["spec"]["template"]["spec"]["containers"][0]["resources"] == {"limits": limits}


def test_private_certificate_authority_reaches_only_the_init_container() -> None:
    objects = by_kind(model={"s3CA": "PEM"})
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    assert {"name": "SSL_CERT_FILE", "value": "/ca/ca.crt"} in pod["initContainers"][0]["env"]
    assert "/ca" not in str(pod["containers"])
    assert objects["ConfigMap"]["data"] == {"ca.crt": "PEM"}
    assert by_kind()["ConfigMap"]["data"] == {}


def test_authority_of_the_store_is_not_trusted_by_the_container_that_installs() -> None:
    required = dataclasses.replace(RELEASE.version, requirements=REQUIREMENTS)
    values = {"model": {"s3CA": "STORE"}, "download": {"pipCA": "INDEX"}}
    deployment = by_kind(Release(required, values))["Deployment"]
    containers = deployment["spec"]["template"]["spec"]["initContainers"]
    env = {item["name"]: {of["name"]: of.get("value") for of in item["env"]} for item in containers}
    assert "SSL_CERT_FILE" in env["download-model"]
    assert "SSL_CERT_FILE" not in env["install"]
    assert env["install"]["KUBESERVE_PIP_CERT"] == "/ca/pip-ca.crt"


def test_proxy_settings_reach_only_the_init_container() -> None:
    pod = pod_of(download={"httpsProxy": "http://proxy.example:3128", "noProxy": "minio"})
    assert {"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"} in pod["initContainers"][0]["env"]
    assert "HTTP_PROXY" not in {item["name"] for item in pod["initContainers"][0]["env"]}
    assert "PROXY" not in str(pod["containers"])


def test_server_listens_on_the_address_families_of_its_pod() -> None:
    # Without --host the server listens on IPv6 and IPv4; 0.0.0.0 would be unreachable in a cluster of IPv6 alone.
    assert "--host" not in pod_of()["containers"][0]["args"]
    assert ServerSettings(model="m").host == "::"


REQUIREMENTS = StoredObject("team/iris/v1+x/requirements.txt", "e-req", 1, ARTIFACT.modified)


def test_install_container_has_nothing_of_the_store_and_writes_its_own_volume_alone() -> None:
    deployment = by_kind(Release(ModelVersion(MODEL, "v1+x", ARTIFACT, REQUIREMENTS)))["Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    download, install, server = [*pod["initContainers"], *pod["containers"]]
    names = {item["name"]: {variable["name"] for variable in item["env"]} for item in (download, install, server)}
    assert [*names] == ["download-model", "install", "inference-server"]
    assert "KUBESERVE_URLS" in names["download-model"]
    assert names["install"] == {
        *("KUBESERVE_MODEL", "KUBESERVE_TO", "KUBESERVE_REQUIREMENTS", "KUBESERVE_DISK_LIMIT"),
    }
    assert "KUBESERVE_URLS" not in names["inference-server"]
    mounted = {
        item["name"]: {mount["mountPath"] for mount in item["volumeMounts"] if not mount.get("readOnly")}
        for item in (download, install, server)
    }
    assert mounted == {
        "download-model": {"/model", "/tmp"},
        "install": {"/packages", "/tmp"},
        "inference-server": {"/tmp"},
    }
    env = {item["name"]: item.get("value") for item in download["env"]}
    assert env["KUBESERVE_REQUIREMENTS_ETAG"] == "e-req"
    assert {"name": "KUBESERVE_SERVER_PACKAGES", "value": "/packages"} in server["env"]


def test_install_container_is_there_for_a_requirements_file_and_where_nobody_knows_whether_there_is_one() -> None:
    def names(objects: list[Manifest]) -> list[str]:
        deployment = next(item for item in objects if item["kind"] == "Deployment")
        return [item["name"] for item in deployment["spec"]["template"]["spec"]["initContainers"]]

    without = render_values(values_with(signedFiles="{}"), MODEL, "models")
    assert names(without) == ["download-model"]
    assert "packages" not in str(without)
    with_file = render_values(values_with(signedFiles="{}", requirementsEtag="e"), MODEL, "models")
    assert names(with_file) == names(render_values(keyed(), MODEL, "models")) == ["download-model", "install"]


def values_with(**model: str) -> dict[str, Any]:
    return merge(keyed(), {"model": model})


def test_package_index_reaches_only_the_container_that_installs_and_a_password_only_by_a_secret() -> None:
    values = keyed(download={"pipIndexUrl": "https://u:p@pypi.example/simple", "pipCA": "PEM"})
    objects = {item["kind"]: item for item in render_values(values, MODEL, "models")}
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    download, install = ({item["name"] for item in container["env"]} for container in pod["initContainers"])
    assert {"KUBESERVE_PIP_INDEX_URL", "KUBESERVE_PIP_CERT"} <= install
    assert "AWS_SECRET_ACCESS_KEY" in download
    assert not any("PIP" in name for name in download)
    assert not any("AWS" in name for name in install)
    assert "pypi.example" not in str(objects["Deployment"]) + str(objects["ConfigMap"])
    assert "PIP" not in str(pod["containers"])
    assert objects["ConfigMap"]["data"]["pip-ca.crt"] == "PEM"


def test_files_about_the_input_are_named_with_their_etags_and_have_urls() -> None:
    files = tuple(StoredObject(f"team/iris/v1+x/{name}", f"e-{name}", 1, ARTIFACT.modified) for name in INPUT_FILES)
    with_files, without = by_kind(Release(ModelVersion(MODEL, "v1+x", ARTIFACT, input_files=files))), by_kind()
    text = "MLmodel=e-MLmodel input-example.json=e-input-example.json input_example.json=e-input_example.json"
    pod = with_files["Deployment"]["spec"]["template"]["spec"]
    env = {item["name"]: item for item in pod["initContainers"][0]["env"]}
    assert env["KUBESERVE_INPUT_FILES"]["value"] == text
    named = json.loads(with_files["ConfigMap"]["metadata"]["annotations"]["kubeserve.io/files"])
    assert named["MLmodel"] == {"etag": "e-MLmodel", "key": "team/iris/v1+x/MLmodel"}
    assert {kind for kind, item in without.items() if with_files[kind] != item} == {"Deployment", "ConfigMap"}


def test_pods_have_the_digest_of_what_they_are_made_of_and_of_nothing_else() -> None:
    def digest(overrides: dict[str, Any]) -> str:
        deployment = by_kind(Release(ModelVersion(MODEL, "v1", ARTIFACT), overrides))["Deployment"]
        digests = {
            item["metadata"]["annotations"][RELEASE_DIGEST] for item in (deployment, deployment["spec"]["template"])
        }
        return digests.pop() if len(digests) == 1 else ""

    scaled = digest({"autoscaling": {"enabled": False}, "deployment": {"replicas": 7}})
    assert digest({}) == scaled != ""
    assert digest({"deployment": {"resources": {"limits": {"memory": "2Gi"}}}}) not in {digest({}), ""}


def test_charts_have_the_version_of_the_package() -> None:
    own = version("kubeserve")
    for chart in CHARTS.iterdir():
        about = yaml.safe_load((chart / "Chart.yaml").read_text())
        assert (about["version"], about["appVersion"]) == (own, own), chart


def test_watcher_chart_has_a_value_for_every_setting() -> None:
    schema = json.loads((CHARTS / "kubeserve" / "values.schema.json").read_text())
    template = (CHARTS / "kubeserve" / "templates" / "deployment.yaml").read_text()
    elsewhere = {
        "runtime",
        "store",
        "s3_secure",
        "kubeconfig",
        "state_dir",
        "cage",
        "model_memory",
    }  # fixed by where it runs, or by a URL
    for field in dataclasses.fields(Settings):
        by_itself = f"KUBESERVE_{field.name.upper()}" in template
        in_settings = field.name.replace("_", "-") in schema["properties"]["settings"]["properties"]
        assert by_itself + in_settings + (field.name in elsewhere) == 1, field.name


def test_model_chart_has_a_value_for_every_server_setting() -> None:
    server = json.loads((CHARTS / "model-serving" / "values.schema.json").read_text())["properties"]["server"]
    fixed = {
        "model",
        "packages",
        "host",
        "port",
        "name",
        "version",
        "drain_seconds",
        "stop_with_stdin",
        "fd",
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


def test_server_settings_become_environment_variables() -> None:
    env = by_kind(
        server={"deadline": 2.0, "bodyMemory": 134217728, "direct": False, "drift": None, "extraColumns": "ignore"}
    )
    (container,) = env["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert {item["name"]: item["value"] for item in container["env"]} == {
        "KUBESERVE_SERVER_NAME": "iris",
        "KUBESERVE_SERVER_VERSION": "v1+x",
        "KUBESERVE_SERVER_BODY_MEMORY": "134217728",
        "KUBESERVE_SERVER_DEADLINE": "2",
        "KUBESERVE_SERVER_DIRECT": "false",
        "KUBESERVE_SERVER_EXTRA_COLUMNS": "ignore",
    }


def test_render_rejects_values_that_do_not_fit_the_schema() -> None:
    with pytest.raises(Rejected, match="deployment: Additional properties"):
        by_kind(deployment={"imagee": "x"})


def test_fill_raises_on_an_unknown_placeholder() -> None:
    with pytest.raises(ValueError, match="unknown placeholder"):
        fill({"a": "${nobody.knows}"}, {})


@pytest.mark.parametrize(
    ("deadline", "grace"), [(None, 30), (0, 30), (0.25, 30), (20, 30), (20.001, 31), (21, 31), (60, 70), (3600, 3610)]
)
def test_grace_period_covers_drain_deadline_and_last_prediction(deadline: float | None, grace: int) -> None:
    assert pod_of(server={"deadline": deadline})["terminationGracePeriodSeconds"] == grace


def test_grace_period_is_computed_from_the_seconds_that_the_server_uses() -> None:
    arguments = pod_of()["containers"][0]["args"]
    assert float(arguments[arguments.index("--drain-seconds") + 1]) == renderer.DRAIN
    assert renderer.LAST_PREDICTION == LAST_PREDICTION
    assert renderer.DRAIN + ServerSettings(model="m").deadline + LAST_PREDICTION <= renderer.LEAST_GRACE


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "0.25"), (0.00001, "0.00001"), (1.25e-7, "1.25e-7"), (2.5e-10, "2.5e-10"), (1e15, "1000000000000000")],
)
def test_server_settings_write_numbers_as_helm_does(value: float, text: str) -> None:
    assert server_settings({"inline": value}) == {"KUBESERVE_SERVER_INLINE": text}


def test_patterns_of_the_charts_are_anchored_so_that_the_whole_text_must_match() -> None:
    # Helm searches, and the watcher matches the whole text: only for anchored patterns this is the same.
    for chart in CHARTS.iterdir():
        found = patterns(json.loads((chart / "values.schema.json").read_text()))
        assert found
        for pattern in found:
            assert pattern[0] + pattern[-1] == "^$"
            assert "|" not in without_groups(pattern), f"the anchors of {pattern} are for one alternative each"


def without_groups(pattern: str) -> str:
    """Return a regular expression without what is in parentheses."""
    while (shorter := re.sub(r"\([^()]*\)", "", pattern)) != pattern:
        pattern = shorter
    return pattern


def patterns(node: object) -> list[str]:
    """Return every `pattern` of a schema."""
    if not isinstance(node, dict):
        return []
    own = [node["pattern"]] if isinstance(node.get("pattern"), str) else []
    return own + [pattern for item in node.values() for pattern in patterns(item)]


def test_limits_of_the_watchers_settings_are_those_of_its_chart() -> None:
    schema = json.loads((CHARTS / "kubeserve" / "values.schema.json").read_text())["properties"]["settings"][
        "properties"
    ]
    for field in dataclasses.fields(Settings):
        if found := schema.get(field.name.replace("_", "-")):
            limits = field.metadata.get("minimum"), field.metadata.get("maximum")
            assert limits == (found.get("minimum"), found.get("maximum")), field.name
