from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from watcher.cli.main import main

from .conftest import Bucket, StubWatcher, row


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["logs", *arguments])


@pytest.fixture
def state(bucket: Bucket, tmp_path: Path, watcher: StubWatcher, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the state folder of a local runtime, with the log of v1."""
    folder = tmp_path / "state" / "team" / "iris" / "0123456789abcdef-1"
    folder.mkdir(parents=True)
    (folder / "version").write_text("v1")
    (folder / "log").write_text("one\n two\n")
    watcher.models = [row(versions=[{"version": "v1", "state": "Ready", "reason": ""}])]
    monkeypatch.setenv("KUBESERVE_STATE_DIR", str(tmp_path / "state"))
    return folder


def test_logs_are_printed_after_the_name_of_what_wrote_them(state: Path) -> None:
    assert run("iris").stdout == "v1 | one\nv1 |  two\n"
    assert run("iris", "--tail", "1", "-o", "json").stdout == '{"from": "v1", "line": " two"}\n'


def test_logs_of_the_server_are_shown_for_people_and_for_programs_as_they_are(state: Path) -> None:
    line = '{"address": "0.0.0.0", "port": 80, "event": "ready", "level": "info", "timestamp": "2026-11-30T09:25:10Z"}'
    (state / "log").write_text(f'{line}\n{{"event": "\\u001b[2J"}}\n{{"a": 1}}\n{{broken\n')
    assert run("iris").stdout.splitlines() == [
        "v1 | 2026-11-30T09:25:10Z [info     ] ready address=0.0.0.0 port=80",
        "v1 | [2J",
        'v1 | {"a": 1}',
        "v1 | {broken",
    ]
    assert json.loads(run("iris", "--tail", "4", "-o", "json").stdout.splitlines()[0]) == {"from": "v1", "line": line}


def test_logs_come_from_the_folder_that_the_watcher_names(state: Path, watcher: StubWatcher) -> None:
    watcher.about = {"runtime": "local", "state_dir": str(state.parents[2])}
    assert run("iris", "--state-dir", "elsewhere").stdout == "v1 | one\nv1 |  two\n"
    watcher.about = {"runtime": "local", "state_dir": "/elsewhere"}
    assert "keeps its logs in /elsewhere, which is not on this machine" in run("iris").stderr


def test_logs_of_a_failed_model_begin_with_the_reason(state: Path, watcher: StubWatcher) -> None:
    watcher.models = [row(state="Failed", reason="not a model")]
    assert run("iris").stderr == "team/iris v1 is Failed: not a model\n"


def test_logs_of_a_version_that_does_not_run_say_so(state: Path, watcher: StubWatcher) -> None:
    failed = {"version": "v3", "state": "Failed", "reason": "not a model"}
    watcher.models = [row(versions=[failed, {"version": "v1", "state": "Ready", "reason": ""}])]
    done = run("iris", "--version", "v3")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "team/iris v3 is Failed: not a model",
        "Error: no server of team/iris v3 runs, so there is no log",
    ]
    assert "team/iris: no version 'v4': there are v1, v3" in run("iris", "--version", "v4").stderr


def test_logs_are_read_without_a_watcher_too(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBESERVE_URL", "127.0.0.1:1")
    done = run("iris")
    assert (done.exit_code, done.stdout) == (0, "v1 | one\nv1 |  two\n")
    assert done.stderr.startswith("no watcher answers at")


def test_logs_of_a_model_that_is_not_there_name_the_nearest(state: Path) -> None:
    assert "no model 'team/irsi'; did you mean 'team/iris'?" in run("irsi").stderr


def test_logs_of_a_cluster_need_a_kubeconfig(state: Path, watcher: StubWatcher) -> None:
    watcher.about = {"runtime": "kubernetes"}
    done = run("iris", "--kubeconfig", "/no/such/file")
    assert done.exit_code == 1
    assert "kubeconfig /no/such/file does not exist" in done.stderr
