from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from watcher.cli.main import main
from watcher.client.model_files import ModelFiles
from watcher.core.types import ModelId
from watcher.stores.folder import FolderBucket

from .conftest import Bucket, StubWatcher, row

OTHER = "team/wine/v1/model.joblib"


def run(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, ["delete", *arguments], input=answer)


@pytest.fixture
def iris(bucket: Bucket) -> Bucket:
    bucket.model("iris", "v1", "v2", "v10")
    bucket.put(OTHER)
    bucket.put("team/iris/v2/requirements.txt")
    bucket.put("team/iris/values.yaml", "deployment: {replicas: 2}\n")
    return bucket


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)


def test_delete_lists_what_goes_and_removes_nothing_in_a_pipe_without_yes(iris: Bucket) -> None:
    before, done = iris.keys(), run("iris")
    assert (done.exit_code, iris.keys()) == (2, before)
    assert "  team/iris/v2/requirements.txt  16 B\n" in done.stderr
    assert "the model will be removed" in done.stderr
    assert done.stderr.endswith("nothing was deleted: --yes is needed where nobody can be asked\n")


@pytest.mark.usefixtures("on_terminal")
def test_delete_asks_on_a_terminal(iris: Bucket) -> None:
    before, done = iris.keys(), run("iris", answer="n\n")
    assert (done.exit_code, iris.keys()) == (1, before)
    assert "Delete 5 objects? [y/N]" in done.stderr
    assert run("iris", answer="y\n").exit_code == 0
    assert iris.keys() == [OTHER]


@pytest.mark.usefixtures("on_terminal")
def test_delete_that_is_interrupted_at_the_question_removes_nothing(iris: Bucket) -> None:
    before, done = iris.keys(), run("iris")  # the end of the input, as by Ctrl-D
    assert (done.exit_code, iris.keys()) == (130, before)


def test_delete_of_a_version_leaves_the_others_and_says_who_serves(iris: Bucket) -> None:
    done = run("iris", "--version", "v10", "--yes")
    assert (done.exit_code, done.stdout) == (0, "deleted 1 object of team/iris\n")
    assert "v2 will serve instead" in done.stderr
    assert "v2 stays chosen" in run("iris", "--version", "v1", "--yes").stderr
    left = ["team/iris/v2/model.joblib", "team/iris/v2/requirements.txt", "team/iris/values.yaml", OTHER]
    assert iris.keys() == left


def test_delete_of_the_pinned_version_is_refused(iris: Bucket) -> None:
    iris.put("team/iris/values.yaml", "version: v1\n")
    done = run("iris", "--version", "v1", "--yes")
    assert (done.exit_code, len(iris.keys())) == (1, 6)
    assert "team/iris is pinned to v1: first `kubeserve unpin team/iris`, or pin another one" in done.stderr


def test_delete_of_a_model_whose_values_are_invalid_is_possible(iris: Bucket) -> None:
    iris.put("team/iris/values.yaml", "- broken")
    assert json.loads(run("iris", "--yes", "-o", "json").stdout)["deleted"][0] == "team/iris/v1/model.joblib"
    assert iris.keys() == [OTHER]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("irsi",), "no model 'team/irsi'; did you mean 'team/iris'?"),
        (("iris", "--version", "v20"), "team/iris: no version 'v20'; did you mean 'v2'?"),
        (("iris", "--version", ""), "team/iris: no version '': there are v1, v10, v2"),  # an unset variable of a script
    ],
)
def test_a_slip_is_met_with_the_nearest(iris: Bucket, arguments: tuple[str, ...], expected: str) -> None:
    before, done = iris.keys(), run(*arguments, "--yes")
    assert (done.exit_code, iris.keys()) == (1, before)
    assert expected in done.stderr


def test_the_chosen_version_goes_last_so_that_no_other_is_rolled_out_meanwhile(iris: Bucket) -> None:
    iris.put("team/iris/values.yaml", "version: v2\n")
    bucket = FolderBucket(Path(iris.root), now=lambda: float("inf"))
    files = ModelFiles(bucket, ModelId("team", "iris"))
    assert [item.key.removeprefix("team/iris/") for item in files.in_order_of_removal(files.objects)] == [
        "v1/model.joblib",
        "v10/model.joblib",
        "v2/model.joblib",
        "v2/requirements.txt",
        "values.yaml",
    ]


def test_wait_is_for_the_end_of_the_model(iris: Bucket, watcher: StubWatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher.models = [row(version="v10")]
    steps = iter([[row(version="v10", state="Waiting", reason="gone")], []])
    monkeypatch.setattr("time.sleep", lambda _: setattr(watcher, "models", next(steps)))
    done = run("iris", "--yes", "--wait")
    assert done.exit_code == 0
    assert done.stderr.splitlines()[-2:] == ["v10 is Waiting: gone", "the watcher does not have it"]


def test_wait_does_not_take_a_watcher_that_is_away_for_the_end_of_the_model(
    iris: Bucket, watcher: StubWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher.models, answer = [row(version="v10")], watcher.answer
    answers = iter([lambda _: (502, {}), answer, answer])
    steps = iter([watcher.models, watcher.models, []])

    def pause(_: float) -> None:
        watcher.models = next(steps)
        monkeypatch.setattr(watcher, "answer", next(answers))

    monkeypatch.setattr("time.sleep", pause)
    done = run("iris", "--yes", "--wait")
    assert done.exit_code == 0
    assert done.stderr.splitlines()[-2:] == ["v10 is Ready", "the watcher does not have it"]


def test_wait_ends_when_a_person_must_confirm_the_removal(
    iris: Bucket, watcher: StubWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher.models = [row(version="v10")]
    monkeypatch.setattr("time.sleep", lambda _: setattr(watcher, "models", [row(state="Held", reason="many")]))
    assert run("iris", "--yes", "--wait").exit_code == 3


def test_delete_again_removes_what_an_interrupted_deletion_has_left(iris: Bucket) -> None:
    for version in ("v1", "v2", "v10"):
        (iris.root / f"team/iris/{version}/model.joblib").unlink()
    assert "no model 'team/iris'" in run("iris", "--version", "v2", "--yes").stderr
    assert run("iris", "--yes").exit_code == 0
    assert iris.keys() == [OTHER]
    assert "no model 'team/iris'" in run("iris", "--yes").stderr


def test_delete_leaves_a_model_whose_name_begins_alike(iris: Bucket) -> None:
    iris.put("team/iris2/v1/model.joblib")
    assert run("iris", "--yes").exit_code == 0
    assert iris.keys() == ["team/iris2/v1/model.joblib", OTHER]


def test_delete_in_a_store_of_an_unknown_kind_is_one_line(iris: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBESERVE_STORE", "Folder:/models")
    done = run("iris", "--yes")
    assert (done.exit_code, done.stderr) == (1, "Error: --store Folder:/models: expected s3 or folder:PATH\n")


def test_delete_of_the_last_model_leaves_a_mark_so_that_the_bucket_is_not_empty(bucket: Bucket) -> None:
    bucket.model("iris", "v1")
    assert run("iris", "--yes").exit_code == 0
    assert bucket.keys() == ["_deleted/team/iris"]


def test_delete_of_a_model_that_is_held_and_not_in_the_empty_bucket_confirms_it(
    bucket: Bucket, watcher: StubWatcher
) -> None:
    watcher.models = [row("iris", state="Held")]
    asked = run("iris")
    assert (asked.exit_code, bucket.keys()) == (2, [])
    done = run("iris", "--yes")
    assert (done.exit_code, bucket.keys()) == (0, ["_deleted/team/iris"])
    assert "confirmed the removal of team/iris" in done.output


def test_delete_of_an_unknown_model_in_an_empty_bucket_confirms_nothing(bucket: Bucket, watcher: StubWatcher) -> None:
    watcher.models = [row("iris", state="Held")]
    assert run("irsi", "--yes").exit_code == 1
    assert bucket.keys() == []
