from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from watcher.control.source_health import SourceHealth
from watcher.sources import folder_watch
from watcher.sources.base import Reporter
from watcher.sources.folder_watch import FolderWatch
from watcher.stores.folder import FolderBucket


class Watched:
    """A FolderWatch on `root`, with the hints that it gave."""

    def __init__(self, root: Path) -> None:
        self.hints: list[str] = []
        self.health = SourceHealth()
        self.watch = FolderWatch(root, Reporter("folder", self.hints.append, self.health))

    @property
    def status(self) -> Any:
        return self.health.all()[0]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    result = Watched(tmp_path / "bucket")
    yield result
    result.watch.stop()
    result.watch.join(10)


def eventually(look: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_file_gives_a_hint_that_is_counted(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    watched.watch.start()
    eventually(lambda: watched.status.live)
    (tmp_path / "bucket" / "a").write_bytes(b"x")
    eventually(lambda: "a" in watched.hints)
    eventually(lambda: watched.status.hints == len(watched.hints))


def test_what_the_watcher_writes_and_files_that_are_about_to_be_renamed_give_no_hint(
    watched: Watched, tmp_path: Path
) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    bucket.put("team/iris/v1/model.joblib", b"x")
    watched.watch.start()
    eventually(lambda: watched.hints)  # that of the start
    bucket.put("team/iris/v1/_status.json", b"{}")
    bucket.put("team/iris/v1/requirements.txt", b"y")
    eventually(lambda: watched.hints[-1])
    assert set(watched.hints) == {"", "team/iris/v1/requirements.txt"}
    assert watched.hints.count("") == 1


def test_a_folder_that_goes_away_is_reported_and_watched_again(watched: Watched, tmp_path: Path) -> None:
    folder = tmp_path / "bucket"
    folder.mkdir()
    watched.watch.start()
    eventually(lambda: watched.status.live)
    shutil.rmtree(folder)
    eventually(lambda: not watched.status.live)
    assert f"there is no folder {folder}" in watched.status.detail
    folder.mkdir()
    eventually(lambda: watched.status.live)
    (folder / "b").write_bytes(b"x")
    eventually(lambda: "b" in watched.hints)


def test_a_watch_that_fails_is_reported_and_tried_again(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "OS file watch limit reached")

    monkeypatch.setattr("watchfiles.watch", fail)
    monkeypatch.setattr(folder_watch, "RETRY_SECONDS", 0.05)
    (tmp_path / "bucket").mkdir()
    watched.watch.start()
    eventually(lambda: "OS file watch limit reached" in watched.status.detail)
    monkeypatch.undo()
    eventually(lambda: watched.status.live)


def test_without_the_package_the_status_says_what_to_install(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    (tmp_path / "bucket").mkdir()
    watched.watch.start()
    eventually(lambda: "kubeserve[local]" in watched.status.detail)
    assert not watched.status.live
