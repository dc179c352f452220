"""docs/migration.md: a model of the documents of KServe and MLServer answers their requests as those servers do.

The model is the one of KServe's and MLServer's examples, saved by the scikit-learn of KServe's own sample files.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from dev import venvs
from dev.processes import free_port
from tests.bench.serving.servers import KSERVE, MLSERVER
from tests.bench.serving.servers import Server as Peer
from tests.corpus import versions

from .driving import Uploads, Watcher, eventually
from .serving import STARTUP

DOCUMENT = (Path(__file__).parents[2] / "docs" / "migration.md").read_text()
SAVED_BY = "1.3.2"
TRAIN = """
import joblib, sys
from sklearn import datasets, svm
X, y = datasets.load_iris(return_X_y=True)
joblib.dump(svm.SVC(gamma="scale", probability=True, random_state=0).fit(X, y), sys.argv[1])
"""


def requests() -> dict[str, Any]:
    """Return the bodies in the document, by their paths."""
    found = re.findall(r"^curl \$URL(/\S+) -d '(.*)'$", DOCUMENT, re.MULTILINE)
    return {path.replace("$MODEL", "model"): json.loads(body) for path, body in found}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("iris") / "model.joblib"
    try:
        subprocess.run([versions.python(SAVED_BY), "-c", TRAIN, path], check=True)
    except venvs.ToolUnavailable as error:
        pytest.fail(str(error), pytrace=False)
    return path


@pytest.fixture
def url(bucket: Any, model: Path, uploads: Uploads, tmp_path: Path) -> Iterator[str]:
    """Yield where the watcher serves the file after the copy that the document shows."""
    server = bucket.server
    arguments = ("--runtime", "local", "--state-dir", str(tmp_path / "state"), "--s3-endpoint", server.endpoint)
    env = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    with Watcher(tmp_path / "watcher.log", *arguments, "--bucket", bucket.name, **env) as watcher:
        uploads.put("team/model/v1/model.joblib", model.read_bytes())
        eventually(lambda: watcher.state("model") == "Ready")
        yield watcher.model("model")["url"]


@contextmanager
def serving(peer: Peer, model: Path, folder: Path) -> Iterator[str]:
    """Yield where the other server serves the file."""
    port = free_port()
    try:
        command = peer.command(model, port)
    except venvs.ToolUnavailable as error:
        pytest.fail(str(error), pytrace=False)
    folder.mkdir()
    with (folder / "log").open("wb") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process:
        there = f"http://127.0.0.1:{port}"
        try:
            eventually(lambda: urllib3.request("GET", there + peer.health, retries=False).status == 200, STARTUP)
            yield there
        finally:
            process.terminate()


def answer(url: str, path: str, body: Any) -> dict[str, Any]:
    response = urllib3.request("POST", url + path, json=body, timeout=60, retries=False)
    assert response.status == 200, response.data
    return response.json()  # type: ignore[no-any-return]


def test_requests_of_kserve_are_answered_as_its_server_does(url: str, model: Path, tmp_path: Path) -> None:
    asked = {path: body for path, body in requests().items() if path.startswith("/v1/")}
    assert asked
    with serving(KSERVE, model, tmp_path / "kserve") as there:
        for path, body in asked.items():
            assert answer(url, path, body)["predictions"] == answer(there, path, body)["predictions"]


def test_requests_of_mlserver_are_answered_as_it_does(url: str, model: Path, tmp_path: Path) -> None:
    asked = {path: body for path, body in requests().items() if path.startswith("/v2/")}
    assert asked
    with serving(MLSERVER, model, tmp_path / "mlserver") as there:
        for path, body in asked.items():
            ours, theirs = answer(url, path, body), answer(there, path, body)
            assert ours["model_name"] == theirs["model_name"]
            assert outputs(ours) == outputs(theirs)


def outputs(body: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(item["name"], item["datatype"], item["shape"], item["data"]) for item in body["outputs"]]
