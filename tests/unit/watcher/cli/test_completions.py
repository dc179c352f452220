from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

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
