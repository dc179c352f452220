from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from watcher.cli.main import main

NAMED = ("--name", "iris", "-n", "team", "--version", "v1")


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["render", *arguments, "--s3-endpoint", "127.0.0.1:1"], env=environment)


def objects(*arguments: str, **environment: str) -> dict[str, Any]:
    found = yaml.safe_load_all(run(*NAMED, *arguments, **environment).stdout)
    return {item["kind"]: item for item in found}


def test_render_of_a_model_that_need_not_exist_asks_no_store() -> None:
    found = objects("--set", "deployment.replicas=3", "--set", "autoscaling.enabled=false", "--bucket", "models")
    assert list(found) == ["ConfigMap", "Deployment", "Service"]
    deployment = found["Deployment"]
    assert deployment["spec"]["replicas"] == 3
    assert (deployment["metadata"]["name"], deployment["metadata"]["namespace"]) == ("iris-model-serving", "team")
    annotations = deployment["metadata"]["annotations"]
    assert annotations["kubeserve.io/s3-path"] == "s3://models/team/iris/v1/model.joblib"
    assert "kubeserve.io/etag" not in annotations
    assert found["ConfigMap"]["data"] == {}


def test_render_shows_no_keys_and_takes_the_namespace_of_the_context() -> None:
    given = {"AWS_ACCESS_KEY_ID": "planted-AK", "AWS_SECRET_ACCESS_KEY": "planted-SK", "KUBESERVE_NAMESPACE": "mine"}
    printed = run("--name", "iris", "--version", "v1", "-o", "json", **given).stdout
    assert {item["metadata"]["namespace"] for item in json.loads(printed)} == {"mine"}
    assert "planted" not in printed
    assert "X-Amz" not in printed


def test_render_demands_what_the_operator_demands() -> None:
    server = objects("--data-only", "team")["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "KUBESERVE_SERVER_LOAD", "value": "data"} in server["env"]
    assert "the operator" in run(*NAMED, "--data-only", "team", "--set", "server.load=auto").stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((*NAMED, "s3://b/t/m/v1/model.joblib"), "either s3://BUCKET/KEY, or --name"),
        (("s3://b/t/m/v1/model.joblib", "--version", "v1"), "--version: it belongs to --name"),
        (("--name", "iris", "-n", "team"), "say the --version too"),
        (("--name", "iris", "--version", "v1"), "'iris' has no namespace"),
        (("--name", "iris", "-n", "team", "--version", "v 1"), "version 'v 1' is not valid"),
        ((*NAMED, "--set", "replicas=3"), "'replicas' was unexpected"),
        ((*NAMED, "--ceilings", "replicas=5", "--set", "autoscaling.maxReplicas=6"), "-f or --set: autoscaling.maxR"),
    ],
)
def test_a_slip_is_one_line(arguments: tuple[str, ...], expected: str) -> None:
    done = run(*arguments)
    assert done.exit_code in {1, 2}
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1
