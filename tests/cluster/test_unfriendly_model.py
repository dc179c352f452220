"""A model that means harm, on a real node where NetworkPolicies are enforced, while a neighbour answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from dev.minio_server import MinioServer
from tests.integration.driving import Uploads, eventually, model

from . import network
from .conftest import QuietHandler
from .kubeserve import NAMESPACE, RELEASE, Kubeserve
from .malice import Malice, liar
from .node import API_SERVICE, MAX_PROCESSES, Node
from .user import Load, User, load, predict, step

EVIL, VICTIM = "evil", "victim"
METADATA, INTERNET = "169.254.169.254", "203.0.113.7"
"""The address of the metadata of clouds, and one of the internet. Both answer on this node."""

CLOSED = (
    *("metadata", "internet", "API server", "API server of the node", "kubelet"),
    *("another model", "a pod of another model", "watcher", "package index"),
)
CONNECTS = """
import json, socket, sys
found = {}
for name, target in json.loads(sys.argv[1]).items():
    try:
        socket.create_connection(tuple(target), 3).close()
        found[name] = "connected"
    except OSError as error:
        found[name] = repr(error)
print(json.dumps(found))
"""


@dataclass
class Scene:
    """The malicious model, the load of its neighbour, and what a pod without a policy reaches of the same targets."""

    malice: Malice
    neighbour: Load
    reached_by_others: dict[str, str]


@pytest.fixture(scope="module")
def outside() -> Iterator[None]:
    """Let the addresses of the metadata and of the internet answer on port 80."""
    with ExitStack() as stack:
        for address in (METADATA, INTERNET):
            network.run("ip", "address", "add", f"{address}/32", "dev", "lo")
            stack.callback(network.run, "ip", "address", "delete", f"{address}/32", "dev", "lo")
            server = stack.enter_context(ThreadingHTTPServer((address, 80), QuietHandler))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
        yield


@pytest.fixture(scope="module")
def scene(
    user: User,
    node: Node,
    minio: MinioServer,
    kubeserve: Kubeserve,
    uploads: Uploads,
    wheels: tuple[Path, str],
    outside: None,
) -> Iterator[Scene]:
    for name in (EVIL, VICTIM):
        user.namespace(name)
    user.client_pod(EVIL)
    with step("upload victim/neighbour → Ready"):
        uploads.put(f"{VICTIM}/neighbour/v1/model.joblib", model("fine"))
        kubeserve.wait("neighbour", "v1")
    address = user.cluster_ip(VICTIM, "neighbour-model-serving")
    pod = user.get("pods", "--namespace", VICTIM)["items"][0]["status"]["podIP"]
    targets = {
        "store": (network.ADDRESS, 9000),
        "metadata": (METADATA, 80),
        "internet": (INTERNET, 80),
        "API server": (API_SERVICE, 443),
        "API server of the node": (network.ADDRESS, node.api_port),
        "kubelet": (network.ADDRESS, 10250),
        "another model": (address, 80),
        "a pod of another model": (pod, 80),
        "watcher": (user.cluster_ip(NAMESPACE, RELEASE), 80),
        "package index": (network.ADDRESS, int(wheels[1].rpartition(":")[2])),
    }
    store = {
        "STORE": f"http://{minio.endpoint}",
        "STORE_PATHS": [f"/{uploads.bucket}/", f"/{uploads.bucket}/{VICTIM}/neighbour/v1/model.joblib"],
    }
    malice = Malice(targets, SECRETS=[minio.access_key, minio.secret_key], **store)
    with step("upload evil/model v1, which is code → Ready"):
        uploads.put(f"{EVIL}/model/v1/values.yaml", b"server: {load: code}\nautoscaling: {enabled: false}")
        uploads.put(f"{EVIL}/model/v1/model.joblib", malice.data)
        kubeserve.wait("model", "v1")
    malice.url = f"http://{user.cluster_ip(EVIL, 'model-model-serving')}"
    eventually(lambda: malice.attempt("store"))
    with step("the network plugin has found the pod"):
        eventually(lambda: malice.attempt("internet") != "connected")
    others = user.kubectl("exec", "--namespace", EVIL, "client", "--", "python", "-c", CONNECTS, json.dumps(targets))
    with load(f"http://{address}", clients=2) as running:
        eventually(lambda: running.answers.total() > 100)
        yield Scene(malice, running, json.loads(others))


@pytest.mark.parametrize("target", CLOSED)
def test_model_reaches_nothing_that_other_pods_reach(scene: Scene, target: str) -> None:
    assert scene.reached_by_others[target] == "connected"
    assert scene.malice.attempt(target) == "ConnectionRefusedError"


def test_model_reaches_the_store_and_dns_and_gets_nothing_without_a_key(scene: Scene) -> None:
    assert scene.malice.attempt("store") == "connected"
    assert scene.malice.attempt("anonymous") == [403, 403]
    assert scene.malice.attempt("resolve") == API_SERVICE


def test_model_finds_no_key_and_no_token(scene: Scene) -> None:
    assert scene.malice.attempt("keys") == []


def test_model_is_nobody_and_writes_only_into_its_tmp(scene: Scene) -> None:
    assert scene.malice.attempt("who") == [10001, "0" * 16, "0" * 16, "1"]
    assert scene.malice.attempt("write") == []


def test_model_that_forks_without_end_is_stopped_by_the_limit_of_the_node(scene: Scene) -> None:
    count, reason = scene.malice.attempt("fork")
    assert reason == "EAGAIN"
    assert count < MAX_PROCESSES


def test_model_that_takes_all_memory_is_killed_at_its_limit(scene: Scene) -> None:
    assert scene.malice.attempt("memory") == 9


def test_model_that_fills_the_disk_is_evicted(scene: Scene, user: User) -> None:
    with step("400 MiB in a /tmp of 64Mi → the pod is evicted"):
        with suppress(urllib3.exceptions.HTTPError):  # evicted before it answers
            scene.malice.attempt("disk")
        eventually(lambda: any(is_evicted(item) for item in user.get("pods", "--namespace", EVIL)["items"]))


def is_evicted(pod: Any) -> bool:
    status = pod["status"]
    return status.get("reason") == "Evicted" and '"tmp" exceeds the limit "64Mi"' in status["message"]


def test_model_that_lies_in_its_last_words_is_shown_as_failed_in_one_plain_line(
    scene: Scene, kubeserve: Kubeserve, uploads: Uploads
) -> None:
    with step("upload evil/liar, which ends with escapes and a row of its own → Failed"):
        uploads.put(f"{EVIL}/liar/v1/values.yaml", b"server: {load: code}")
        uploads.put(f"{EVIL}/liar/v1/model.joblib", liar())
        found = eventually(lambda: (item := kubeserve.model("liar"))["state"] == "Failed" and item)
    assert "forged row" in found["reason"]
    assert found["reason"].isprintable()
    assert len(found["reason"]) <= 400
    rows = [line.split() for line in kubeserve.status_table().splitlines()]
    assert ["team", "victim"] not in [row[:2] for row in rows]
    assert not any("\x1b" in word or "\u202e" in word for row in rows for word in row)


def test_neighbour_answered_all_the_time(scene: Scene) -> None:
    seen = scene.neighbour.answers.total()
    eventually(lambda: scene.neighbour.answers.total() > seen + 100)
    print(f"           {scene.neighbour.answers.total()} requests, failed: {len(scene.neighbour.failures)}")
    assert scene.neighbour.failures == []
    assert set(scene.neighbour.answers) == {"['fine']"}
    eventually(lambda: predict(scene.malice.url) == ["idle"])  # its pod was replaced
