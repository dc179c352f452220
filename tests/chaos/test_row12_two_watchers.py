"""Row 12: two watchers at once, one of them frozen and woken; two stores with the same names and defaults."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from dev import tools
from dev.minio_server import MinioServer
from tests.integration.driving import Uploads, eventually
from watcher.core.types import OWNER_LABEL

from .rows import amount, record
from .scene import Scene, after_surveys

NAMES = ("a", "b", "c", "d")


def test_watcher_that_was_frozen_changes_nothing_back_when_it_is_woken(scene: Scene) -> None:
    """Both have the same bucket and owner, as during a rolling update of the watcher itself."""
    frozen_for = amount(2, 60)
    with scene.watcher("--removal-delay", "0") as first, scene.watcher("--removal-delay", "0") as second:
        for name in NAMES:
            scene.put(f"{name}/v1/model.joblib")
        eventually(lambda: all(scene.is_up(name) for name in NAMES))
        os.kill(second.pid, signal.SIGSTOP)
        scene.put("a/v2/model.joblib")
        scene.delete("b/v1/model.joblib")
        scene.put("e/v1/model.joblib")
        eventually(lambda: scene.cluster.version("a") == "v2" and scene.is_up("e") and not scene.kinds("b"))
        time.sleep(frozen_for)  # the length of the freeze, which the row names
        before = scene.identities()
        os.kill(second.pid, signal.SIGCONT)
        for watcher in (second, first):
            after_surveys(watcher, 4)
        assert scene.identities() == before
        eventually(lambda: first.state("b") is None and second.state("b") is None)
    record(12, "one of two frozen", f"for {frozen_for} s, then woken: no object written, made or deleted")


def test_second_store_of_the_same_names_changes_nothing_of_the_first(scene: Scene, tmp_path: Path) -> None:
    name = scene.uploads.bucket
    with MinioServer(tools.find("minio"), tmp_path / "second", tmp_path / "second.log", bucket=name) as other:
        uploads = Uploads(other.client(), name)
        scene.put("a/v1/model.joblib", b"of the first")
        uploads.put(f"{scene.cluster.namespace}/a/v1/model.joblib", b"of the second")
        uploads.put(f"{scene.cluster.namespace}/z/v1/model.joblib", b"of the second")
        with scene.watcher() as first:
            eventually(lambda: scene.is_up("a"))
            before = {key: item for key, item in scene.identities().items() if key[1] == "a-model-serving"}
            with scene.watcher("--s3-endpoint", other.endpoint) as second:
                eventually(lambda: second.state("a") == "Rejected")
                eventually(lambda: scene.is_up("z"))
                for watcher in (first, second):
                    after_surveys(watcher, 3)
        after = scene.identities()
        assert before == {key: item for key, item in after.items() if key[1] == "a-model-serving"}
        assert scene.is_up("z")
        owners = {scene.cluster.deployment(model).metadata.labels[OWNER_LABEL] for model in ("a", "z")}
        assert len(owners) == 2
    record(12, "two stores", "kept apart: the second watcher rejects the model whose name is taken")
