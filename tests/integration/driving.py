"""Drive the real watcher from tests: start it as a user would, upload, wait, and read its status."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import joblib
import urllib3
from kubernetes import client
from sklearn.dummy import DummyClassifier

from dev.processes import free_port
from watcher.core.signed_files import PREFIX, SIGNED

T = TypeVar("T")

PROGRESS = 180
"""Seconds. The limit of a wait for progress, for a busy machine. A duration under test is measured by itself."""


def eventually(look: Callable[[], T], seconds: float = PROGRESS) -> T:
    """Return the first true result of `look`; fail with its last result or error."""
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            last = look()
            if last:
                return last
        except (client.ApiException, urllib3.exceptions.HTTPError, KeyError, LookupError) as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"still {last!r} after {seconds} s")


def dumped(estimator: Any) -> bytes:
    """Return the bytes of the estimator's model.joblib."""
    file = io.BytesIO()
    joblib.dump(estimator, file)
    return file.getvalue()


def model(answer: str) -> bytes:
    """Return a model of one feature that always predicts `answer`."""
    return dumped(DummyClassifier(strategy="constant", constant=answer).fit([[0.0], [1.0]], [answer, "other"]))


class Watcher:
    """`python -m watcher run` with `arguments`, which stops with the test."""

    def __init__(self, log: Path, *arguments: str, port: int = 0, **env: str) -> None:
        self.port, self.log = port or free_port(), log
        self._command = [
            sys.executable,
            "-m",
            "watcher",
            "run",
            "--listen",
            f"127.0.0.1:{self.port}",
            "--poll-interval",
            "0.5",
            "--removal-delay",
            "0.5",
            *arguments,
        ]
        self._env = {**os.environ, **env}

    def __enter__(self) -> Self:
        self.begin()
        eventually(self._status_or_end)
        assert self._process.poll() is None, self.log.read_text()
        return self

    def begin(self) -> None:
        """Start the process, and do not wait for it."""
        self._process = self._started()

    def _started(self) -> Any:
        with self.log.open("ab") as log:
            return subprocess.Popen(self._command, env=self._env, stdout=log, stderr=log)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop the process as an orchestrator does. Its log must have no traceback."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            assert self._process.wait(PROGRESS) == 0, self.log.read_text()
        log = self.log.read_text()
        assert "Traceback" not in log, log

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """End the watcher without a chance to clean up."""
        self._process.kill()
        self._process.wait()

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        """Return the watcher's response."""
        return urllib3.request("GET", f"http://127.0.0.1:{self.port}{path}", timeout=60, retries=False)

    def _status_or_end(self) -> bool:
        return self._process.poll() is not None or bool(self.status())

    def status(self) -> dict[str, Any]:
        """Return the body of GET /status."""
        return self.get("/status").json()

    def model(self, name: str) -> dict[str, Any]:
        """Return a model's status."""
        return {item["model"]: item for item in self.status()["models"]}[name]  # a KeyError, which `eventually` awaits

    def state(self, name: str) -> str | None:
        """Return a model's state, None if it is not shown."""
        return next((item["state"] for item in self.status()["models"] if item["model"] == name), None)

    def cli(self, *arguments: str) -> str:
        """Return the output of another `python -m watcher` with the same settings."""
        flags = [*self._command[4:], ""]
        known = {"--s3-endpoint"}
        shared = [word for flag, value in itertools.pairwise(flags) if flag in known for word in (flag, value)]
        command = [*self._command[:3], *arguments, *(shared if arguments[0] == "render" else [])]
        return subprocess.run(command, env=self._env, check=True, capture_output=True, text=True).stdout


def lines_of(log: Path) -> list[dict[str, Any]]:
    """Return the log's lines."""
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


class Uploads:
    """Puts and deletes objects in one bucket."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self.bucket = s3, bucket

    def put(self, key: str, data: bytes = b"bytes of a model") -> None:
        """Upload an object."""
        self._s3.put_object(self.bucket, key, io.BytesIO(data), len(data))

    def get(self, key: str) -> bytes:
        """Return an object's bytes."""
        with self._s3.get_object(self.bucket, key) as response:
            return response.read()

    def etag(self, key: str) -> str:
        """Return the digest that the store has of an object."""
        return self._s3.stat_object(self.bucket, key).etag

    def keys(self) -> list[str]:
        """Return the keys of all objects, except what the watcher writes."""
        found = [item.object_name for item in self._s3.list_objects(self.bucket, recursive=True)]
        return [key for key in found if not key.endswith("/_status.json")]

    def delete(self, key: str) -> None:
        """Delete an object."""
        self._s3.remove_object(self.bucket, key)


class Cluster:
    """Reads one namespace of the API server."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self.namespace = namespace
        self.core, self.apps = client.CoreV1Api(api), client.AppsV1Api(api)
        self.scaling = client.AutoscalingV2Api(api)

    def deployment(self, model: str) -> Any:
        return self.apps.read_namespaced_deployment(f"{model}-model-serving", self.namespace)

    def version(self, model: str) -> str:
        return self.deployment(model).spec.template.metadata.annotations["kubeserve.io/version"]

    def hpa(self, model: str) -> Any:
        return self.scaling.read_namespaced_horizontal_pod_autoscaler(f"{model}-model-serving", self.namespace)

    def objects(self) -> dict[tuple[str, str], Any]:
        """Return the objects of the kinds that a model has, Secrets included, by kind and name."""
        lists = {
            "Deployment": self.apps.list_namespaced_deployment(self.namespace),
            "Service": self.core.list_namespaced_service(self.namespace),
            "HPA": self.scaling.list_namespaced_horizontal_pod_autoscaler(self.namespace),
            "Secret": self.core.list_namespaced_secret(self.namespace),
            "ConfigMap": self.core.list_namespaced_config_map(self.namespace),
        }
        every = ((kind, item) for kind, found in lists.items() for item in found.items)
        # Kubernetes puts this ConfigMap into each namespace.
        return {(kind, item.metadata.name): item for kind, item in every if item.metadata.name != "kube-root-ca.crt"}

    def writes(self) -> dict[tuple[str, str], list[Any]]:
        """Return who last wrote each object and when. Without the status, which controllers write at any time."""
        return {
            key: [item.metadata.uid]
            + [(each.manager, each.time) for each in item.metadata.managed_fields if each.subresource != "status"]
            for key, item in self.objects().items()
        }

    def contents(self) -> dict[tuple[str, str], Any]:
        """Return the objects without what the API server adds, which differs in every run."""
        found = {}
        for key, item in self.objects().items():
            plain = client.ApiClient().sanitize_for_serialization(item)
            meta = plain["metadata"]
            plain.pop("status", None)
            plain["metadata"] = {"labels": meta["labels"], "annotations": meta["annotations"]}
            for changing in ("deployment.kubernetes.io/revision", SIGNED):
                plain["metadata"]["annotations"].pop(changing, None)
            for entry in [name for name in plain.get("data", {}) if name.startswith(PREFIX)]:
                plain["data"].pop(entry)
            for mark in ("state", "last-good", "loaded"):  # they follow a moment later
                plain["metadata"]["labels"].pop(f"kubeserve.io/{mark}", None)
            for address in ("clusterIP", "clusterIPs"):
                plain.get("spec", {}).pop(address, None)
            found[key] = plain
        return found
