"""Flags win over the environment, which wins over the defaults; a wrong setting ends the process with one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.settings import Settings, parse
from watcher.core.chart import first_problem, schema


def test_parse_prefers_flags_to_the_environment_and_that_to_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBESERVE_SERVER_MODEL", "/m")
    monkeypatch.setenv("KUBESERVE_SERVER_PORT", "1")
    monkeypatch.setenv("KUBESERVE_SERVER_DRIFT", "false")
    monkeypatch.setenv("KUBESERVE_SERVER_DEADLINE", "0.5")
    monkeypatch.setenv("KUBESERVE_SERVER_VERSION", "")
    found = parse(["--port", "2", "--no-direct"])
    assert found == Settings(model=Path("/m"), port=2, drift=False, direct=False, deadline=0.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--model"),
        (["--model", "m", "--port", "x"], "argument --port: invalid int value: 'x'"),
        (["--model", "m", "--batch-rows", "0"], "--batch-rows must be a number of at least 1"),
        (["--model", "m", "--extra-columns", "keep"], "--extra-columns is 'keep'; it can be auto, refuse, ignore"),
        (["--model", "m", "--code-allow", "sklearn"], "--code-allow is 'sklearn': expected 'known', or full names"),
        (["--model", "m", "--code-allow", "known, a.*"], "--code-allow is 'known, a.*': expected 'known', or full"),
        (["--model", "m", "--deadline", "-1"], "--deadline must be a number of at least 0"),
        (["--model", "m", "--deadline", "nan"], "--deadline must be a number of at least 0"),
        (["--model", "m", "--drain-seconds", "inf"], "--drain-seconds must be a number of at least 0"),
    ],
)
def test_parse_a_wrong_value_is_one_line_that_names_the_flag(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_parse_a_minimum_itself_is_allowed() -> None:
    found = parse(["--model", "m", "--batch-rows", "1", "--deadline", "0"])
    assert (found.batch_rows, found.deadline) == (1, 0.0)


@pytest.mark.parametrize(("word", "meaning"), [("TRUE", True), (" on", True), ("0", False), ("No", False)])
def test_parse_a_switch_in_the_environment_may_be_any_usual_word(
    word: str, meaning: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBESERVE_SERVER_DIRECT", word)
    assert parse(["--model", "m"]).direct is meaning


def test_parse_another_word_for_a_switch_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBESERVE_SERVER_DIRECT", "ture")
    with pytest.raises(SystemExit):
        parse(["--model", "m"])
    words = "KUBESERVE_SERVER_DIRECT is 'ture'; it can be true, 1, yes, on, false, 0, no, off"
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_parse_a_word_in_the_environment_is_checked_like_a_flag(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBESERVE_SERVER_EXTRA_COLUMNS", "ignore")
    assert parse(["--model", "m"]).extra_columns == "ignore"
    monkeypatch.setenv("KUBESERVE_SERVER_EXTRA_COLUMNS", "all")
    with pytest.raises(SystemExit):
        parse(["--model", "m"])
    assert "--extra-columns is 'all'; it can be auto, refuse, ignore" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("text", ["", "known", "known,", " known , a_1.B", "a.b.C,d.E"])
def test_code_allow_takes_full_names_as_the_chart_does(text: str) -> None:
    assert parse(["--model", "m", "--code-allow", text]).code_allow == text
    server = schema()["properties"]["server"]
    assert not first_problem({"codeAllow": text}, server)
    assert first_problem({"codeAllow": f"{text or 'a.B'}.*"}, server)
