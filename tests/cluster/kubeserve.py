"""Install the watcher with Helm, and read its status as a user does."""

from __future__ import annotations

import base64
from typing import Any

import urllib3

from dev.minio_server import MinioServer
from tests.integration.driving import eventually

from . import network
from .user import User

NAMESPACE = "kubeserve"
RELEASE = "kubeserve"
CHART = "manifests/charts/kubeserve"


class Kubeserve:
    """One installed watcher."""

    def __init__(self, user: User) -> None:
        self._user, self._url = user, ""

    def install(self, minio: MinioServer, index: str, api_port: int) -> None:
        """Install the watcher for the store, with `index` as the package index of all models."""
        values = self._values(minio, index, api_port)
        self._user.helm("install", RELEASE, CHART, "--namespace", NAMESPACE, "--wait", *values)
        self._url = f"http://{self._user.cluster_ip(NAMESPACE, RELEASE)}"

    def upgrade(self, *arguments: str) -> None:
        where = ("--namespace", NAMESPACE, "--wait", "--reuse-values")
        self._user.helm("upgrade", RELEASE, CHART, *where, *arguments)

    def connect_webhook(self, minio: MinioServer) -> None:
        """Configure the webhook as the chart's notes say, with MinIO's admin API; MinIO restarts for it."""
        secret = self._user.get("secret", f"{RELEASE}-webhook", "--namespace", NAMESPACE)
        token = base64.b64decode(secret["data"]["KUBESERVE_WEBHOOK_TOKEN"]).decode()
        minio.set_webhook(f"{self._url}/events", token)
        eventually(minio.notify)

    def status(self) -> dict[str, Any]:
        response = urllib3.request("GET", f"{self._url}/status", timeout=5, retries=False)
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
        eventually(lambda: self.is_ready(name, version))

    @staticmethod
    def _values(minio: MinioServer, index: str, api_port: int) -> list[str]:
        values = {
            "s3.endpoint": minio.endpoint,
            "s3.bucket": minio.bucket,
            "s3.accessKey": minio.access_key,
            "s3.secretKey": minio.secret_key,
            "watch.allNamespaces": "true",
            "modelValues.download.pipIndexUrl": index,
            "modelValues.deployment.volumeLimits.tmp": "64Mi",
            # Neither the API server nor DNS are where clusters usually have them.
            "networkPolicy.egressPorts[0]": str(api_port),
            "networkPolicy.dns[0].ipBlock.cidr": f"{network.ADDRESS}/32",
        }
        return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
