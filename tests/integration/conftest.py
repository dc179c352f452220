"""Real servers for the integration tests. A tool that cannot be built fails the tests; none is skipped."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import config

from dev import debian, tools
from dev.minio_server import MinioServer

from .control_plane import ControlPlane
from .driving import Cluster, Uploads
from .helm import Helm
from .kubernetes_setup import Setup
from .prometheus_server import PROGRAMS, PrometheusServer
from .promtool import Promtool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minio import Minio


@dataclass(frozen=True)
class Bucket:
    """An empty bucket for one test."""

    name: str
    client: Minio
    server: MinioServer


@pytest.fixture(scope="session")
def minio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """Return a MinIO shared by all tests of this process."""
    directory = tmp_path_factory.mktemp("minio")
    with MinioServer(_tool("minio"), directory / "data", directory / "minio.log") as server:
        yield server


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Return a Kubernetes control plane shared by all tests of this process: use a namespace of your own."""
    for name in ("etcd", "kube-apiserver", "kube-controller-manager"):
        _tool(name)
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Return the real Helm."""
    return Helm(_tool("helm"))


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """Return the real promtool."""
    return Promtool(_tool("promtool"))


@pytest.fixture
def bucket(minio_server: MinioServer) -> Bucket:
    """Return a fresh bucket and a client for it."""
    name = f"test-{secrets.token_hex(6)}"
    client = minio_server.client()
    client.make_bucket(name)
    return Bucket(name, client, minio_server)


@pytest.fixture(scope="session")
def prometheus_installed() -> None:
    """Install Prometheus. These tests alone are skipped, where Debian's package cannot be installed."""
    try:
        debian.install(PROGRAMS)
    except debian.PackagesMissing as error:
        pytest.skip(f"NOT TESTED, there is no Prometheus: {error}")


@pytest.fixture
def prometheus(prometheus_installed: None, tmp_path: Path) -> Iterator[PrometheusServer]:
    """Return a Prometheus that the test starts."""
    server = PrometheusServer(tmp_path / "prometheus")
    yield server
    server.stop()


def _tool(name: str) -> Path:
    try:
        return tools.find(name)
    except tools.ToolUnavailable as error:
        pytest.fail(f"The tests need the real {name}: {error}", pytrace=False)


@pytest.fixture
def uploads(bucket: Any) -> Uploads:
    return Uploads(bucket.client, bucket.name)


@pytest.fixture
def cluster(control_plane: Any) -> Iterator[Cluster]:
    with config.new_client_from_config(str(control_plane.kubeconfig)) as api:
        found = Cluster(api, f"team-{uuid.uuid4().hex[:8]}")
        found.core.create_namespace({"metadata": {"name": found.namespace}})
        yield found


@pytest.fixture
def setup(uploads: Uploads, cluster: Cluster, minio_server: Any, control_plane: Any, tmp_path: Path) -> Setup:
    return Setup(uploads, cluster, minio_server, control_plane, tmp_path)
