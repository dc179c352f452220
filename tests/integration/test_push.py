"""`kubeserve push` as people start it: the real MinIO, the real watcher, and real servers on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from watcher.client.contexts import Context, Contexts, write

from .driving import Watcher

ROWS = [{"age": 31.5, "city": "Rome"}, {"age": 64.0, "city": "Oslo"}]
PEOPLE = make_pipeline(
    make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), (StandardScaler(), ["age"])),
    LogisticRegression(),
).fit(pd.DataFrame(ROWS), ["no", "yes"])


class User:
    """A person with a context, in a folder with models."""

    def __init__(self, folder: Path, context: Context) -> None:
        self.folder, self._config = folder, folder / "config.yaml"
        self.use(context)

    def use(self, context: Context) -> None:
        write(self._config, Contexts("lab", {"lab": context}))

    def save(self, name: str, model: Any) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(model, bytes):
            path.write_bytes(model)
        else:
            joblib.dump(model, path)
        return name

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        known = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "KUBESERVE_"))}
        env = {**known, "KUBESERVE_CONFIG": str(self._config), "PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-m", "watcher", *arguments]
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def context(bucket: Any) -> Context:
    server = bucket.server
    keys = {"access_key_id": server.access_key, "secret_access_key": server.secret_key}
    return Context("lab", s3_endpoint=server.url, bucket=bucket.name, namespace="team", **keys)


@pytest.fixture
def watcher(bucket: Any, tmp_path: Path) -> Iterator[Watcher]:
    server = bucket.server
    arguments = ("--runtime", "local", "--state-dir", str(tmp_path / "state"), "--s3-endpoint", server.endpoint)
    env = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    with Watcher(tmp_path / "watcher.log", *arguments, "--bucket", bucket.name, **env) as started:
        yield started


@pytest.fixture
def user(tmp_path: Path, context: Context, watcher: Watcher) -> User:
    folder = tmp_path / "home"
    folder.mkdir()
    return User(folder, Context(**{**as_fields(context), "watcher": f"http://127.0.0.1:{watcher.port}"}))


def as_fields(context: Context) -> dict[str, str]:
    return {name: getattr(context, name) for name in Context.__slots__}


def test_push_ends_with_a_curl_that_answers_and_a_broken_version_with_the_reason(user: User) -> None:
    user.save("people.joblib", PEOPLE)
    (user.folder / "rows.json").write_text(json.dumps(ROWS))
    done = user.run("push", "people.joblib", "--example", "rows.json")
    assert (done.returncode, done.stderr) == (0, "")
    words = [line.split()[0] for line in done.stdout.splitlines() if line]
    assert words[:3] == ["check", "uploaded", "seen"]
    assert words[-3:] == ["ready", words[-2], "curl"]
    curl = done.stdout.splitlines()[-1]
    assert '"age": 31.5, "city": "Rome"' in curl
    assert json.loads(subprocess.check_output(curl, shell=True))["predictions"] == ["no"]

    again = json.loads(user.run("push", "people.joblib", "-o", "json").stdout)
    assert (again["version"], again["state"], again["loads"]) == ("v2", "ready", "data")

    user.save("broken.joblib", {"not": "a model"})
    refused = user.run("push", "broken.joblib", "--name", "people")
    assert refused.returncode == 1
    assert "broken.joblib cannot be served: the file holds a dict" in refused.stderr
    failed = user.run("push", "broken.joblib", "--name", "people", "--no-check")
    assert failed.returncode == 3
    assert "people v3 failed: model.joblib holds a dict" in failed.stderr
    assert "v2 keeps serving" in failed.stderr
    assert failed.stderr.count("\n") == 1
    assert json.loads(subprocess.check_output(curl, shell=True))["predictions"] == ["no"]


def test_push_of_a_folder_brings_its_files(user: User) -> None:
    user.save("people/model.joblib", PEOPLE)
    (user.folder / "people" / "values.yaml").write_text("server: {maxValues: 3}\n")
    (user.folder / "people" / "input-example.json").write_text(json.dumps(ROWS[1:]))
    done = user.run("push", "people")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"age": 64.0, "city": "Oslo"' in done.stdout.splitlines()[-1]


def test_push_overwrites_only_when_told_to_and_waits_for_the_new_bytes(user: User) -> None:
    user.save("people.joblib", PEOPLE)
    assert user.run("push", "people.joblib").returncode == 0
    other = make_pipeline(*(step for _, step in PEOPLE.steps)).fit(pd.DataFrame(ROWS), ["left", "right"])
    user.save("people.joblib", other)
    refused = user.run("push", "people.joblib", "--version", "v1")
    assert refused.returncode == 1
    assert "team/people has a version v1 already, with other files" in refused.stderr
    done = user.run("push", "people.joblib", "--version", "v1", "--force")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(subprocess.check_output(done.stdout.splitlines()[-1], shell=True))["predictions"][0] in (
        "left",
        "right",
    )


def test_push_meets_what_is_wrong_around_it_in_one_line(user: User, context: Context, watcher: Watcher) -> None:
    user.save("people.joblib", PEOPLE)
    fields = {**as_fields(context), "watcher": f"http://127.0.0.1:{watcher.port}"}
    wrong = {
        "the secret key is wrong": {"secret_access_key": "wrong"},
        "there is no such bucket": {"bucket": "nothing-here"},
        "the store http://127.0.0.1:1 cannot be reached": {"s3_endpoint": "http://127.0.0.1:1"},
        "is uploaded, but not followed: no watcher answers at http://127.0.0.1:1": {"watcher": "http://127.0.0.1:1"},
    }
    for sentence, change in wrong.items():
        user.use(Context(**{**fields, **change}))
        done = user.run("push", "people.joblib", "--no-check")
        assert done.returncode == 1, done.stdout
        assert sentence in done.stderr
        assert done.stderr.count("\n") == 1
