"""Row 17: after long churn the watcher is as large as before, and each model is right."""

from __future__ import annotations

import os
import random
import time

from tests.integration.driving import Watcher, eventually

from .rows import amount, record
from .scene import Scene, after_surveys
from .size import Size

SECONDS = float(os.environ.get("KUBESERVE_SOAK_SECONDS", "0")) or amount(6, 120)
NAMES = [f"m{number}" for number in range(12)]


def test_churn_leaves_every_model_right_and_the_watcher_as_large_as_before(scene: Scene) -> None:
    dice, models = random.Random(17), dict[str, dict[str, bytes]]()
    with scene.watcher("--max-delete-fraction", "1", "--removal-delay", "0") as watcher:
        for name in NAMES:
            upload(scene, models, name, "v1", b"0")
        settle(scene, watcher, models)
        before, steps, end = Size(watcher.pid), 0, time.monotonic() + SECONDS
        while time.monotonic() < end or steps < len(NAMES):
            churn(scene, dice, models)
            steps += 1
            time.sleep(0.02)
        for name in NAMES:
            upload(scene, models, name, "v1", b"0")
        settle(scene, watcher, models)
        after = Size(watcher.pid)
        assert after.threads <= before.threads + 4
        assert after.descriptors <= before.descriptors + 16
        assert after.mib < before.mib + 24
    record(17, "soak", f"{steps:,} changes in {SECONDS:.0f} s; before {before}; after {after}; every model right")


def churn(scene: Scene, dice: random.Random, models: dict[str, dict[str, bytes]]) -> None:
    """Upload a version, overwrite one, or delete one, which is a rollback or the end of the model."""
    name, version = dice.choice(NAMES), f"v{dice.randint(1, 3)}"
    if version in models[name] and dice.random() < 0.4:
        del models[name][version]
        scene.delete(f"{name}/{version}/model.joblib")
    else:
        upload(scene, models, name, version, b"%d" % dice.randrange(1000))


def upload(scene: Scene, models: dict[str, dict[str, bytes]], name: str, version: str, data: bytes) -> None:
    models.setdefault(name, {})[version] = data
    scene.put(f"{name}/{version}/model.joblib", data)


def settle(scene: Scene, watcher: Watcher, models: dict[str, dict[str, bytes]]) -> None:
    """Wait until each model has the version and the bytes that it should have."""
    expected = {}
    for name, versions in models.items():
        if versions:
            path = f"{name}/{max(versions)}/model.joblib"
            expected[name] = (max(versions), scene.uploads.etag(f"{scene.cluster.namespace}/{path}"))
    eventually(lambda: running(scene) == expected)
    after_surveys(watcher, 3)


def running(scene: Scene) -> dict[str, tuple[str, str]]:
    """Return the version and the digest of each model that runs."""
    found = scene.cluster.apps.list_namespaced_deployment(scene.cluster.namespace).items
    marks = {
        item.metadata.name.removesuffix("-model-serving"): item.spec.template.metadata.annotations for item in found
    }
    return {name: (each["kubeserve.io/version"], each["kubeserve.io/etag"]) for name, each in marks.items()}
