"""Row 3: the API server is away, slow, or answers whatever it likes. Nothing is lost, and nothing grows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from tests.integration.driving import Watcher, eventually

from .meddler import Answer, Lost, Request, holding
from .rows import amount, record
from .scene import Scene, after_surveys, source
from .size import Size

JSON = {"Content-Type": "application/json"}


def refused(status: int, reason: str, **headers: str) -> Callable[[Request], Answer]:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "code": status,
        "message": "no",
    }
    return lambda _: (status, {**JSON, **headers}, json.dumps(body).encode())


def lost(_: Request) -> Answer:
    raise Lost


FAULTS: dict[str, Callable[[Request], Answer]] = {
    "500": refused(500, "InternalError"),
    "429, Retry-After: 3600": refused(429, "TooManyRequests", **{"Retry-After": "3600"}),
    "503, Retry-After: 3600": refused(503, "ServiceUnavailable", **{"Retry-After": "3600"}),
    "409": refused(409, "Conflict"),
    "HTML": lambda _: (200, {"Content-Type": "text/html"}, b"<html><body>log in</body></html>"),
    "an empty answer": lambda _: (200, JSON, b""),
    "half a JSON": lambda _: (200, JSON, b'{"kind": "DeploymentList", "items": [{"metadata"'),
    "no answer": lost,
}


def test_api_server_that_fails_in_any_way_loses_nothing(scene: Scene) -> None:
    lasting = amount(1, 40)
    with scene.watcher("--poll-interval", "1") as watcher:
        scene.put("a/v1/model.joblib", b"first")
        eventually(lambda: scene.is_up("a"))
        after_surveys(watcher, 2)
        before, uid = Size(watcher.pid), scene.cluster.deployment("a").metadata.uid
        seconds = {name: outage(scene, watcher, fault, lasting) for name, fault in FAULTS.items()}
        assert scene.cluster.deployment("a").metadata.uid == uid
        after = Size(watcher.pid)
        assert after.mib < before.mib + 32
        assert after.threads <= before.threads + 8
    worst = max(seconds, key=lambda name: seconds[name])
    figures = f"{len(seconds)} ways to fail, {lasting} s each; at most {seconds[worst]:.1f} s ({worst})"
    record(3, "applied after the return", f"{figures}; {after.mib - before.mib:+.0f} MiB")


def outage(scene: Scene, watcher: Watcher, fault: Callable[[Request], Answer], lasting: float) -> float:
    """Upload during a fault; return how many seconds after its end the upload is applied."""
    scene.api.before = fault
    scene.put("a/v1/model.joblib", f"{time.monotonic()}".encode())
    eventually(lambda: not source(watcher, "poll")["live"])
    time.sleep(lasting)  # how long the fault lasts, which the row names
    etag = scene.uploads.etag(f"{scene.cluster.namespace}/a/v1/model.joblib")
    scene.api.leave_alone()
    began = time.monotonic()
    eventually(lambda: scene.etag("a") == etag)
    seconds = time.monotonic() - began
    eventually(lambda: source(watcher, "poll")["live"])
    return seconds


def test_api_server_that_holds_every_request_is_reported_and_loses_nothing(scene: Scene) -> None:
    with holding() as hold, scene.watcher("--poll-interval", "1") as watcher:
        scene.put("a/v1/model.joblib", b"first")
        eventually(lambda: scene.is_up("a"))
        scene.api.before = hold
        scene.put("a/v1/model.joblib", b"second")
        eventually(lambda: not source(watcher, "poll")["live"])
        etag = scene.uploads.etag(f"{scene.cluster.namespace}/a/v1/model.joblib")
        scene.api.leave_alone()
        began = time.monotonic()
        eventually(lambda: scene.etag("a") == etag)
    record(3, "silent", f"applied {time.monotonic() - began:.1f} s after its return")
