"""The stores of `make run`: a MinIO or a folder."""

from __future__ import annotations

import io
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from watcher.client.contexts import Context

if TYPE_CHECKING:
    from pathlib import Path

    from dev.minio_server import MinioServer

BUCKET = "kubeserve-models"


class Store(Protocol):
    """The operations that `run` and `demo` need of a bucket."""

    def watcher_flags(self) -> list[str]:
        """Return the flags that point a watcher at the store."""

    def watcher_env(self) -> dict[str, str]:
        """Return the watcher's environment: credentials."""

    def empty(self) -> bool:
        """Return whether the store has no object."""

    def put(self, key: str, body: bytes) -> None:
        """Upload an object."""

    def context(self) -> Context:
        """Return how `kubeserve push` reaches the store."""

    def notify(self) -> None:
        """Make the store notify the watcher of changes, if it can. Otherwise the poll finds them."""

    def check(self) -> None:
        """Raise ChildError if the store ended."""


@dataclass(frozen=True)
class FolderStore:
    """A folder with the layout of a bucket."""

    path: Path

    def watcher_flags(self) -> list[str]:
        return ["--store", f"folder:{self.path}"]

    def watcher_env(self) -> dict[str, str]:
        return {}

    def empty(self) -> bool:
        return not any(path.is_file() for path in self.path.rglob("*"))

    def put(self, key: str, body: bytes) -> None:
        target = self.path / key
        target.parent.mkdir(parents=True, exist_ok=True)
        # The rename is atomic, so the watcher never sees half a file.
        partial = target.parent / f".{target.name}.{os.getpid()}"
        partial.write_bytes(body)
        partial.rename(target)

    def context(self) -> Context:
        return Context(store=f"folder:{self.path}")

    def notify(self) -> None:
        """Do nothing: the watcher watches a folder by itself."""

    def check(self) -> None:
        """Do nothing: a folder does not end."""


class MinioStore:
    """A running MinIO that sends its events to the watcher."""

    def __init__(self, server: MinioServer, token: str) -> None:
        self._server, self._token = server, token
        self._client = server.client()

    def watcher_flags(self) -> list[str]:
        # MinIO calls the webhook. Its listen stream delivers nothing, which the log would say again and again.
        flags = ["--s3-endpoint", self._server.endpoint, "--bucket", BUCKET, "--no-s3-secure"]
        return [*flags, "--no-listen-stream"]

    def watcher_env(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self._server.access_key,
            "AWS_SECRET_ACCESS_KEY": self._server.secret_key,
            "KUBESERVE_WEBHOOK_TOKEN": self._token,
        }

    def empty(self) -> bool:
        return not any(self._client.list_objects(BUCKET, recursive=True))

    def put(self, key: str, body: bytes) -> None:
        self._client.put_object(BUCKET, key, io.BytesIO(body), len(body))

    def context(self) -> Context:
        return Context(
            s3_endpoint=self._server.url,
            bucket=BUCKET,
            access_key_id=self._server.access_key,
            secret_access_key=self._server.secret_key,
        )

    def notify(self) -> None:
        self._server.notify()

    def check(self) -> None:
        self._server.check()


def new_token() -> str:
    """Return a token for the webhook, for one run."""
    return secrets.token_urlsafe(24)
