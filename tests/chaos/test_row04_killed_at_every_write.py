"""Row 4: the watcher is killed before and after every write that it makes, and ends in the same objects."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import urllib3
from kubernetes import client

from tests.integration.driving import PROGRESS, Watcher
from watcher.core.types import FINGERPRINT

from .meddler import Answer, Lost, Request
from .rows import long_form, record
from .scene import Objects, Scene, surveys

ARGUMENTS = ("--workers", "1", "--no-listen-stream", "--poll-interval", "0.1", "--removal-delay", "0")
AT_REST = 5
"""Surveys. In an undisturbed run no write follows after so many."""
FIXED = b"autoscaling: {enabled: false}\ndeployment: {replicas: 3}"

Point = tuple[str, str, int, str]
"""A fault point: method and path of a write, its number among the different writes there, and `before` or `after`."""


Script = list[tuple[Callable[[], None], Callable[[], bool]]]
"""Steps: what to do, and when it is done."""


@dataclass
class Sweep:
    """Sees every write, and kills the watcher at the first visit of each point in `targets`; None: of every point."""

    scene: Scene
    targets: set[Point] | None
    points: set[Point] = field(default_factory=set)
    """Those of the models' objects: Events and status files follow a moment later, and not in each run."""
    hit: set[Point] = field(default_factory=set)
    contents: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    watcher: Watcher | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self, request: Request) -> None:
        if request.writes:
            self._visit(request, "before")

    def after(self, request: Request, _: Answer) -> None:
        if request.writes:
            self._visit(request, "after")

    def _visit(self, request: Request, when: str) -> None:
        point = (*self._write(request), when)
        if is_object(request):
            self.points.add(point)
        wanted = self.targets is None or point in self.targets
        if wanted and point not in self.hit:
            self.hit.add(point)
            with self.lock:
                assert self.watcher
                self.watcher.kill()
            raise Lost

    def keep_running(self) -> None:
        """Start a watcher if none runs."""
        if self.watcher is None or self.watcher.ended:
            with self.lock:
                owner = ("--owner", self.scene.cluster.namespace, "--pod-s3-endpoint", "store:9000")
                self.watcher = self.scene.watcher(*ARGUMENTS, *owner)
                self.watcher.begin()

    def _write(self, request: Request) -> tuple[str, str, int]:
        """Return what is the same in each run. Only objects differ by their content: all else contains times."""
        path = request.path.partition("?")[0].replace(self.scene.cluster.namespace, "NAMESPACE")
        if not is_object(request):
            return request.method, f"{path} (beside the objects)", 0
        place, digest = (request.method, path), hashlib.sha256(request.body).digest()
        seen = self.contents.setdefault(place, [])
        if digest not in seen:
            seen.append(digest)
        return (*place, seen.index(digest))


def run(scene: Scene, targets: set[Point] | None, expected: Objects | None = None) -> tuple[Objects, Sweep]:
    """Play the script until the objects are the `expected` ones. A watcher that was killed is started again."""
    sweep = Sweep(scene, targets)
    for proxy in (scene.api, scene.store):
        proxy.before, proxy.after = sweep.before, sweep.after

    def until(done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PROGRESS
        while not answer_of(done):
            assert time.monotonic() < deadline, scene.log.read_text()[-3000:]
            sweep.keep_running()
            time.sleep(0.05)

    def is_fixed() -> bool:
        return "HPA" not in scene.kinds("a") and scene.cluster.deployment("a").spec.replicas == 3

    def is_final() -> bool:
        if expected is None:
            return sweep.watcher is not None and surveys(sweep.watcher) > AT_REST
        return scene.comparable() == expected

    begin: Script = [(lambda: scene.put("a/v1/model.joblib", b"a1"), lambda: scene.is_up("a"))]
    change: Script = [
        (lambda: scene.put("b/v1/model.joblib", b"b1"), lambda: scene.is_up("b")),
        (lambda: scene.put("a/values.yaml", FIXED), is_fixed),
        (lambda: scene.put("a/v2/model.joblib", b"a2"), lambda: scene.cluster.version("a") == "v2"),
        (lambda: scene.delete("a/values.yaml"), lambda: scene.is_up("a")),
        (lambda: scene.delete("b/v1/model.joblib"), lambda: not scene.kinds("b")),
    ]
    script = [*begin, *(change if long_form() else change[2:3]), (lambda: None, is_final)]
    for act, done in script:
        act()
        until(done)
    assert sweep.watcher
    sweep.watcher.end()
    return scene.comparable(), sweep


def answer_of(look: Callable[[], bool]) -> bool:
    """Return the answer, False if there is none: a watcher was killed, or an object is missing at this moment."""
    with suppress(client.ApiException, urllib3.exceptions.HTTPError, KeyError):
        return look()
    return False


def test_watcher_killed_before_and_after_every_write_ends_in_the_same_objects(scenes: Callable[[], Scene]) -> None:
    expected, undisturbed = run(scenes(), set())
    _, disturbed = run(scenes(), None, expected)
    assert undisturbed.points <= disturbed.hit
    runs = [disturbed]
    if long_form():
        for point in sorted(undisturbed.points):
            runs.append(run(scenes(), {point}, expected)[1])
            assert runs[-1].hit == {point}
    kills = sum(len(each.hit) for each in runs)
    record(4, "the same objects", f"100 % of {len(undisturbed.points)} fault points, {kills} kills in {len(runs)} runs")


def is_object(request: Request) -> bool:
    """Return whether a write is of a model's object: all that are applied have a fingerprint."""
    return request.method == "DELETE" or FINGERPRINT.encode() in request.body
