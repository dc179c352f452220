from __future__ import annotations

import json
from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner, Result

from watcher.cli.commands import status
from watcher.cli.main import main

from .conftest import SINCE, StubWatcher, row

NOW = datetime(2026, 11, 30, 10, 5, tzinfo=UTC)


def run(watcher: StubWatcher, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["status", *arguments, "--url", watcher.url])


def shown(models: list[dict[str, object]], *, one: bool = False, width: int | None = None) -> str:
    body = {"models": models, "refused": [], "sources": []}
    return click.unstyle(status.text_of(body, NOW, one=one, width=width))


def test_status_shows_a_model_with_its_replicas_and_age() -> None:
    assert shown([row(ready=1, replicas=2)]).splitlines() == [
        "MODELS",
        "MODEL      VERSION  STATE  READY  LOADED  AGE  URL       REASON",
        "team/iris  v1       Ready  1/2    data    5m   http://m",
    ]


def test_status_of_an_earlier_watcher_has_no_replicas() -> None:
    assert "Ready         data" in shown([row()])


def test_status_on_a_narrow_terminal_has_each_reason_in_full_below_its_model() -> None:
    reason = ("not a model that joblib can load, " * 9).strip()
    lines = shown([row("churn"), row(state="Failed", reason=reason), row("wine")], width=80).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert [line.split()[0] for line in lines if not line.startswith("  ")] == [
        *("MODELS", "MODEL", "team/churn", "team/iris", "team/wine")
    ]
    assert " ".join(line.strip() for line in lines if line.startswith("  ")) == reason
    assert "REASON" not in lines[1]


def test_status_without_a_model_says_how_to_push_one() -> None:
    assert "no models yet: `kubeserve push" in shown([])


def test_status_shows_a_source_with_its_age() -> None:
    source = {"name": "poll", "live": False, "hints": 3, "since": SINCE, "detail": "no answer"}
    lines = status.text_of({"models": [], "refused": [], "sources": [source]}, NOW).splitlines()
    assert lines[-2:] == ["NAME  LIVE  HINTS  AGE  DETAIL", "poll  no    3      5m   no answer"]


def test_status_of_one_model_is_its_row_and_its_refused_keys_alone(watcher: StubWatcher) -> None:
    watcher.models = [row(), row("wine")]
    watcher.refused = [{"key": "team/iris/v1/model.pkl", "reason": "no"}, {"key": "team/wine/x.pkl", "reason": "no"}]
    done = run(watcher, "team/iris")
    assert done.exit_code == 0
    assert "model.pkl" in done.stdout
    assert "wine" not in done.stdout


@pytest.mark.parametrize(("state", "code"), [("Ready", 0), ("Progressing", 0), ("Failed", 3), ("Rejected", 3)])
def test_the_exit_code_for_one_model_says_whether_it_failed(watcher: StubWatcher, state: str, code: int) -> None:
    watcher.models = [row(state=state)]
    assert run(watcher, "team/iris").exit_code == code
    assert run(watcher).exit_code == 0


def test_status_as_json_is_what_the_watcher_says(watcher: StubWatcher) -> None:
    watcher.models = [row(events=[{"version": "v1"}])]
    assert json.loads(run(watcher, "-o", "json").stdout)["models"] == watcher.models
    assert json.loads(run(watcher, "iris", "-n", "team", "-o", "json").stdout) == watcher.models[0]


def test_status_of_a_namespace_leaves_the_others_out(watcher: StubWatcher) -> None:
    watcher.models = [row(), row("wine", namespace="other")]
    assert "wine" not in run(watcher, "-n", "team").stdout
    assert "no namespace 'teem'; did you mean 'team'?" in run(watcher, "-n", "teem").stderr


def test_a_model_that_is_not_there_is_met_with_the_nearest(watcher: StubWatcher) -> None:
    watcher.models = [row()]
    done = run(watcher, "team/irs")
    assert (done.exit_code, done.stderr) == (1, "Error: no model 'team/irs'; did you mean 'team/iris'?\n")


def test_watch_prints_each_change_once() -> None:
    before = {"models": [row(), row("wine")]}
    after = {"models": [row(), row("new", version="v3", state="Failed", reason="why\nnot", url="")]}
    assert status.changes(None, before) == [
        f"{SINCE}  team/iris  v1  Ready  http://m",
        f"{SINCE}  team/wine  v1  Ready  http://m",
    ]
    assert status.changes(before, after) == [f"{SINCE}  team/new  v3  Failed  why not", "team/wine  gone"]
    assert status.changes(after, after) == []


def test_watch_as_json_prints_what_has_changed_and_what_has_gone() -> None:
    before, after = {"models": [row(), row("wine")]}, {"models": [row(), row("new")]}
    assert status.json_changes(None, before) == before["models"]
    gone = {"namespace": "team", "model": "wine", "state": "Gone"}
    assert status.json_changes(before, after) == [row("new"), gone]


def test_watch_in_a_pipe_goes_on_while_the_watcher_is_away_and_ends_by_ctrl_c(
    watcher: StubWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher.models, answer, pauses = [row()], watcher.answer, iter(range(4))

    def pause(_: float) -> None:
        match next(pauses):
            case 0:
                monkeypatch.setattr(watcher, "answer", lambda _: (502, {}))
            case 2:
                monkeypatch.setattr(watcher, "answer", answer)
                watcher.models = [row(version="v2")]
            case 3:
                raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", pause)
    done = run(watcher, "--watch")
    assert done.exit_code == 130
    assert done.stdout.splitlines() == [
        f"{SINCE}  team/iris  v1  Ready  http://m",
        f"{SINCE}  team/iris  v2  Ready  http://m",
    ]
    assert done.stderr.splitlines()[0].startswith("no watcher answers at")


def test_watch_without_a_watcher_at_the_beginning_is_an_error() -> None:
    done = CliRunner().invoke(main, ["status", "--watch", "--url", "127.0.0.1:1"])
    assert done.exit_code == 1


def test_watch_on_a_terminal_refreshes_the_table(watcher: StubWatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher.models, pauses = [row()], iter(range(2))

    def pause(_: float) -> None:
        watcher.models = [row(version="v2")]
        if next(pauses):
            raise KeyboardInterrupt

    monkeypatch.setattr(status, "redraws", lambda: True)
    monkeypatch.setattr("time.sleep", pause)
    done = run(watcher, "--watch")
    assert done.exit_code == 130
    assert [line for line in done.stdout.splitlines() if line.startswith("team/iris  v2")]


def test_watch_as_json_prints_a_line_for_each_model_that_changed(
    watcher: StubWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher.models, pauses = [row(), row("wine", reason="\x9b2J")], iter(range(2))

    def pause(_: float) -> None:
        watcher.models = [row(version="v2"), watcher.models[1]]
        if next(pauses):
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", pause)
    lines = run(watcher, "--watch", "-o", "json").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert [(item["model"], item["version"]) for item in found] == [("iris", "v1"), ("wine", "v1"), ("iris", "v2")]
    assert all(line.isprintable() for line in lines)


def test_status_of_one_model_asks_for_all_models_once(watcher: StubWatcher) -> None:
    watcher.models = [row(events=[])]
    assert run(watcher, "team/iris", "-o", "json").exit_code == 0
    assert watcher.asked == ["/status", "/status/team/iris"]
