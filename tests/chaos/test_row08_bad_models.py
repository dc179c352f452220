"""Row 8: a model that is corrupt, truncated, empty, or broken in another way. The version before it goes on serving."""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

from tests.integration.driving import Watcher, dumped, eventually, model
from tests.integration.pod_status import Kubelet, ended

from .forks import Nursery
from .rows import amount, record
from .scene import Scene, after_surveys


class Sleepy:
    """Never finishes to load."""

    def __reduce__(self) -> tuple[Any, ...]:
        return time.sleep, (3600,)


BAD: dict[str, Callable[[], bytes]] = {
    "corrupt": lambda: os.urandom(5000),
    "truncated": lambda: model("two")[:-40],
    "empty": lambda: b"",
    "no model": lambda: dumped({"a": "dict"}),
    "of a package that is missing": lambda: b"cnot_there\nThing\n.",
}
FAILED = {"Failed", "Rejected"}

FATES: dict[str, tuple[str, dict[str, Any]]] = {
    "cannot be loaded": ("inference-server", ended(1)),
    "cannot be fetched as it is": ("download-model", ended(65)),
}
"""What becomes of the pods of a bad version."""


@contextmanager
def asking(url: str) -> Iterator[Counter[str]]:
    """Yield the answers that a client gets which asks all the time."""
    answers: Counter[str] = Counter()
    stop = threading.Event()

    def ask() -> None:
        with urllib3.PoolManager(retries=False, timeout=60) as pool:
            while not stop.is_set():
                try:
                    answer = pool.request("POST", f"{url}/predict", json={"data": [[1.0]]})
                    answers[answer.data.decode() if answer.status == 200 else str(answer.status)] += 1
                except urllib3.exceptions.HTTPError as error:
                    answers[type(error).__name__] += 1
                time.sleep(0.005)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join()


def test_bad_version_is_shown_with_its_reason_while_the_one_before_it_serves(nursery: Nursery, tmp_path: Path) -> None:
    bucket = tmp_path / "bucket" / "team" / "iris"
    arguments = ("--runtime", "local", "--store", f"folder:{bucket.parents[1]}", "--state-dir", str(tmp_path / "state"))

    def put(version: str, data: bytes) -> Path:
        (bucket / version).mkdir(parents=True, exist_ok=True)
        (bucket / version / "model.joblib").write_bytes(data)
        return bucket / version / "model.joblib"

    put("v1", model("one"))
    with nursery.watcher(tmp_path / "watcher.log", *arguments) as watcher:
        eventually(lambda: watcher.state("iris") == "Ready")
        seconds: dict[str, float] = {}
        with asking(watcher.model("iris")["url"]) as answers:
            for kind, data in list(BAD.items())[: amount(2, len(BAD))]:
                began = time.monotonic()
                file = put("v2", data())
                eventually(lambda: watcher.state("iris") in FAILED and watcher.model("iris")["reason"])
                seconds[kind] = time.monotonic() - began
                file.unlink()
                eventually(lambda: watcher.state("iris") == "Ready")
            put("v2", pickle.dumps(Sleepy()))
            eventually(lambda: shows(watcher, "v2"))
            seen = answers.total()
            eventually(lambda: answers.total() > seen + 20)
        assert set(answers) == {'{"predictions":["one"]}'}
    worst = max(seconds, key=lambda kind: seconds[kind])
    record(
        8,
        "local runtime",
        f"{len(seconds)} kinds of bad models and one that never loads: {answers.total():,} requests to the "
        f"version before, 0 failed; each reason shown within {seconds[worst]:.1f} s",
    )


def shows(watcher: Watcher, version: str) -> bool:
    """Return whether the status is about a version, which serves or not."""
    return any(item["version"] == version for item in watcher.model("iris").get("versions", [])) or (
        watcher.state("iris") != "Ready"
    )


def test_good_version_goes_back_into_the_spec_and_the_same_bytes_are_not_tried_again(scene: Scene) -> None:
    kubelet, seconds = Kubelet(scene.cluster), dict[str, float]()
    with scene.watcher() as watcher:
        scene.put("iris/v1/model.joblib", b"good")
        kubelet.until(lambda: watcher.state("iris"), "Ready")
        good = scene.cluster.deployment("iris").spec.template
        for kind, fate in FATES.items():
            kubelet.bad = {"v2/model.joblib": fate}
            scene.put("iris/v2/model.joblib", kind.encode())
            began = time.monotonic()
            kubelet.until(lambda: watcher.state("iris"), "Failed")
            kubelet.until(lambda: scene.cluster.deployment("iris").spec.template == good)
            seconds[kind] = time.monotonic() - began
            assert "v1 keeps serving" in watcher.model("iris")["reason"]
            generation = scene.cluster.deployment("iris").metadata.generation
            after_surveys(watcher, 3)
            assert scene.cluster.deployment("iris").metadata.generation == generation
            scene.delete("iris/v2/model.joblib")
            kubelet.until(lambda: watcher.state("iris"), "Ready")
    worst = max(seconds, key=lambda kind: seconds[kind])
    record(8, "Kubernetes", f"the version before is back in the spec within {seconds[worst]:.1f} s ({worst})")
