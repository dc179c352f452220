"""A bucket of a real MinIO, a namespace of a real API server, and watchers between them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .driving import Cluster, Uploads, Watcher


class Setup:
    """A bucket, a namespace, and watchers between them."""

    def __init__(
        self,
        uploads: Uploads,
        cluster: Cluster,
        minio: Any,
        control_plane: Any,
        folder: Path,
        launch: Callable[..., Watcher] = Watcher,
    ) -> None:
        self._launch = launch
        self.uploads, self.cluster, self.minio, self.control_plane = uploads, cluster, minio, control_plane
        self.log, self.kubeconfig = folder / "watcher.log", control_plane.kubeconfig

    def watcher(self, *arguments: str, **env: str) -> Watcher:
        credentials = {
            "AWS_ACCESS_KEY_ID": self.minio.access_key,
            "AWS_SECRET_ACCESS_KEY": self.minio.secret_key,
        }
        return self._launch(
            self.log,
            "--kubeconfig",
            str(self.control_plane.kubeconfig),
            "--s3-endpoint",
            self.minio.endpoint,
            "--bucket",
            self.uploads.bucket,
            *arguments,
            **(credentials | env),
        )

    def put(self, path: str, data: bytes = b"bytes of a model") -> None:
        self.uploads.put(f"{self.cluster.namespace}/{path}", data)

    def delete(self, path: str) -> None:
        self.uploads.delete(f"{self.cluster.namespace}/{path}")


def names(cluster: Cluster) -> set[tuple[str, str]]:
    return set(cluster.objects())


def owners(cluster: Cluster) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the UIDs of the owners of each object, without the Deployment."""
    return {
        key: tuple(owner.uid for owner in item.metadata.owner_references or ())
        for key, item in cluster.objects().items()
        if key[0] != "Deployment"
    }


ALL_FOUR = {(kind, "iris-model-serving") for kind in ("Deployment", "Service", "HPA", "ConfigMap")}
