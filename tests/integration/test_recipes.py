"""docs/recipes.md: each recipe is run as it is there, against a real MinIO and a real watcher."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import urllib3
import yaml

from dev import venvs

from .driving import Watcher, eventually

DOCUMENT = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
SCRIPT = re.compile(r"^```python\n# ([\w/]+\.py)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
AWS = ("boto3==1.44.8", "awscli==1.46.3")
MLFLOW = ("mlflow-skinny==3.17.2", "skops==0.16.0", "cloudpickle==3.1.2")
REGISTER = """
import joblib, mlflow
from mlflow import MlflowClient
named = {"name": "model", "registered_model_name": "iris", "serialization_format": "pickle"}
mlflow.sklearn.log_model(joblib.load("iris.joblib"), pip_requirements=[f"mlflow=={mlflow.__version__}"], **named)
MlflowClient().set_registered_model_alias("iris", "champion", "1")
"""


def blocks(section: str, language: str) -> list[str]:
    """Return the blocks of code of a section."""
    _, _, rest = DOCUMENT.partition(f"## {section}\n")
    return re.findall(rf"^```{language}\n(.*?)^```$", rest.partition("\n## ")[0], re.DOTALL | re.MULTILINE)


@dataclass
class Pipeline:
    """A machine that trains a model, in a folder with the scripts of the document."""

    folder: Path
    watcher: Watcher
    env: dict[str, str] = field(repr=False)

    def run(self, command: str, *programs: Path, **variables: str) -> str:
        """Run a command as a shell of CI does; `programs` are looked for first."""
        path = os.pathsep.join(map(str, [*programs, Path(sys.executable).parent, os.environ["PATH"]]))
        shell, env = ["bash", "-euo", "pipefail", "-c", command], {**self.env, "PATH": path, **variables}
        done = subprocess.run(shell, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def serves(self, version: str) -> bool:
        """Return whether this version answers, once it is ready."""
        eventually(lambda: self.status()["serving"] == version)
        row = {"data": [[5.1, 3.5, 1.4, 0.2]]}
        answer = urllib3.request("POST", f"{self.status()['url']}/predict", json=row, timeout=10, retries=False)
        return bool(answer.json() == {"predictions": [0]})

    def status(self) -> dict[str, Any]:
        return self.watcher.model("iris")


@pytest.fixture
def pipeline(bucket: Any, tmp_path: Path) -> Iterator[Pipeline]:
    server, folder = bucket.server, tmp_path / "work"
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    local = ("--runtime", "local", "--state-dir", str(tmp_path / "state"))
    place = ("--s3-endpoint", server.endpoint, "--bucket", bucket.name)
    for name, text in SCRIPT.findall(DOCUMENT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with Watcher(tmp_path / "watcher.log", *local, *place, **keys) as watcher:
        ours = {"KUBESERVE_S3_ENDPOINT": server.url, "KUBESERVE_BUCKET": bucket.name}
        ours |= {"KUBESERVE_NAMESPACE": "my-team", "KUBESERVE_URL": f"http://127.0.0.1:{watcher.port}"}
        yield Pipeline(folder, watcher, {"HOME": str(tmp_path), **ours, **keys})


def environment(name: str, *requirements: str) -> Path:
    """Return the folder with the programs of an environment."""
    try:
        return venvs.venv(name, *requirements).parent
    except venvs.ToolUnavailable as error:
        pytest.fail(str(error), pytrace=False)


def test_github_actions_push_a_version_that_serves(pipeline: Pipeline) -> None:
    (text,) = blocks("GitHub Actions", "yaml")
    job = yaml.safe_load(text)["jobs"]["serve"]
    assert set(job["env"]) == set(pipeline.env) - {"HOME"}
    for step in job["steps"]:
        if "run" in step:
            pipeline.run(step["run"], GITHUB_RUN_NUMBER="7")
    assert pipeline.serves("run-7")


def test_gitlab_ci_pushes_a_version_that_serves(pipeline: Pipeline) -> None:
    (text,) = blocks("GitLab CI", "yaml")
    for command in yaml.safe_load(text)["serve"]["script"]:
        pipeline.run(command, CI_PIPELINE_IID="12")
    assert pipeline.serves("pipeline-12")


def test_dag_of_airflow_trains_and_pushes(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Airflow: its decorators are replaced by some that call the functions at once."""
    sdk = ModuleType("airflow.sdk")
    returned: list[str] = []
    vars(sdk).update(
        dag=lambda **_: lambda function: function, task=lambda function: lambda: returned.append(function())
    )
    monkeypatch.setitem(sys.modules, "airflow", ModuleType("airflow"))
    monkeypatch.setitem(sys.modules, "airflow.sdk", sdk)
    for name, value in pipeline.env.items():
        monkeypatch.setenv(name, value)
    source = (pipeline.folder / "dags" / "iris.py").read_text()
    exec(compile(source, "iris.py", "exec"), {})
    assert pipeline.serves("v1")
    assert returned == [pipeline.status()["url"]]


def test_stage_of_dvc_pushes_a_changed_model_once(pipeline: Pipeline) -> None:
    programs = environment("dvc", "dvc==3.67.1")
    (text,) = blocks("DVC", "yaml")
    (pipeline.folder / "dvc.yaml").write_text(text)
    # The commands of the stages find Python where it is first, so DVC itself is called by its path.
    pipeline.run(f"{programs}/dvc init --no-scm --quiet && {programs}/dvc repro")
    assert pipeline.serves("v1")
    served = json.loads((pipeline.folder / "served.json").read_text())
    assert (served["version"], served["state"]) == ("v1", "ready")
    assert "didn't change, skipping" in pipeline.run(f"{programs}/dvc repro")
    assert [item["version"] for item in pipeline.status()["versions"]] == ["v1"]


def test_any_client_of_s3_uploads_a_version_that_serves(pipeline: Pipeline) -> None:
    programs = environment("aws", *AWS)
    pipeline.run("python train.py")
    (text,) = blocks("Plain S3", "bash")
    curl, aws = text.splitlines()
    pipeline.run(curl)
    assert pipeline.serves("v1")
    pipeline.run(aws, programs, AWS_DEFAULT_REGION="us-east-1")
    assert pipeline.serves("v2")
    pipeline.run(f"{programs}/python upload.py", AWS_DEFAULT_REGION="us-east-1")
    assert pipeline.serves("v3")


def test_version_of_mlflows_registry_is_served(pipeline: Pipeline) -> None:
    learn = ("scikit-learn==1.9.1", "numpy==2.4.6", "pandas==2.3.3", "joblib", "structlog", "orjson")
    programs = environment("mlflow", *MLFLOW, *learn)
    tracking = {"MLFLOW_TRACKING_URI": f"file://{pipeline.folder}/mlruns", "MLFLOW_ALLOW_FILE_STORE": "true"}
    pipeline.run("python train.py")
    (pipeline.folder / "register.py").write_text(REGISTER)
    pipeline.run(f"{programs}/python register.py", **tracking)
    (text,) = blocks("MLflow's registry", "bash")
    download, push = text.splitlines()
    pipeline.run(download, programs, **tracking)
    pipeline.run(push)
    assert pipeline.serves("v1")
