"""Secrets are planted wherever one is given, and searched for wherever something is shown: none may appear.

A real watcher between a real MinIO, whose root has a planted key, and a real API server.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
import yaml

from dev import tools
from dev.minio_server import MinioServer

from .driving import Cluster, Uploads, Watcher, eventually, model

MARK = "planted"
KEYS = ("key-of-the-store", f"{MARK}-secret-of-the-store")
POD_KEYS = (KEYS[0], KEYS[1])
"""The pods' URLs are signed with the same pair: one that MinIO knows."""
TOKEN = f"{MARK}-token-of-the-webhook"
LOGIN = f"{MARK}-password-in-a-url"
SIGNATURE = "X-Amz-Signature"
SIGNED = f"{SIGNATURE}=[^…]"
"""The query of a signed URL, which is as good as a key, unless it is masked."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MinioServer]:
    with MinioServer(
        tools.find("minio"),
        tmp_path / "minio",
        tmp_path / "minio.log",
        access_key=KEYS[0],
        secret_key=KEYS[1],
        bucket="models",
    ) as server:
        yield server


class Site:
    """A watcher with planted secrets, and commands beside it with the same environment."""

    def __init__(self, folder: Path, store: MinioServer, cluster: Cluster, kubeconfig: Path) -> None:
        self.store, self.cluster, self.log = store, cluster, folder / "watcher.log"
        self.uploads = Uploads(store.client(), store.bucket)
        self.kubeconfig = self._with_plugin(kubeconfig, folder)
        self.env = {
            "AWS_ACCESS_KEY_ID": KEYS[0],
            "AWS_SECRET_ACCESS_KEY": KEYS[1],
            "KUBESERVE_POD_AWS_ACCESS_KEY_ID": POD_KEYS[0],
            "KUBESERVE_POD_AWS_SECRET_ACCESS_KEY": POD_KEYS[1],
            "KUBESERVE_WEBHOOK_TOKEN": TOKEN,
            "KUBESERVE_BUCKET": store.bucket,
            "KUBESERVE_S3_ENDPOINT": store.endpoint,
            "KUBESERVE_CONFIG": str(folder / "contexts.yaml"),
            "KUBECONFIG": str(self.kubeconfig),
            "HOME": str(folder),
        }

    def _with_plugin(self, kubeconfig: Path, folder: Path) -> Path:
        """Return a kubeconfig whose token comes from a plugin, which also writes down the names in its environment."""
        document = yaml.safe_load(kubeconfig.read_text())
        (user,) = (item["user"] for item in document["users"])
        answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
        answer["status"] = {"token": user["token"]}  # type: ignore[assignment]
        self.token, self.inherited = user["token"], folder / "inherited"
        (folder / "answer").write_text(json.dumps(answer))
        script = folder / "plugin"
        script.write_text(f"#!/bin/sh\nenv | cut -d= -f1 >{self.inherited}\ncat {folder / 'answer'}\n")
        script.chmod(0o755)
        version = "client.authentication.k8s.io/v1"
        document["users"][0]["user"] = {
            "exec": {"apiVersion": version, "command": str(script), "interactiveMode": "Never"}
        }
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(document))
        return path

    def watcher(self, *arguments: str, **env: str) -> Watcher:
        flags = ("--kubeconfig", str(self.kubeconfig), "--namespaces", self.cluster.namespace, "--log-level", "debug")
        return Watcher(self.log, *flags, *arguments, **{**self.env, **env})

    def command(self, *arguments: str, **env: str) -> str:
        """Return all that a command prints, whatever its exit code."""
        command = [sys.executable, "-m", "watcher", *arguments]
        variables = {**os.environ, **self.env, **env}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=300)
        assert done.stdout + done.stderr
        return done.stdout + done.stderr

    def status_file(self, key: str) -> bytes:
        """Return what the watcher wrote beside a version; b"" if it has not yet."""
        client, bucket = self.store.client(), self.store.bucket
        found = {item.object_name for item in client.list_objects(bucket, recursive=True)}
        return self.uploads.get(key) if key in found else b""

    def events(self) -> str:
        found = self.cluster.core.list_namespaced_event(self.cluster.namespace).items
        return "\n".join(str(item.message) for item in found)


@pytest.fixture
def site(tmp_path: Path, store: MinioServer, cluster: Cluster, control_plane: object) -> Site:
    return Site(tmp_path, store, cluster, control_plane.kubeconfig)  # type: ignore[attr-defined]


def require_none(site: Site, shown: dict[str, str]) -> None:
    """Fail if something that is shown has a secret."""
    assert all(shown.values()), [name for name, text in shown.items() if not text]
    for secret in (MARK, SIGNED, site.token):
        assert [name for name, text in shown.items() if re.search(secret, text)] == []


def test_no_secret_is_shown_by_a_watcher_and_by_the_commands(site: Site) -> None:
    namespace = site.cluster.namespace
    site.uploads.put(f"{namespace}/iris/v1/model.joblib", model("one"))
    site.uploads.put(f"{namespace}/wrong/v1/model.joblib", model("one"))
    site.uploads.put(f"{namespace}/wrong/values.yaml", b"autoscaling: {maxReplicas: many}")
    with site.watcher() as watcher:
        eventually(lambda: watcher.state("wrong") == "Rejected")
        deployment = eventually(lambda: site.cluster.deployment("iris"))
        eventually(lambda: "maxReplicas" in site.events())
        status_file = eventually(lambda: site.status_file(f"{namespace}/wrong/v1/_status.json"))
        inherited = site.inherited.read_text().split()  # by the watcher's plugin, before that of the commands
        url = f"http://127.0.0.1:{watcher.port}"
        refused = urllib3.request("POST", f"{url}/events", headers={"Authorization": f"Bearer x{TOKEN}"}, body=b"{}")
        accepted = urllib3.request("POST", f"{url}/events", headers={"Authorization": f"Bearer {TOKEN}"}, body=b"{")
        assert (refused.status, accepted.status) == (401, 400)
        key = f"s3://{site.store.bucket}/{namespace}/iris/v1/model.joblib"
        shown = {
            path: watcher.get(path).data.decode() for path in ("/", "/status", "/metrics", "/timeline", "/traffic")
        }
        shown |= {
            "an answer to a wrong token": refused.data.decode(),
            "an answer to a malformed event": accepted.data.decode(),
            "Events": site.events(),
            "_status.json": status_file.decode(),
            "the Deployment": str(deployment),
            "render": site.command("render", key),
            "render -o json": site.command("render", key, "-o", "json"),
            "status": site.command("status", "--url", url),
            "status -o json": site.command("status", "--url", url, "-o", "json"),
            "history": site.command("history", f"{namespace}/iris", "--url", url),
            "doctor": site.command("doctor", "--url", url),
            "doctor -o json": site.command("doctor", "--url", url, "-o", "json"),
            "context show": site.command("context", "show", "-o", "json"),
            "the log": site.log.read_text(),
        }
        assert SIGNATURE in str(site.cluster.objects())  # where it belongs: the ConfigMap that pods read
    require_none(site, {**shown, "the log at the end": site.log.read_text()})
    assert "AWS_SECRET_ACCESS_KEY" in inherited  # a cloud's plugin may need it
    assert not [name for name in inherited if "WEBHOOK_TOKEN" in name or "POD_AWS" in name]


@pytest.mark.parametrize(
    "wrong",
    [
        {"AWS_SECRET_ACCESS_KEY": f"{MARK}-and-wrong"},
        {"KUBESERVE_S3_ENDPOINT": f"http://user:{LOGIN}@127.0.0.1:9"},
        {"KUBESERVE_S3_ENDPOINT": f"http://127.0.0.1:9/?{SIGNATURE}={MARK}"},
        {"KUBESERVE_PROMETHEUS_URL": f"http://user:{LOGIN}@127.0.0.1:9"},
        {
            "HTTP_PROXY": f"http://user:{LOGIN}@127.0.0.1:9",
            "NO_PROXY": "",
            "KUBESERVE_S3_ENDPOINT": "http://store.test:9",
        },
        {"KUBESERVE_POD_AWS_ACCESS_KEY_ID": ""},
        {"KUBESERVE_URL": f"http://user:{LOGIN}@127.0.0.1:9"},
    ],
    ids=lambda wrong: "+".join(wrong),
)
def test_no_secret_is_shown_in_an_error(site: Site, wrong: dict[str, str]) -> None:
    shown = {
        name: site.command(*name.split(), **wrong)
        for name in ("doctor", "doctor -o json", "status", "context show", "push none.joblib")
    }
    site.uploads.put(f"{site.cluster.namespace}/iris/v1/model.joblib", model("one"))
    watcher = site.watcher("--poll-interval", "0.2", **wrong)
    watcher.begin()
    eventually(lambda: watcher.ended or "error" in watcher.log.read_text() or "cannot survey" in watcher.log.read_text()
               or _lives(watcher))  # fmt: skip
    if not watcher.ended:
        shown["/status"] = json.dumps(watcher.status())
        watcher.end()
    require_none(site, {**shown, "the log": site.log.read_text()})


def _lives(watcher: Watcher) -> bool:
    return bool(watcher.status()["models"])
