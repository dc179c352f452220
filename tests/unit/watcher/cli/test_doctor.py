from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from watcher.cli.main import main

from .conftest import Bucket, StubWatcher, row


@pytest.fixture(autouse=True)
def local(watcher: StubWatcher, tmp_path: Path) -> None:
    watcher.about = {"runtime": "local", "bucket": "folder", "state_dir": str(tmp_path)}
    watcher.sources = [{"name": "poll", "live": True, "hints": 0, "detail": "", "since": None}]


def test_doctor_of_a_healthy_folder_ends_with_0_and_checks_only_what_applies(bucket: Bucket) -> None:
    ended = CliRunner().invoke(main, ["doctor"])
    lines = ended.stdout.splitlines()
    assert ended.exit_code == 0
    assert lines[0] == f"ok    store    the folder {bucket.root} can be read and written"
    assert "skip  cluster  models run on this machine" in lines
    assert lines[-1] == "5 ok, 1 skipped"


def test_doctor_of_a_broken_set_up_ends_with_1_and_a_remedy_to_paste(bucket: Bucket) -> None:
    bucket.root.rmdir()
    ended = CliRunner().invoke(main, ["doctor"])
    assert ended.exit_code == 1
    assert ended.stdout.splitlines()[1] == f"      mkdir -p {bucket.root}"
    assert ended.stdout.splitlines()[-1] == "4 ok, 1 wrong, 1 skipped"


def test_doctor_as_json_has_every_finding(bucket: Bucket, watcher: StubWatcher) -> None:
    watcher.models = [row(state="Failed")]
    body = json.loads(CliRunner().invoke(main, ["doctor", "-o", "json"]).stdout)
    assert body["ok"]
    assert [item["name"] for item in body["findings"]] == ["store", "watcher", "poll", "models", "cluster", "disk"]
    assert body["findings"][3] == {
        "name": "models",
        "verdict": "warn",
        "detail": "team/iris: Failed, Rejected or Held",
        "remedy": "kubeserve status team/iris",
    }
