from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from watcher.cli.commands.diff import differences
from watcher.cli.main import main

from .conftest import Bucket


def run(*arguments: str, color: bool = False) -> Result:
    return CliRunner().invoke(main, ["diff", *arguments], color=color)


@pytest.fixture
def iris(bucket: Bucket) -> Bucket:
    bucket.model("iris", "v1", "v2")
    bucket.put("team/iris/values.yaml", "deployment: {replicas: 2}\n")
    bucket.put("team/iris/v2/values.yaml", "autoscaling: {enabled: false}\nserver: {deadline: 2.0}\n")
    return bucket


def test_diff_shows_what_the_other_version_would_change(iris: Bucket) -> None:
    lines = run("iris", "v1", "v2").stdout.splitlines()
    assert "--- Deployment/iris-model-serving v1" in lines
    assert "+++ Deployment/iris-model-serving v2" in lines
    assert "-          value: v1" in lines
    assert "+        - name: KUBESERVE_SERVER_DEADLINE" in lines
    assert "+  replicas: 2" in lines
    assert "-  kind: HorizontalPodAutoscaler" not in lines
    assert "-kind: HorizontalPodAutoscaler" in lines
    assert "fingerprint" not in "\n".join(lines)


def test_diff_of_a_version_with_itself_is_nothing(iris: Bucket) -> None:
    assert run("iris", "v1", "v1").stdout == "v1 and v1 give the same objects\n"
    assert json.loads(run("iris", "v1", "v1", "-o", "json").stdout)["objects"] == []


def test_diff_as_json_has_one_text_for_each_object(iris: Bucket) -> None:
    found = json.loads(run("iris", "v1", "v2", "-o", "json").stdout)
    assert (found["from"], found["to"]) == ("v1", "v2")
    assert {item["kind"] for item in found["objects"]} >= {"Deployment", "HorizontalPodAutoscaler"}


def test_diff_is_coloured_on_a_terminal(iris: Bucket) -> None:
    shown = run("iris", "v1", "v2", color=True).stdout
    assert "\x1b[32m+  replicas: 2" in shown
    assert "\x1b[1m+++ Deployment" in shown


def test_diff_masks_secrets(iris: Bucket, tmp_path: Path) -> None:
    def secret(data: str) -> dict[str, object]:
        return {
            "kind": "Secret",
            "metadata": {"name": "s", "annotations": {"a": data}},
            "data": {"KEY": "cGxhbnRlZA=="},
        }

    (lines,) = differences(
        [secret("http://me:planted@proxy")], [secret("http://me:other@proxy:1")], "v1", "v2"
    ).values()
    assert "    a: http://me:***@proxy" in "\n".join(lines)
    assert "  KEY: '***'" in "\n".join(lines)
    assert not {"planted", "other", "cGxhbnRlZA"} & set("\n".join(lines).replace("@", " ").replace(":", " ").split())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("iris", "v1", "v22"), "team/iris: no version 'v22'; did you mean 'v2'?"),
        (("irsi", "v1", "v2"), "no model 'team/irsi'; did you mean 'team/iris'?"),
        (("iris", "v1", "v2", "--ceilings", "replicas=6"), ""),
        (("iris", "v1", "v2", "--ceilings", "pods=6"), "--ceilings: 'pods=6'"),
    ],
)
def test_a_slip_is_one_line(iris: Bucket, arguments: tuple[str, ...], expected: str) -> None:
    assert expected in run(*arguments).stderr


def test_values_that_the_watcher_would_refuse_are_refused(iris: Bucket) -> None:
    iris.put("team/iris/v2/values.yaml", "version: v3\n")
    done = run("iris", "v1", "v2")
    assert done.exit_code == 1
    assert "team/iris/v2/values.yaml: version belongs in the values.yaml one level up" in done.stderr
