"""Real servers for the fault table, with proxies in front of them. The fixtures are those of the integration tests."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from kubernetes import config

from tests.integration.conftest import _tool, minio_server  # noqa: F401
from tests.integration.control_plane import ControlPlane
from tests.integration.driving import Cluster, Uploads

from .forks import Nursery
from .scene import Scene

SERVICES = {"service-cluster-ip-range": "10.0.0.0/16"}
"""Every model has a Service, and the default range of the tests has only 254 addresses."""


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    for name in ("etcd", "kube-apiserver", "kube-controller-manager"):
        _tool(name)
    with ControlPlane(tmp_path_factory.mktemp("control-plane"), api_flags=SERVICES) as plane:
        yield plane


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery() as found:
        yield found


@pytest.fixture
def scenes(minio_server: Any, control_plane: Any, nursery: Nursery, tmp_path: Path) -> Iterator[Callable[[], Scene]]:  # noqa: F811
    """Return a function that makes a bucket, a namespace, and a proxy in front of each server."""
    with ExitStack() as stack:
        api = stack.enter_context(config.new_client_from_config(str(control_plane.kubeconfig)))

        def make() -> Scene:
            name = f"chaos-{secrets.token_hex(4)}"
            store = minio_server.client()
            store.make_bucket(name)
            cluster = Cluster(api, name)
            cluster.core.create_namespace({"metadata": {"name": name}})
            folder = tmp_path / name
            folder.mkdir()
            return Scene(Uploads(store, name), cluster, minio_server, control_plane, nursery, folder, stack)

        yield make


@pytest.fixture
def scene(scenes: Callable[[], Scene]) -> Scene:
    return scenes()
