from __future__ import annotations

import pytest

from dev import venvs


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")


def test_folder_contains_name_and_version() -> None:
    found = venvs.folder("mlserver", "mlserver==1.7.1", "uvloop<0.22")
    assert str(found).startswith("/cache/kubeserve/venvs/mlserver-1.7.1-")


def test_folder_differs_for_other_requirements() -> None:
    one = venvs.folder("mlserver", "mlserver==1.7.1")
    assert one != venvs.folder("mlserver", "mlserver==1.7.1", "uvloop<0.22")
    assert one == venvs.folder("mlserver", "mlserver==1.7.1")


def test_folder_without_a_version_has_only_the_name() -> None:
    assert venvs.folder("plain").name.startswith("plain-")
    assert "None" not in venvs.folder("plain", "flask").name


def test_sentence_removes_line_breaks_and_box_drawings() -> None:
    printed = "  × No solution found:\n  ╰─▶ Because a==1 was not found,\n      it cannot be used.\n"
    assert venvs.sentence(printed) == "No solution found: Because a==1 was not found, it cannot be used"


def test_sentence_of_no_output_says_that_there_is_no_reason() -> None:
    assert venvs.sentence("\n") == "it printed no reason"
