"""The commands that manage models, against a real store and a real watcher with its servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from .driving import Uploads, Watcher, eventually, model
from .kubernetes_setup import Setup

VALUES = "# Ann's\nserver: {deadline: 2.0}  # seconds\n"


@dataclass
class User:
    """A person with a context that names the bucket, the watcher and the namespace `team`."""

    uploads: Uploads
    watcher: Watcher
    environment: dict[str, str]
    folder: Path
    more: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a pipe."""
        return subprocess.run(
            [sys.executable, "-m", "watcher", *arguments],
            env={**os.environ, **self.environment, **self.more},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def done(self, *arguments: str) -> str:
        """Run a command that must succeed, and return what it printed."""
        ended = self.run(*arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def version(self) -> tuple[str, str]:
        found = self.watcher.model("iris")
        return found["version"], found["state"]


@pytest.fixture
def user(minio_server: Any, bucket: Any, tmp_path: Path) -> Iterator[User]:
    keys = {"AWS_ACCESS_KEY_ID": minio_server.access_key, "AWS_SECRET_ACCESS_KEY": minio_server.secret_key}
    arguments = ("--runtime", "local", "--state-dir", str(tmp_path / "state"))
    store = ("--s3-endpoint", minio_server.endpoint, "--bucket", bucket.name)
    config = {"KUBESERVE_CONFIG": str(tmp_path / "contexts.yaml")}
    with Watcher(tmp_path / "watcher.log", *arguments, *store, **keys) as watcher:
        found = User(Uploads(bucket.client, bucket.name), watcher, config, tmp_path, keys)
        where = ("--watcher", f"http://127.0.0.1:{watcher.port}", "-n", "team", "--keys-from-env")
        found.done("context", "set", "lab", *store, *where)
        found.more = {}  # from now on the keys are the context's
        for version, answer in (("v1", "one"), ("v2", "two")):
            found.uploads.put(f"team/iris/{version}/model.joblib", model(answer))
        eventually(lambda: found.version() == ("v2", "Ready"))
        yield found


def test_a_version_is_pinned_paused_and_rolled_back_in_the_bucket(user: User) -> None:
    user.uploads.put("team/iris/values.yaml", VALUES.encode())
    user.done("pin", "iris", "v1", "--wait")
    assert user.version() == ("v1", "Ready")
    user.done("unpin", "iris", "--wait")
    assert user.version() == ("v2", "Ready")
    user.uploads.put("team/iris/v3/model.joblib", b"this is not a model")
    eventually(lambda: user.version() == ("v3", "Failed"))
    assert user.run("status", "iris").returncode == 3
    assert "rolled back from v3 to v2" in user.done("rollback", "iris", "--wait")
    assert user.version() == ("v2", "Ready")
    assert user.run("pin", "iris", "v3", "--wait").returncode == 3
    user.done("pause", "iris", "--wait")
    shown = json.loads(user.done("resume", "iris", "-o", "json"))
    assert shown["values"] == {"server": {"deadline": 2.0}, "version": "v3"}
    user.done("unpin", "iris")
    user.uploads.put("team/iris/v1/values.yaml", b"server: {deadline: 4.0}\n")
    assert "+          value: '2'" in user.done("diff", "iris", "v1", "v2").splitlines()
    history = json.loads(user.done("history", "iris", "-o", "json"))["versions"]
    assert [item["version"] for item in history] == ["v3", "v2", "v1"]
    assert user.uploads.get("team/iris/values.yaml").decode() == VALUES


def test_a_version_and_then_the_model_are_deleted(user: User) -> None:
    refused = user.run("delete", "iris", "--version", "v2")
    assert (refused.returncode, len(user.uploads.keys())) == (2, 2)
    user.done("delete", "iris", "--version", "v2", "--yes", "--wait")
    assert user.version() == ("v1", "Ready")
    user.done("delete", "iris", "--yes", "--wait")
    assert user.uploads.keys() == ["_deleted/team/iris"]  # it tells the watcher that the listing is to be believed
    assert user.watcher.state("iris") is None


def test_the_log_of_a_broken_version_is_read_and_followed(user: User) -> None:
    user.uploads.put("team/iris/v3/model.joblib", b"this is not a model")
    eventually(lambda: user.version() == ("v3", "Failed"))
    ended = user.run("logs", "iris", "--version", "v3")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.startswith("team/iris v3 is Failed: ")
    assert "not a model that joblib can load" in ended.stdout
    assert all(line.startswith("v3 | ") for line in ended.stdout.splitlines())
    following = subprocess.Popen(
        [sys.executable, "-m", "watcher", "logs", "iris", "-f", "--tail", "0"],
        env={**os.environ, **user.environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert following.stdout
        user.uploads.put("team/iris/v4/model.joblib", model("four"))
        assert next(line for line in following.stdout if line.startswith("v4 | "))
        following.send_signal(signal.SIGINT)
        assert following.wait(60) == 130
    finally:
        following.kill()
        following.communicate()


def test_a_paused_model_on_a_cluster_is_left_alone_until_it_is_resumed(
    setup: Setup, minio_server: Any, tmp_path: Path
) -> None:
    setup.put("iris/v1/model.joblib")
    keys = {"AWS_ACCESS_KEY_ID": minio_server.access_key, "AWS_SECRET_ACCESS_KEY": minio_server.secret_key}
    with setup.watcher() as watcher:
        where = {
            "S3_ENDPOINT": minio_server.endpoint,
            "BUCKET": setup.uploads.bucket,
            "NAMESPACE": setup.cluster.namespace,
        }
        variables = {f"KUBESERVE_{name}": value for name, value in where.items()}
        variables |= {"KUBESERVE_URL": f"http://127.0.0.1:{watcher.port}", "KUBESERVE_CONFIG": str(tmp_path / "none")}
        user = User(setup.uploads, watcher, {**variables, **keys}, tmp_path)
        eventually(lambda: setup.cluster.version("iris") == "v1")
        user.done("pause", "iris", "--wait")
        setup.put("iris/v2/model.joblib")
        eventually(lambda: "v2" in [item["version"] for item in watcher.model("iris")["versions"]])
        assert setup.cluster.version("iris") == "v1"
        assert "rolls out v2, the highest version" in user.done("resume", "iris")
        eventually(lambda: setup.cluster.version("iris") == "v2")
