"""Installing programs as packages of Debian."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from dev import debian


def test_install_of_programs_that_are_there_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", None)
    debian.install({"sh": "dash", "no-such-program": ""})


@pytest.mark.parametrize(("user", "missing"), [(1000, ("other",)), (0, ("other", "apt-get"))])
def test_install_as_another_user_or_elsewhere_names_the_packages(
    monkeypatch: pytest.MonkeyPatch, user: int, missing: tuple[str, ...]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(shutil, "which", lambda name: None if name in missing else f"/usr/bin/{name}")
    with pytest.raises(debian.NotInstallable, match="tmux"):
        debian.install({"other": "tmux"})


def test_what_another_process_installed_meanwhile_is_not_installed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    looks = iter([None, "/usr/bin/apt-get", "/usr/bin/other"])
    monkeypatch.setattr(shutil, "which", lambda _: next(looks))
    monkeypatch.setattr(subprocess, "run", None)
    debian.install({"other": "tmux"})


def test_install_that_fails_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "apt-get" else None)
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 100, "", "E: no network\n")
    )
    with pytest.raises(debian.PackagesMissing, match="apt-get update failed: E: no network"):
        debian.install({"other": "tmux"})
