"""Flags before environment before defaults; what makes no sense is refused with a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.settings import Settings, read


def test_a_flag_goes_before_the_environment_and_that_before_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBESERVE_SERVER_MODEL", "/m")
    monkeypatch.setenv("KUBESERVE_SERVER_PORT", "1")
    monkeypatch.setenv("KUBESERVE_SERVER_DRIFT", "false")
    monkeypatch.setenv("KUBESERVE_SERVER_DEADLINE", "0.5")
    monkeypatch.setenv("KUBESERVE_SERVER_VERSION", "")
    found = read(["--port", "2", "--no-direct"])
    assert found == Settings(model=Path("/m"), port=2, drift=False, direct=False, deadline=0.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--model"),
        (["--model", "m", "--port", "x"], "invalid int value: 'x'"),
        (["--model", "m", "--batch-rows", "0"], "--batch-rows must be at least 1"),
        (["--model", "m", "--deadline", "-1"], "--deadline must be at least 0"),
    ],
)
def test_nonsense_is_refused_with_a_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(("word", "meaning"), [("TRUE", True), (" on", True), ("0", False), ("No", False)])
def test_a_switch_may_be_said_in_several_words(word: str, meaning: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBESERVE_SERVER_DIRECT", word)
    assert read(["--model", "m"]).direct is meaning


def test_another_word_for_a_switch_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBESERVE_SERVER_DIRECT", "ture")
    with pytest.raises(SystemExit):
        read(["--model", "m"])
    words = "KUBESERVE_SERVER_DIRECT is 'ture'; it can be true, 1, yes, on, false, 0, no, off"
    assert words in capsys.readouterr().err
