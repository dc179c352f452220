"""A real MinIO for development and the integration tests."""

from __future__ import annotations

import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.error import MinioException
from minio.notificationconfig import NotificationConfig, QueueConfig
from urllib3 import PoolManager, Retry
from urllib3.exceptions import HTTPError

from dev.processes import Child, ChildError, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_READY_SECONDS = 180  # generous, for a busy machine
WEBHOOK_ARN = "arn:minio:sqs::KUBESERVE:webhook"


class MinioServer:
    """A MinIO, by default on the loopback interface. The context manager waits until it answers."""

    def __init__(
        self,
        program: Path,
        data: Path,
        log: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        access_key: str = "minioadmin",
        secret_key: str = "minioadmin",  # noqa: S107 - a loopback server of the developer's own
        bucket: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.endpoint = f"{host}:{port or free_port()}"
        self.access_key, self.secret_key, self.bucket = access_key, secret_key, bucket
        command = [str(program), "server", "--quiet", "--address", self.endpoint]
        command += ["--console-address", f"127.0.0.1:{free_port()}", str(data)]
        settings = {
            "MINIO_ROOT_USER": access_key,
            "MINIO_ROOT_PASSWORD": secret_key,
            "MINIO_BROWSER": "off",
            **(env or {}),
        }
        self._data = data
        self._child = Child("MinIO", command, log, settings, grace=1.5)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server, wait until it answers, and create the bucket if it does not exist."""
        self._data.mkdir(parents=True, exist_ok=True)
        self._child.start()
        try:
            self._child.wait_until(self._ready, _READY_SECONDS)
            self._create_bucket()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server, and kill it after 1.5 s."""
        self._child.stop()

    def kill(self) -> None:
        """End the server without a chance to write anything. `start` starts it again, on the same data."""
        self._child.kill()

    def check(self) -> None:
        """Raise ChildError if the server ended by itself."""
        self._child.check()

    @property
    def url(self) -> str:
        """The server's address as a URL."""
        return f"http://{self.endpoint}"

    def client(self) -> Minio:
        """Return a new client with the root's credentials.

        For some seconds after its start MinIO answers 503 with a Retry-After of a minute, which the SDK would wait.
        """
        retries = Retry(total=8, backoff_factor=0.1, status_forcelist=(503,), respect_retry_after_header=False)
        return Minio(
            self.endpoint,
            access_key=self.access_key,
            secret_key=self.secret_key,
            secure=False,
            http_client=PoolManager(retries=retries, timeout=30),
        )

    def notify(self) -> bool:
        """Send events of the bucket's objects to the webhook. Return False if the server refuses."""
        events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
        config = NotificationConfig(queue_config_list=[QueueConfig(events=events, queue=WEBHOOK_ARN)])
        try:
            self.client().set_bucket_notification(self.bucket, config)
        except (MinioException, HTTPError):
            return False
        return True

    def set_webhook(self, url: str, token: str) -> None:
        """Configure the webhook of a running server, which restarts for it."""
        admin = MinioAdmin(
            endpoint=self.endpoint, credentials=StaticProvider(self.access_key, self.secret_key), secure=False
        )
        admin.config_set("notify_webhook:KUBESERVE", {"endpoint": url, "auth_token": token})
        admin.service_restart()
        self._child.wait_until(self._ready, _READY_SECONDS)

    def _ready(self) -> bool:
        url = f"{self.url}/minio/health/ready"
        # An answer other than success raises HTTPError, which is an OSError.
        with suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return True
        return False

    def _create_bucket(self) -> None:
        client = self.client()
        try:
            if self.bucket and not client.bucket_exists(self.bucket):
                client.make_bucket(self.bucket)
        except (MinioException, HTTPError) as error:
            raise ChildError(f"MinIO refused the bucket {self.bucket}; {self._child.where()} ({error}).") from error


def webhook_env(url: str, token: str) -> dict[str, str]:
    """Return MinIO's settings for sending events to `url`, in the form `notify` refers to."""
    prefix = "MINIO_NOTIFY_WEBHOOK"
    return {
        f"{prefix}_ENABLE_KUBESERVE": "on",
        f"{prefix}_ENDPOINT_KUBESERVE": url,
        f"{prefix}_AUTH_TOKEN_KUBESERVE": token,
    }
