"""The node, the store, the watcher. Everything runs inside the network namespace that `__main__` made."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dev import tools
from dev.minio_server import MinioServer
from tests.integration.driving import Uploads

from . import network
from .kubeserve import NAMESPACE, Kubeserve
from .node import Node
from .user import User, step

BUCKET = "kubeserve-models"


@pytest.fixture(scope="session")
def state() -> Path:
    if not network.is_inside():
        pytest.fail("the cluster tests run in a network namespace of their own: use `make test-cluster`", pytrace=False)
    return Path(os.environ["KUBESERVE_TEST_STATE"])


@pytest.fixture(scope="session")
def node(state: Path) -> Iterator[Node]:
    images = map(Path, os.environ["KUBESERVE_TEST_IMAGES"].split(os.pathsep))
    (state / "node").mkdir()
    with step("a node, with the images loaded"):
        found = Node(state / "node", Path(os.environ["KUBESERVE_TEST_RUN"]), state / "logs", images)
        found.__enter__()
    try:
        yield found
    finally:
        try:
            note_state(User(found.kubeconfig), state / "logs" / "cluster-state.txt")
        finally:
            found.__exit__()


def note_state(user: User, path: Path) -> None:
    """Write what a developer looks at first after a failed test."""
    questions = (("get", "all", "-A", "-o", "wide"), ("get", "events", "-A"), ("describe", "pods", "-A"))
    path.write_text("\n\n".join(user.kubectl(*question) for question in questions))


@pytest.fixture(scope="session")
def minio(state: Path) -> Iterator[MinioServer]:
    """Yield a MinIO on the node's address, which the pods reach too."""
    data, log = state / "node" / "minio", state / "logs" / "minio.log"
    with MinioServer(tools.find("minio"), data, log, host=network.ADDRESS, port=9000, bucket=BUCKET) as server:
        yield server


@pytest.fixture(scope="session")
def uploads(minio: MinioServer) -> Uploads:
    return Uploads(minio.client(), BUCKET)


@pytest.fixture(scope="session")
def user(node: Node) -> User:
    return User(node.kubeconfig)


@pytest.fixture(scope="session")
def kubeserve(user: User, node: Node, minio: MinioServer, wheels: tuple[Path, str]) -> Kubeserve:
    """Return the watcher, installed once for all tests, with a package index of our own for the models."""
    watcher = Kubeserve(user)
    with step("helm install kubeserve → its pod is ready"):
        user.namespace(NAMESPACE)
        watcher.install(minio, index=wheels[1], api_port=node.api_port)
    with step("the bucket's events go to its webhook"):
        watcher.connect_webhook(minio)
    return watcher


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Yield a folder, and the URL at which the pods find its files."""
    folder = tmp_path_factory.mktemp("wheels")
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer((network.ADDRESS, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://{network.ADDRESS}:{server.server_port}"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing."""
