"""A directory that MLflow wrote, uploaded file by file as it is: the real MinIO, the real watcher, real servers."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from dev import venvs

from .driving import Uploads, Watcher, eventually

SCRIPT = Path(__file__).parent / "models" / "save_with_mlflow.py"
MLFLOW = ("mlflow-skinny==3.17.2", "skops==0.16.0", "cloudpickle==3.1.2")
SERVER = ("scikit-learn==1.9.1", "numpy==2.4.6", "pandas==2.3.3", "joblib", "structlog", "orjson")
ROWS = [{"age": 31, "city": "Rome"}, {"age": 64, "city": "Oslo"}, {"age": 25, "city": "Oslo"}]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    """Return the folder with the directories, and what each model answers in its own process."""
    try:
        python = venvs.venv("mlflow", *MLFLOW, *SERVER)
    except venvs.ToolUnavailable as error:
        pytest.fail(str(error), pytrace=False)
    folder = tmp_path_factory.mktemp("mlflow")
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/db"}
    done = subprocess.run([python, SCRIPT, folder], env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def watcher(bucket: Any, tmp_path: Path) -> Iterator[Watcher]:
    server = bucket.server
    arguments = ("--runtime", "local", "--state-dir", str(tmp_path / "state"), "--s3-endpoint", server.endpoint)
    env = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    with Watcher(tmp_path / "watcher.log", *arguments, "--bucket", bucket.name, **env) as started:
        yield started


def upload(uploads: Uploads, folder: Path, name: str) -> None:
    """Put every file of a directory into the bucket, in the order of their names."""
    for file in sorted(path for path in (folder / name).rglob("*") if path.is_file()):
        uploads.put(f"team/{name}/v1/{file.relative_to(folder / name)}", file.read_bytes())


def post(url: str, path: str, body: Any) -> urllib3.BaseHTTPResponse:
    return urllib3.request("POST", f"{url}{path}", json=body, timeout=30, retries=False)


@pytest.mark.parametrize("name", ["pickle", "cloudpickle"])
def test_mlflow_directory_is_served_without_mlflow_and_its_signature_holds(
    saved: tuple[Path, dict[str, list[str]]], uploads: Uploads, watcher: Watcher, name: str
) -> None:
    folder, answers = saved
    upload(uploads, folder, name)
    eventually(lambda: watcher.state(name) == "Ready")
    url = watcher.model(name)["url"]
    answer = post(url, "/invocations", {"dataframe_records": ROWS})
    assert (answer.status, list(map(str, answer.json()["predictions"]))) == (200, answers[name][:3])
    eventually(lambda: watcher.model(name)["loaded"] == "code")  # it has a requirements.txt
    assert "mlflow" not in "".join(path.name for path in watcher.log.parent.glob("state/**/packages/*"))

    no_age = post(url, "/predict", {"data": [{"city": "Rome"}]})
    assert (no_age.status, "age" in no_age.json()["error"]) == (400, True)
    word = post(url, "/predict", {"data": [{"age": "old", "city": "Rome"}]})
    assert (word.status, "age" in word.json()["error"]) == (400, True)
    assert watcher.status()["refused"] == []


def test_server_loads_what_skops_saved(saved: tuple[Path, dict[str, list[str]]]) -> None:
    _, answers = saved
    assert answers["skops, served"] == answers["skops"]
