"""Two watchers with the same owner and different buckets, on one API server: a mistake that must not cause a war."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from .driving import Cluster, Uploads, Watcher, eventually


@pytest.fixture
def clusters(control_plane: Any) -> Iterator[Callable[[], Cluster]]:
    with config.new_client_from_config(str(control_plane.kubeconfig)) as api:

        def make() -> Cluster:
            cluster = Cluster(api, f"team-{uuid.uuid4().hex[:8]}")
            cluster.core.create_namespace({"metadata": {"name": cluster.namespace}})
            return cluster

        yield make


@pytest.fixture
def watcher_of(control_plane: Any, minio_server: Any, tmp_path: Path) -> Callable[..., Watcher]:
    env = {"AWS_ACCESS_KEY_ID": minio_server.access_key, "AWS_SECRET_ACCESS_KEY": minio_server.secret_key}

    def make(bucket: str, owner: str) -> Watcher:
        arguments = ("--kubeconfig", str(control_plane.kubeconfig), "--s3-endpoint", minio_server.endpoint)
        return Watcher(tmp_path / f"{bucket}.log", *arguments, "--bucket", bucket, "--owner", owner, **env)

    return make


@pytest.fixture
def uploads(minio_server: Any) -> Callable[[], Uploads]:
    store = minio_server.client()

    def make() -> Uploads:
        name = f"test-{uuid.uuid4().hex[:12]}"
        store.make_bucket(name)
        return Uploads(store, name)

    return make


def different(look: Callable[[], Any], seconds: float) -> int:
    """Return how many different answers `look` gives within a time, one that is missing not counted."""
    answers, end = set(), time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(client.ApiException):
            answers.add(look())
        time.sleep(0.1)
    return len(answers)


def test_two_watchers_with_one_owner_do_not_remove_each_others_models_again_and_again(
    clusters: Callable[[], Cluster], watcher_of: Callable[..., Watcher], uploads: Callable[[], Uploads]
) -> None:
    ours, theirs = clusters(), clusters()
    a, b, owner = uploads(), uploads(), f"owner-{uuid.uuid4().hex[:8]}"
    a.put(f"{ours.namespace}/one/v1/model.joblib")
    for name in ("b1", "b2", "b3"):
        b.put(f"{theirs.namespace}/{name}/v1/model.joblib")
    with watcher_of(a.bucket, owner):
        eventually(lambda: ours.deployment("one"))
        with watcher_of(b.bucket, owner) as second:
            eventually(lambda: second.state("b3"))
            uids = different(lambda: ours.deployment("one").metadata.uid, seconds=15)
            assert uids <= 2  # removed once, made again once
            assert second.state("one") == "Held"
            assert "--owner" in second.model("one")["reason"]
            assert ours.deployment("one")


def test_two_watchers_with_one_owner_do_not_roll_the_same_model_back_and_forth(
    clusters: Callable[[], Cluster], watcher_of: Callable[..., Watcher], uploads: Callable[[], Uploads]
) -> None:
    cluster, owner = clusters(), f"owner-{uuid.uuid4().hex[:8]}"
    a, b = uploads(), uploads()
    a.put(f"{cluster.namespace}/one/v1/model.joblib", b"bytes of A")
    b.put(f"{cluster.namespace}/one/v1/model.joblib", b"bytes of B")
    with watcher_of(a.bucket, owner) as first:
        eventually(lambda: cluster.deployment("one"))
        with watcher_of(b.bucket, owner) as second:
            eventually(lambda: "Rejected" in {first.state("one"), second.state("one")}, seconds=60)
            generations = different(lambda: cluster.deployment("one").metadata.generation, seconds=10)
            assert generations <= 2  # the one that is not rejected may write once more
            reasons = {first.model("one")["reason"], second.model("one")["reason"]}
            assert any("something else keeps overwriting" in reason for reason in reasons)
