"""`kubeserve push` into a folder, with a watcher that answers what the test says."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from watcher.cli.main import main

from .conftest import StubWatcher, row


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "bucket").mkdir()
    path = tmp_path / "iris.joblib"
    path.write_bytes(b"bytes of a model")
    return path


def push(model: Path, watcher: StubWatcher, *arguments: str) -> Result:
    variables = {"KUBESERVE_STORE": f"folder:{model.parent / 'bucket'}", "KUBESERVE_NAMESPACE": "team"}
    given = [str(model), "--url", watcher.url, "--no-check", *arguments]
    return CliRunner().invoke(main, ["push", *given], env=variables)


def test_push_ends_with_the_url_where_the_version_serves(model: Path, watcher: StubWatcher) -> None:
    watcher.models = [row(url="http://127.0.0.1:1")]
    done = push(model, watcher)
    assert done.exit_code == 0, done.output
    assert (model.parent / "bucket/team/iris/v1/model.joblib").read_bytes() == b"bytes of a model"
    lines = done.stdout.splitlines()
    assert lines[0].startswith("uploaded    file:///")
    assert lines[1].startswith("seen        v1 after ")
    assert lines[2].startswith("ready       v1 after ")
    assert lines[-1] == "http://127.0.0.1:1"


def test_push_asks_for_one_model_as_soon_as_the_watcher_has_seen_it(model: Path, watcher: StubWatcher) -> None:
    etag = hashlib.md5(model.read_bytes()).hexdigest()
    seen = {"version": "v1", "state": "Ready", "reason": "", "etag": etag}
    watcher.models = [row(url="http://127.0.0.1:1", versions=[seen], events=[])]
    assert push(model, watcher).exit_code == 0
    assert set(watcher.asked) == {"/status/team/iris"}


def test_push_as_json_is_one_object(model: Path, watcher: StubWatcher) -> None:
    watcher.models = [row(url="http://127.0.0.1:1")]
    found = json.loads(push(model, watcher, "-o", "json").stdout)
    assert (found["model"], found["version"], found["state"], found["request"]) == ("iris", "v1", "ready", None)


def test_push_of_a_version_that_fails_is_3_with_the_reason(model: Path, watcher: StubWatcher) -> None:
    watcher.models = [row(state="Failed", reason="the model needs MyClass")]
    done = push(model, watcher)
    assert done.exit_code == 3
    assert done.stderr == "Error: team/iris v1 failed: the model needs MyClass\n"


def test_push_of_a_version_that_does_not_serve_in_time_is_4(model: Path, watcher: StubWatcher) -> None:
    watcher.models = [row(state="Progressing", ready=0, replicas=2)]
    done = push(model, watcher, "--timeout", "1")
    assert done.exit_code == 4
    assert "rolling     0 of 2 ready" in done.stdout
    assert done.stderr.startswith("Error: team/iris v1 does not serve after 1 s (0 of 2 ready)")


@pytest.mark.parametrize(
    ("watched", "exit_code", "state", "reason"),
    [
        (row(state="Failed", reason="the model needs MyClass"), 3, "failed", "the model needs MyClass"),
        (row(state="Progressing", ready=0, replicas=2), 4, "rolling", "0 of 2 ready"),
    ],
)
def test_push_as_json_of_a_version_that_does_not_serve_is_one_object_too(
    model: Path, watcher: StubWatcher, watched: dict[str, object], exit_code: int, state: str, reason: str
) -> None:
    watcher.models = [watched]
    done = push(model, watcher, "-o", "json", "--timeout", "1")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["version"], found["state"], found["reason"]) == (exit_code, "v1", state, reason)


def test_push_without_a_watcher_says_that_it_is_uploaded(model: Path, watcher: StubWatcher) -> None:
    done = push(model, watcher, "--url", "http://127.0.0.1:1")
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "Error: team/iris v1 is uploaded, but not followed: no watcher answers at http://127.0.0.1:1"
    )
    assert push(model, watcher, "--url", "http://127.0.0.1:1", "--no-wait").exit_code == 0


def test_push_of_a_version_that_is_not_chosen_says_why(model: Path, watcher: StubWatcher) -> None:
    folder = model.parent / "bucket/team/iris"
    folder.mkdir(parents=True)
    (folder / "values.yaml").write_text("paused: true\n")
    os.utime(folder / "values.yaml", (0, 0))  # a folder does not list a file that is still being written
    done = push(model, watcher)
    assert done.exit_code == 0
    assert "not served  v1, because values.yaml says paused: true" in done.stdout


def test_push_cleans_what_the_watcher_says(model: Path, watcher: StubWatcher) -> None:
    watcher.models = [row(state="Paused", reason="\x1b[2J\x9bwhy")]
    assert "not served  v1: [2J why" in push(model, watcher).stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--name", "Iris"), "model 'Iris' is not a valid name for a Service"),
        (("--name", "a/b/c"), "namespace 'a/b' is not a valid Kubernetes name"),
        (("--timeout", "0"), "'0': expected a number from 1 to 86400"),
        (("--example", "nothing.json"), "File 'nothing.json' does not exist"),
    ],
)
def test_push_meets_a_slip_with_one_line(
    arguments: tuple[str, ...], expected: str, model: Path, watcher: StubWatcher
) -> None:
    done = push(model, watcher, *arguments)
    assert done.exit_code in {1, 2}
    (line,) = done.stderr.splitlines()
    assert expected in line


def test_push_checks_before_it_uploads(model: Path, watcher: StubWatcher) -> None:
    done = push(model, watcher, "--check")
    assert done.exit_code == 1
    assert (
        f"{model} cannot be served: model file is damaged, or was not written by joblib or pickle: it begins with"
        in done.stderr
    )
    assert not list((model.parent / "bucket").iterdir())


def test_push_interrupted_after_the_upload_says_that_the_watcher_goes_on(
    model: Path, watcher: StubWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("watcher.client.pushing.followed", interrupt)
    done = push(model, watcher)
    assert done.exit_code == 130
    assert done.stdout.splitlines()[-1].endswith("v1 is uploaded, and the watcher goes on with it without this command")
