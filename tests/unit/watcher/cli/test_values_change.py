from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from watcher.cli.main import main
from watcher.client.model_files import ModelFiles
from watcher.core.types import ModelId
from watcher.errors import Retryable
from watcher.stores.folder import FolderBucket

from .conftest import Bucket, StubWatcher, row

VALUES = "team/iris/values.yaml"
READY_V10 = {"version": "v10", "state": "Ready"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def iris(bucket: Bucket) -> Bucket:
    bucket.model("iris", "v1", "v2", "v10")
    return bucket


def test_pin_and_unpin_change_one_line_and_say_what_follows(iris: Bucket) -> None:
    iris.put(VALUES, "# Ann's\ndeployment: {replicas: 3}  # three\n")
    done = run("pin", "iris", "v1")
    assert done.stdout.splitlines() == [
        "team/iris is pinned to v1",
        "the watcher rolls out v1; uploads of other versions change nothing until `kubeserve unpin team/iris`",
    ]
    assert iris.text(VALUES) == '# Ann\'s\ndeployment: {replicas: 3}  # three\nversion: "v1"\n'
    done = run("unpin", "iris")
    assert done.stdout.splitlines() == [
        "team/iris is not pinned to a version",
        "the watcher rolls out v10, the highest version, and each higher one that is uploaded",
    ]
    assert iris.text(VALUES) == "# Ann's\ndeployment: {replicas: 3}  # three\n"


def test_pause_and_resume_keep_a_pin(iris: Bucket) -> None:
    iris.put(VALUES, "version: v2\n")
    assert "nothing changes until `kubeserve resume team/iris`" in run("pause", "team/iris").stdout
    assert iris.text(VALUES) == "version: v2\npaused: true\n"
    assert "rolls out v2" in run("resume", "team/iris").stdout
    assert iris.text(VALUES) == "version: v2\n"


def test_a_change_of_a_paused_model_says_that_it_is_paused(iris: Bucket) -> None:
    run("pause", "iris")
    assert "paused: what serves keeps serving" in run("pin", "iris", "v1").stdout


def test_unpin_writes_no_file_where_there_is_none(iris: Bucket) -> None:
    assert run("unpin", "iris").exit_code == 0
    assert not iris.has(VALUES)


def test_resume_of_a_missing_pin_says_so(iris: Bucket) -> None:
    iris.put(VALUES, "{paused: true, version: v7}\n")
    assert "v7 is pinned and does not exist" in run("resume", "iris").stdout


def test_a_change_as_json_has_the_values(iris: Bucket) -> None:
    found = json.loads(run("pin", "iris", "v2", "-o", "json").stdout)
    assert (found["changed"], found["values"], found["model"]) == (True, {"version": "v2"}, "iris")
    assert json.loads(run("pin", "iris", "v2", "-o", "json").stdout)["changed"] is False


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("pin", "irs", "v1"), "no model 'team/irs'; did you mean 'team/iris'? (in the bucket "),
        (("pin", "iris", "v11"), "team/iris: no version 'v11'; did you mean 'v1'?"),
        (("rollback", "iris", "--to", "3"), "team/iris: no version '3': there are v1, v10, v2"),
        (("rollback", "iris", "--to", ""), "team/iris: no version '': there are v1, v10, v2"),
        (("pause", "other/iris"), "no model 'other/iris'; did you mean 'team/iris'?"),
        (("pause", "Iris"), "model 'Iris' is not a valid name"),
    ],
)
def test_a_slip_changes_nothing_and_is_met_with_the_nearest(
    iris: Bucket, arguments: tuple[str, ...], expected: str
) -> None:
    before, done = iris.keys(), run(*arguments)
    assert (done.exit_code, iris.keys()) == (1, before)
    assert expected in done.stderr


def test_a_values_yaml_that_is_invalid_is_not_touched(iris: Bucket) -> None:
    iris.put(VALUES, "replicas: 3\n")
    done = run("pin", "iris", "v1")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: team/iris/values.yaml: ")
    assert iris.text(VALUES) == "replicas: 3\n"


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({}, "v2"),
        ({"serving": "v1"}, "v1"),
        (
            {"serving": "v10", "events": [{"version": "v10", "state": "Ready"}, {"version": "v1", "state": "Ready"}]},
            "v1",
        ),
        ({"events": [{"version": "v1", "state": "Failed"}, {"version": "gone", "state": "Ready"}]}, "v2"),
    ],
)
def test_rollback_chooses_the_version_that_served_before(
    iris: Bucket, watcher: StubWatcher, others: dict[str, object], expected: str
) -> None:
    watcher.models = [row(version="v10", **others)]
    assert f"team/iris is rolled back from v10 to {expected}\n" in run("rollback", "iris").stdout
    assert iris.text(VALUES) == f'version: "{expected}"\n'


def test_rollback_never_goes_up(iris: Bucket, watcher: StubWatcher) -> None:
    iris.put(VALUES, "version: v2\n")
    watcher.models = [row(version="v2", serving="v2", events=[{"version": "v2", "state": "Ready"}, READY_V10])]
    assert "from v2 to v1\n" in run("rollback", "iris").stdout


@pytest.mark.parametrize(("state", "expected"), [("Progressing", "from v2 to v1\n"), ("Failed", "from v2 to v10\n")])
def test_rollback_returns_to_a_higher_version_that_serves_only_if_the_lower_one_failed(
    iris: Bucket, watcher: StubWatcher, state: str, expected: str
) -> None:
    iris.put(VALUES, "version: v2\n")
    watcher.models = [row(version="v2", serving="v10", state=state)]
    assert expected in run("rollback", "iris").stdout


def test_rollback_goes_on_downwards_without_a_watcher_and_ends_at_the_lowest(
    iris: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBESERVE_URL", "127.0.0.1:1")
    assert "from v10 to v2" in run("rollback", "iris").stdout
    assert "from v2 to v1\n" in run("rollback", "iris").stdout
    done = run("rollback", "iris")
    assert (done.exit_code, done.stderr) == (1, "Error: team/iris has no version below v1 to roll back to\n")


def test_wait_needs_a_watcher_before_anything_is_written(iris: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBESERVE_URL", "127.0.0.1:1")
    assert run("pin", "iris", "v1", "--wait").exit_code == 1
    assert not iris.has(VALUES)


def test_wait_returns_when_the_version_is_ready(
    iris: Bucket, watcher: StubWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher.models = [row(version="v10")]
    steps = iter([[row(version="v1", state="Progressing", reason="starting")], [row(version="v1")]])
    monkeypatch.setattr("time.sleep", lambda _: setattr(watcher, "models", next(steps)))
    done = run("pin", "iris", "v1", "--wait")
    assert (done.exit_code, done.stderr.splitlines()) == (
        0,
        ["v10 is Ready", "v1 is Progressing: starting", "v1 is Ready"],
    )


def test_wait_for_a_version_that_fails_has_its_own_exit_code(
    iris: Bucket, watcher: StubWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher.models = [row(version="v10", state="Failed", reason="old")]
    steps = iter([[row(version="v1", state="Failed", reason="new")]])
    monkeypatch.setattr("time.sleep", lambda _: setattr(watcher, "models", next(steps)))
    done = run("pin", "iris", "v1", "--wait")
    assert done.exit_code == 3
    assert done.stderr.splitlines()[-1] == "Error: team/iris: v1 is Failed: new"


def test_wait_of_a_model_that_failed_already_ends_at_once(iris: Bucket, watcher: StubWatcher) -> None:
    watcher.models = [row(version="v10", state="Failed", reason="old")]
    assert run("pin", "iris", "v10", "--wait").exit_code == 3


def test_wait_that_is_late_has_its_own_exit_code(iris: Bucket, watcher: StubWatcher) -> None:
    watcher.models = [row(version="v10")]
    done = run("pin", "iris", "v1", "--wait", "--timeout", "0")
    assert done.exit_code == 4
    assert "team/iris: v10 is Ready; not done after 0 s, and the watcher goes on" in done.stderr


def test_wait_of_pause_is_for_the_pause(iris: Bucket, watcher: StubWatcher) -> None:
    watcher.models = [row(version="v10", state="Paused")]
    assert run("pause", "iris", "--wait").exit_code == 0


def test_a_change_that_someone_else_makes_meanwhile_is_not_overwritten(iris: Bucket) -> None:
    files = ModelFiles(FolderBucket(Path(iris.root), now=lambda: float("inf")), ModelId("team", "iris"))
    iris.put("team/iris/values.yaml", "version: v2\n")
    with pytest.raises(Retryable, match=r"team/iris/values\.yaml was changed by someone else"):
        files.change_values({"paused": True})
    assert iris.text("team/iris/values.yaml") == "version: v2\n"
