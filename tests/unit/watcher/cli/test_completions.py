from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from watcher.cli.main import main
from watcher.client.contexts import Context, Contexts, write

from .conftest import StubWatcher, row


def offered(line: str) -> list[str]:
    """Return what the shell offers at the end of a line."""
    *words, incomplete = line.split(" ")
    return [item.value for item in ShellComplete(main, {}, "kubeserve", "").get_completions(words, incomplete)]


def test_models_come_from_the_watcher_with_their_namespace_where_none_is_known(watcher: StubWatcher) -> None:
    watcher.models = [row(), row("wine"), row("iris", namespace="other")]
    line = f"status --url {watcher.url} "
    assert offered(line) == ["other/iris", "team/iris", "team/wine"]
    assert offered(f"{line}team/w") == ["team/wine"]
    assert offered(f"status -n team --url {watcher.url} ") == ["iris", "wine"]


def test_nothing_is_offered_when_the_watcher_is_away() -> None:
    assert offered("status --url 127.0.0.1:1 ") == []


def test_namespaces_come_from_the_watcher(watcher: StubWatcher) -> None:
    watcher.models = [row(), row("iris", namespace="other")]
    assert offered(f"status --url {watcher.url} -n ") == ["other", "team"]


def test_contexts_come_from_their_file() -> None:
    path = Path(os.environ["KUBESERVE_CONFIG"])
    assert offered("status --context ") == []
    write(path, Contexts("", {"lab": Context("lab"), "home": Context("home")}))
    assert offered("status --context l") == ["lab"]
    path.write_text("- broken")
    assert offered("status --context ") == []


@pytest.mark.parametrize("line", ["st", "sta"])
def test_commands_are_offered(line: str) -> None:
    assert "status" in offered(line)


def test_versions_are_those_of_the_model_on_the_line(watcher: StubWatcher) -> None:
    watcher.models = [row(versions=[{"version": "v2"}, {"version": "v1"}]), row("wine", version="w1")]
    assert offered(f"pin --url {watcher.url} team/iris ") == ["v1", "v2"]
    assert offered(f"pin --url {watcher.url} -n team wine ") == ["w1"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_script_with_where_to_put_it(shell: str) -> None:
    shown = CliRunner().invoke(main, ["completion", shell]).stdout
    assert shown.startswith("# To have it in every shell, ")
    assert f"_KUBESERVE_COMPLETE={shell}_complete" in shown


def test_completion_works_in_bash(watcher: StubWatcher) -> None:
    watcher.models = [row(), row("wine")]
    kubeserve = Path(sys.executable).parent / "kubeserve"
    ask = 'COMP_WORDS=(kubeserve status wi); COMP_CWORD=2; _kubeserve_completion kubeserve; echo "${COMPREPLY[@]}"'
    script = f'eval "$(kubeserve completion bash)"; {ask}'
    environment = {**os.environ, "KUBESERVE_URL": watcher.url, "KUBESERVE_NAMESPACE": "team"}
    path = {"PATH": f"{kubeserve.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], env={**environment, **path}, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "wine\n"
