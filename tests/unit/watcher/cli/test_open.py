"""`kubeserve open`, with a kubectl that the test writes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from watcher.cli.main import main

from .conftest import StubWatcher, row

IN_CLUSTER = "http://iris-model-serving.team.invalid"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}")
    return folder


def kubectl(folder: Path, script: str) -> None:
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def run(watcher: StubWatcher, model: str = "team/iris") -> Result:
    return CliRunner().invoke(main, ["open", model, "--url", watcher.url], env=dict(os.environ))


def test_open_prints_the_page_of_a_model_whose_address_resolves(watcher: StubWatcher) -> None:
    watcher.models = [row(url="http://127.0.0.1:5000")]
    assert run(watcher).output == "http://127.0.0.1:5000/docs\n"


def test_open_of_a_model_in_a_cluster_forwards_a_port(watcher: StubWatcher, path: Path) -> None:
    watcher.models = [row(url=IN_CLUSTER)]
    kubectl(path, f'echo "Forwarding from"; echo "$@" > {path}/asked')
    done = run(watcher)
    assert done.exit_code == 0, done.output
    page = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/docs\n", done.stdout)
    assert page
    assert (path / "asked").read_text() == f"port-forward service/iris-model-serving {page[1]}:80 -n team\n"


def test_open_of_a_model_in_a_cluster_without_kubectl_says_what_is_missing(watcher: StubWatcher, path: Path) -> None:
    watcher.models = [row(url=IN_CLUSTER)]
    done = run(watcher)
    assert done.exit_code == 1
    assert "is an address inside the cluster, and kubectl is not installed here" in done.stderr


def test_open_has_the_failure_of_kubectl(watcher: StubWatcher, path: Path) -> None:
    watcher.models = [row(url=IN_CLUSTER)]
    kubectl(path, "exit 1")
    done = run(watcher)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "kubectl port-forward ended with exit code 1" in done.stderr


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("team/irs", "no model 'team/irs'; did you mean 'team/iris'?"),
        ("team/new", "team/new does not answer yet: it is Failed: bad bytes"),
    ],
)
def test_open_of_a_model_that_does_not_answer_says_why(model: str, expected: str, watcher: StubWatcher) -> None:
    watcher.models = [row(), row(model="new", state="Failed", reason="bad bytes", url="")]
    done = run(watcher, model)
    assert done.exit_code == 1
    assert expected in done.stderr


def test_open_reads_what_kubectl_says_of_each_connection_so_that_it_goes_on(watcher: StubWatcher, path: Path) -> None:
    watcher.models = [row(url=IN_CLUSTER)]
    more_than_a_pipe_holds = (
        'i=0; while [ $i -lt 3000 ]; do echo "Handling connection for 8080, of a browser"; i=$((i+1)); done'
    )
    kubectl(path, f'echo "Forwarding from"; {more_than_a_pipe_holds}; echo > {path}/ended')
    assert run(watcher).exit_code == 0
    assert (path / "ended").exists()
