"""`make bench-startup`: measure upload → first prediction through the Service, and a bare `kubectl apply` of the same.

The two alternate in going first, twenty times, and the pod of one is gone before the other starts. The clock starts
when the upload is done, or when kubectl starts with the model already in the bucket. It stops at the first answer
through the Service's ClusterIP. The image is on the node.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3
from kubernetes import client, watch
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from dev.minio_server import MinioServer
from dev.sections import write_section
from tests.integration.driving import Uploads, dumped, eventually

from .kubeserve import Kubeserve
from .node import Node
from .user import User, step

ROUNDS = 20
UPLOADED, BARE = "uploaded", "bare"
OTHER_BUCKET = "bare-models"
"""A bucket that the watcher does not read."""
REQUEST = {"data": [[5.1, 3.5, 1.4, 0.2]]}
TIMEOUT = urllib3.Timeout(connect=0.05, read=5)
"""A connection that starts while kube-proxy writes its rules is neither refused nor delivered; it times out soon."""
PERFORMANCE = Path("docs/performance.md")


@dataclass(frozen=True)
class Way:
    """One way to get a model served in a namespace of its own; `start` returns when its clock starts."""

    namespace: str
    start: Callable[[], float]
    remove: Callable[[], object]


def test_startup_is_measured_next_to_a_bare_apply(
    user: User, node: Node, kubeserve: Kubeserve, ways: list[Way]
) -> None:
    for way in ways:
        user.namespace(way.namespace)
    kubeserve.upgrade("--set", "settings.max-delete-fraction=1")  # or the second deletion in a minute is held
    measured: dict[str, list[float]] = {way.namespace: [] for way in ways}
    for number in range(ROUNDS + 1):
        with step(f"round {number} of {ROUNDS}; round 0 is not counted"):
            for way in ways if number % 2 else reversed(ways):
                seconds = start_up(user, node, way, wait=number / ROUNDS)
                if number:
                    measured[way.namespace].append(seconds)
    text = table(measured)
    print(text)
    write_section(PERFORMANCE, "start-up", text)


def start_up(user: User, node: Node, way: Way, wait: float) -> float:
    # Kubelet checks its containers once a second, and shows right after such a check that a pod is gone. Without this
    # wait each round would start in step with it, and a few milliseconds would cost either a whole second or nothing.
    time.sleep(wait)
    seconds = until_answered(node, way.namespace, way.start())
    way.remove()
    eventually(lambda: user.get("pods,services,deployments", "--namespace", way.namespace)["items"] == [])
    return seconds


@pytest.fixture(scope="module")
def ways(user: User, uploads: Uploads, objects: str, model: bytes) -> list[Way]:
    key = f"{UPLOADED}/iris/v1/model.joblib"

    def upload() -> float:
        uploads.put(key, model)
        return time.monotonic()

    def apply() -> float:
        started = time.monotonic()
        user.kubectl("apply", "--filename", "-", stdin=objects)
        return started

    def delete() -> None:
        user.kubectl("delete", "--filename", "-", "--wait=false", stdin=objects)

    return [Way(UPLOADED, upload, lambda: uploads.delete(key)), Way(BARE, apply, delete)]


@pytest.fixture(scope="module")
def model() -> bytes:
    return dumped(LogisticRegression(max_iter=1000).fit(*load_iris(return_X_y=True)))


@pytest.fixture(scope="module")
def objects(minio: MinioServer, model: bytes) -> str:
    """Return what `kubeserve render` prints for the same model in a bucket without a watcher."""
    s3, key = minio.client(), f"{BARE}/iris/v1/model.joblib"
    s3.make_bucket(OTHER_BUCKET)
    s3.put_object(OTHER_BUCKET, key, io.BytesIO(model), len(model))
    credentials = {"AWS_ACCESS_KEY_ID": minio.access_key, "AWS_SECRET_ACCESS_KEY": minio.secret_key}
    command = [sys.executable, "-m", "watcher", "render", f"s3://{OTHER_BUCKET}/{key}", "--s3-endpoint", minio.endpoint]
    done = subprocess.run(command, env={**os.environ, **credentials}, check=True, capture_output=True, text=True)
    return done.stdout


def until_answered(node: Node, namespace: str, started: float) -> float:
    """Return the seconds from `started` until the one model of the namespace answers."""
    address = service_address(node, namespace)
    while not answers(f"http://{address}/predict"):
        assert time.monotonic() - started < 60, f"no answer in namespace {namespace}"
        time.sleep(0.01)
    return time.monotonic() - started


def service_address(node: Node, namespace: str) -> str:
    """Return the address of the namespace's Service as soon as it exists."""
    services = client.CoreV1Api(node.api).list_namespaced_service
    for event in watch.Watch().stream(services, namespace, timeout_seconds=180, _request_timeout=185):
        if event["type"] == "ADDED":
            return str(event["object"].spec.cluster_ip)
    raise AssertionError(f"no Service in namespace {namespace} within 180 s")


def answers(url: str) -> bool:
    try:
        return urllib3.request("POST", url, json=REQUEST, timeout=TIMEOUT, retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def table(measured: dict[str, list[float]]) -> str:
    rows = ["| from | median | middle half | fastest | slowest |", "| --- | --- | --- | --- | --- |"]
    for name, what in ((UPLOADED, "the end of the upload"), (BARE, "the start of `kubectl apply`, model in place")):
        low, median, high = statistics.quantiles(measured[name], n=4, method="inclusive")
        ends = f"{min(measured[name]):.2f} s | {max(measured[name]):.2f} s"
        rows.append(f"| {what} | {median:.2f} s | {low:.2f} to {high:.2f} s | {ends} |")
    ratio = statistics.median(measured[UPLOADED]) / statistics.median(measured[BARE])
    return "\n".join(
        [
            "## From upload to the first prediction on a cluster\n",
            f"Through the Service, image on the node, {ROUNDS} rounds; written by `make bench-startup`.",
            "They alternate in going first, and the pod of one is gone before the other starts. Kubelet checks its",
            "containers once a second, and a start waits for three such checks: after the download, after the server's",
            "start and after its startup probe. Hence the spread; the rounds start evenly spread over a second.\n",
            *rows,
            f"\nRatio of the medians: {ratio:.2f} (goal: 1.2 at most, and 3.5 s).",
        ]
    )
