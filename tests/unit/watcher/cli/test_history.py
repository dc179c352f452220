from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from watcher.cli.main import main

from .conftest import SINCE, Bucket, StubWatcher, row


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["history", *arguments])


def version(name: str, state: str, **others: object) -> dict[str, object]:
    facts = {"reason": "", "since": SINCE, "size": 2048, "modified": SINCE, "etag": "e"}
    return {"version": name, "state": state, **facts, **others}


@pytest.mark.usefixtures("bucket")
def test_history_shows_the_versions_of_the_watcher_the_newest_first(watcher: StubWatcher) -> None:
    versions = [version("v3", "Failed", reason="not a model"), version("v2", "Ready"), version("v1", "Superseded")]
    watcher.models = [row(version="v3", serving="v2", versions=versions)]
    assert run("iris").stdout.splitlines() == [
        "VERSION  STATE       SERVING  SINCE                      SIZE     REASON",
        "v3       Failed               2026-11-30T10:00:00+00:00  2.0 KiB  not a model",
        "v2       Ready       yes      2026-11-30T10:00:00+00:00  2.0 KiB",
        "v1       Superseded           2026-11-30T10:00:00+00:00  2.0 KiB",
    ]
    shown = json.loads(run("iris", "-o", "json").stdout)
    assert [item["serving"] for item in shown["versions"]] == [False, True, False]


def test_history_with_an_earlier_watcher_takes_the_versions_from_the_bucket(
    bucket: Bucket, watcher: StubWatcher
) -> None:
    bucket.model("iris", "v9", "v10")
    watcher.models = [row(version="v10")]
    lines = run("iris").stdout.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [["v10", "Ready", "yes"], ["v9", "16", "B"]]


def test_history_without_a_watcher_is_what_it_wrote_into_the_bucket(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBESERVE_URL", "127.0.0.1:1")
    bucket.model("iris", "v1", "v2", "v3")
    bucket.put("team/iris/v1/_status.json", json.dumps({"state": "Ready", "serving": "v1", "updated": "2026-01-01"}))
    said = {"state": "Ready", "since": SINCE, "serving": "v2", "updated": SINCE, "reason": "two\nlines"}
    bucket.put("team/iris/v2/_status.json", json.dumps(said))
    bucket.put("team/iris/v3/_status.json", "broken")
    done = run("iris")
    assert [line.split()[:3] for line in done.stdout.splitlines()[1:]] == [
        ["v3", "16", "B"],
        ["v2", "Ready", "yes"],
        ["v1", "Ready", "16"],
    ]
    assert "two lines" in done.stdout
    assert done.stderr.endswith("; this is what the bucket says\n")


@pytest.mark.usefixtures("bucket")
def test_history_of_a_model_that_is_not_there_names_the_nearest(watcher: StubWatcher) -> None:
    watcher.models = [row()]
    done = run("irsi")
    assert (done.exit_code, done.stderr) == (1, "Error: no model 'team/irsi'; did you mean 'team/iris'?\n")
