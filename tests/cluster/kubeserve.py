"""The watcher as Helm installs it, and what a user sees of it."""

from __future__ import annotations

from typing import Any

import urllib3

from dev.minio_server import MinioServer
from tests.integration.driving import eventually

from . import network
from .user import User

NAMESPACE = "kubeserve"
RELEASE = "kubeserve"
WEBHOOK_ADDRESS = network.SERVICE_SUBNET.replace("0/24", "80")
"""The watcher's Service: MinIO, outside the cluster, must know it before it starts."""
TOKEN = "token-of-the-webhook"


class Kubeserve:
    """One installed watcher."""

    def __init__(self, user: User) -> None:
        self._user = user

    def install(self, minio: MinioServer) -> None:
        self._user.helm(
            *("install", RELEASE, "manifests/charts/kubeserve", "--namespace", NAMESPACE, "--wait"),
            *("--set", f"s3.endpoint={minio.endpoint}", "--set", f"s3.bucket={minio.bucket}"),
            *("--set", f"s3.accessKey={minio.access_key}", "--set", f"s3.secretKey={minio.secret_key}"),
            *("--set", f"service.clusterIP={WEBHOOK_ADDRESS}", "--set", f"webhook.token={TOKEN}"),
            *("--set", "watch.allNamespaces=true"),
        )

    def status(self) -> dict[str, Any]:
        response = urllib3.request("GET", f"http://{WEBHOOK_ADDRESS}/status", timeout=5, retries=False)
        found: dict[str, Any] = response.json()
        return found

    def status_table(self) -> str:
        return self._user.kubectl(
            "exec", "--namespace", NAMESPACE, f"deployment/{RELEASE}", "--", "kubeserve", "status"
        )

    def model(self, name: str) -> dict[str, Any]:
        found: dict[str, dict[str, Any]] = {item["model"]: item for item in self.status()["models"]}
        return found[name]

    def is_ready(self, name: str, version: str) -> bool:
        found = self.model(name)
        return bool(found["state"] == "Ready" and found["version"] == version)

    def wait(self, name: str, version: str) -> None:
        eventually(lambda: self.is_ready(name, version), 60)
