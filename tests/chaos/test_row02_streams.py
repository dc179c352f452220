"""Row 2: connections that go dead without a close, and an event stream that ends cleanly again and again."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

from tests.integration.driving import eventually
from tests.integration.proxies import line

from .meddler import Answer, Request
from .rows import amount, record
from .scene import Scene, after_surveys, source


def test_connections_to_the_store_that_go_dead_are_noticed_and_replaced(scene: Scene) -> None:
    with line(scene.store.address) as wire, scene.watcher("--s3-endpoint", wire.address) as watcher:
        scene.put("a/v1/model.joblib", b"one")
        eventually(lambda: scene.is_up("a"))
        wire.drop()
        scene.put("a/v1/model.joblib", b"two")
        etag = scene.uploads.etag(f"{scene.cluster.namespace}/a/v1/model.joblib")
        began = time.monotonic()
        eventually(lambda: scene.etag("a") == etag)
        record(2, "all connections of the store half-open", f"applied after {time.monotonic() - began:.1f} s")
        eventually(lambda: source(watcher, "poll")["live"])


def test_store_that_is_silent_is_shown_and_seen_again_at_once(scene: Scene) -> None:
    with line(scene.store.address) as wire, scene.watcher("--s3-endpoint", wire.address) as watcher:
        after_surveys(watcher, 1)
        wire.silent = True
        began = time.monotonic()
        eventually(lambda: not source(watcher, "poll")["live"])
        noticed = time.monotonic() - began
        scene.put("a/v1/model.joblib", b"one")
        wire.drop()
        wire.silent = False
        began = time.monotonic()
        eventually(lambda: scene.is_up("a"))
        record(
            2, "the store silent", f"shown after {noticed:.1f} s, applied {time.monotonic() - began:.1f} s afterwards"
        )


def test_connections_to_the_api_server_that_go_dead_are_replaced(scene: Scene, tmp_path: Path) -> None:
    with line(scene.api.address) as wire:
        kubeconfig = json.loads(scene.through_proxies.read_text())
        kubeconfig["clusters"][0]["cluster"] = {"server": f"http://{wire.address}"}
        own = tmp_path / "kubeconfig"
        own.write_text(json.dumps(kubeconfig))
        with scene.watcher("--kubeconfig", str(own)):
            scene.put("a/v1/model.joblib", b"one")
            eventually(lambda: scene.is_up("a"))
            wire.drop()
            scene.put("a/v1/model.joblib", b"two")
            etag = scene.uploads.etag(f"{scene.cluster.namespace}/a/v1/model.joblib")
            began = time.monotonic()
            eventually(lambda: scene.etag("a") == etag)
            record(2, "all connections of the API server half-open", f"applied after {time.monotonic() - began:.1f} s")


def test_stream_that_ends_at_once_is_opened_at_most_once_a_second(scene: Scene) -> None:
    opened: list[float] = []

    def end_streams(request: Request) -> Answer | None:
        if "events=" not in request.path:
            return None
        opened.append(time.monotonic())
        return 200, {"Content-Type": "application/json"}, b" \n"

    scene.store.before = end_streams
    with scene.watcher() as watcher:
        eventually(lambda: opened)
        began, before, first = time.monotonic(), processor(watcher.pid), len(opened)
        count = amount(3, 30)
        eventually(lambda: len(opened) >= first + count)
        took, used = time.monotonic() - began, processor(watcher.pid) - before
        scene.put("a/v1/model.joblib")
        eventually(lambda: scene.is_up("a"))
    pauses = [later - earlier for earlier, later in itertools.pairwise(opened)]
    assert sum(pauses) / len(pauses) > 0.5
    record(2, "a stream that ends at once", f"{count / took:.2f} reconnects a second, {used / took:.1%} of a core")


def processor(pid: int) -> float:
    """Return the seconds of the processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
