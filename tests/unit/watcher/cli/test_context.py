from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from watcher.cli.main import main


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBESERVE_CONFIG", str(tmp_path / "config.yaml"))
    for name in ("KUBESERVE_NAMESPACE", "KUBESERVE_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(main, ["context", *arguments], env=variables)


def test_a_context_is_set_listed_used_and_deleted() -> None:
    assert run("set", "lab", "-n", "my-team", "--bucket", "models").exit_code == 0
    assert run("set", "home", "--store", "folder:/m").exit_code == 0
    assert "*        home" in run("list").output
    assert run("use", "lab").output == "the current context is lab\n"
    assert "models" in run("show").output
    assert run("delete", "lab").exit_code == 0
    assert "lab" not in run("list").output


def test_keys_come_from_the_environment_and_are_not_shown(tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "planted"}
    assert run("set", "lab", "--keys-from-env", **keys).exit_code == 0
    assert "planted" in (tmp_path / "config.yaml").read_text()
    assert "planted" not in run("show").output + run("list", "-o", "json").output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("use", "lab"), "no context 'lab': there is none"),
        (("set", "lab", "--keys-from-env"), "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_a_slip_is_one_line(arguments: tuple[str, ...], expected: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 1
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1
