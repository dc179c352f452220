"""Row 1: the store dies in the middle of uploads. Each upload that it acknowledged is applied after its return."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from dev import tools
from dev.minio_server import MinioServer
from tests.integration.driving import Uploads, eventually

from .rows import amount, record
from .scene import Scene


@pytest.fixture
def store(tmp_path: Path) -> MinioServer:
    """Return a MinIO that this test may kill."""
    return MinioServer(tools.find("minio"), tmp_path / "mortal", tmp_path / "mortal.log", bucket="models")


def test_every_acknowledged_upload_is_applied_after_the_store_was_killed(scene: Scene, store: MinioServer) -> None:
    count, away = amount(24, 200), amount(1, 30)
    with store, scene.watcher("--s3-endpoint", store.endpoint, "--bucket", "models"):
        uploads = Uploads(store.client(), "models")
        acknowledged: dict[str, str] = {}
        for number in range(count):
            if number == count // 2:
                store.kill()
                time.sleep(away)  # how long the store is away, which the row names
                store.start()
            acknowledged[f"m{number}"] = upload(uploads, scene, f"m{number}")
        last = time.monotonic()
        eventually(lambda: applied(scene, acknowledged) == acknowledged)
        seconds = time.monotonic() - last
    record(1, "acknowledged uploads", f"all {count} applied, the last one {seconds:.1f} s after it was acknowledged")


def upload(uploads: Uploads, scene: Scene, name: str) -> str:
    """Upload a model of random bytes, and return their digest once the store has acknowledged them."""
    data = os.urandom(256)
    uploads.put(f"{scene.cluster.namespace}/{name}/v1/model.joblib", data)
    return hashlib.md5(data).hexdigest()


def applied(scene: Scene, wanted: dict[str, str]) -> dict[str, str]:
    """Return the digests that the pod templates name."""
    found = scene.cluster.apps.list_namespaced_deployment(scene.cluster.namespace).items
    by_name = {item.metadata.name.removesuffix("-model-serving"): item.spec.template.metadata for item in found}
    return {name: by_name[name].annotations["kubeserve.io/etag"] for name in wanted if name in by_name}
