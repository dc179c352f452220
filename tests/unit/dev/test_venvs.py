"""Where environments are kept and how a failure is told. Making one is the benchmark's and the client tests' matter."""

from __future__ import annotations

import pytest

from dev import venvs


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")


def test_an_environment_is_kept_by_name_and_version() -> None:
    found = venvs.folder("mlserver", "mlserver==1.7.1", "uvloop<0.22")
    assert str(found).startswith("/cache/kubeserve/venvs/mlserver-1.7.1-")


def test_other_requirements_are_another_environment() -> None:
    one = venvs.folder("mlserver", "mlserver==1.7.1")
    assert one != venvs.folder("mlserver", "mlserver==1.7.1", "uvloop<0.22")
    assert one == venvs.folder("mlserver", "mlserver==1.7.1")


def test_an_environment_needs_no_version() -> None:
    assert venvs.folder("plain").name.startswith("plain-")
    assert "None" not in venvs.folder("plain", "flask").name


def test_an_error_is_one_line_without_drawings() -> None:
    printed = "  × No solution found:\n  ╰─▶ Because a==1 was not found,\n      it cannot be used.\n"
    assert venvs.sentence(printed) == "No solution found: Because a==1 was not found, it cannot be used"


def test_silence_is_told_too() -> None:
    assert venvs.sentence("\n") == "no reason was given"
