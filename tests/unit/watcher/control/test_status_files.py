from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from watcher.control import status_files
from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard
from watcher.control.status_files import PAUSE, RETRY, SOURCE, StatusFiles
from watcher.core.catalog import read_listing
from watcher.core.types import ModelId, Pods, State, StoredObject
from watcher.errors import Rejected, Retryable, WatcherError
from watcher.stores.folder import FolderBucket

IRIS = ModelId("team", "iris")
DAY = datetime(2026, 1, 1, tzinfo=UTC)
REFUSED = Rejected("AccessDenied", "writing s3://m/k: the credentials may not do that")


class Place:
    """A bucket in memory that holds files, with a status board and the writer between them."""

    def __init__(self, *versions: str, files: dict[str, bytes] | None = None) -> None:
        self.files = files if files is not None else {}
        self.reads, self.writes = list[str](), list[str]()
        self.errors: dict[str, WatcherError] = {}
        self.seconds = 0.0
        self.sources, self.board = SourceHealth(), StatusBoard(lambda: DAY + timedelta(seconds=self.seconds))
        self.upload(IRIS, *versions)
        self.writer = StatusFiles(
            self,  # type: ignore[arg-type] # of the bucket only these calls are made
            self.board,
            self.sources,
            "9.9",
            now=lambda: DAY + timedelta(seconds=self.seconds),
            clock=lambda: self.seconds,
        )

    def upload(self, model: ModelId, *versions: str) -> None:
        listed = [StoredObject(f"{model.prefix}{name}/model.joblib", f"e-{name}", 5, DAY) for name in versions]
        for entry in read_listing(listed).entries.values():
            self.board.list_one(entry, self.seconds)

    def look(self, seconds: float = 1) -> list[str]:
        """Let the writer look `seconds` later, and return what it wrote."""
        self.seconds += seconds
        before = len(self.writes)
        self.writer.write_all()
        return self.writes[before:]

    def content(self, version: str = "v1") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.files[f"team/iris/{version}/_status.json"])
        return found

    def source(self) -> tuple[bool, str] | None:
        return next(((item.live, item.detail) for item in self.sources.all() if item.name == SOURCE), None)

    def read(self, key: str, limit: int) -> bytes:
        self.reads.append(key)
        if key not in self.files:
            raise Retryable("NoSuchKey", f"reading {key}")
        return self.files[key][: limit + 1]

    def put(self, key: str, content: bytes) -> None:
        if error := self.errors.get(key.partition("/")[0]):
            raise error
        self.files[key] = content
        self.writes.append(key)


def test_write_all_writes_each_version_and_again_only_what_has_changed() -> None:
    place = Place("v1", "v2")
    place.board.set(IRIS, State.READY, version="v1", url="http://a", pods=Pods("v1", 1, 1))
    assert place.look() == ["team/iris/v1/_status.json"]  # nothing is known of the higher one
    place.board.set(IRIS, State.PROGRESSING, version="v2", url="http://a", pods=Pods("v1", 1, 1))
    assert place.look() == ["team/iris/v2/_status.json"]
    assert place.look() == []
    place.board.set(IRIS, State.READY, version="v2", url="http://a", pods=Pods("v2", 1, 1))
    assert sorted(place.look()) == ["team/iris/v1/_status.json", "team/iris/v2/_status.json"]
    place.board.set_loaded(place.board.models()[0], "data")
    assert place.look() == ["team/iris/v2/_status.json"]
    assert place.content("v2") == {
        "version": "v2",
        "state": "Ready",
        "reason": "",
        "url": "http://a",
        "etag": "e-v2",
        "serving": "v2",
        "loaded": "data",
        "since": "2026-01-01T00:00:03+00:00",
        "updated": "2026-01-01T00:00:05+00:00",
        "watcher": "9.9",
    }
    assert (place.content()["state"], place.content()["url"]) == ("Superseded", "")


def test_write_all_after_a_change_of_the_number_of_pods_writes_nothing() -> None:
    place = Place("v1")
    place.board.set(IRIS, State.READY, version="v1", pods=Pods("v1", 1, 2))
    place.look()
    place.board.set(IRIS, State.READY, version="v1", pods=Pods("v1", 2, 2))
    assert place.look() == []


def test_write_all_after_a_restart_writes_nothing_again_and_recalls_what_was_known() -> None:
    first = Place("v1", "v2")
    first.board.set(IRIS, State.READY, version="v1", pods=Pods("v1", 1, 1))
    first.look()
    first.board.set(IRIS, State.FAILED, version="v2", reason="not a model", pods=Pods("v1", 1, 1))
    first.look()
    first.board.set(IRIS, State.READY, version="v1", pods=Pods("v1", 1, 1))  # v2 is no longer wanted
    first.board.set_loaded(first.board.models()[0], "data")
    first.look()
    second = Place("v1", "v2", files=first.files)
    second.seconds = 1000
    second.board.set(IRIS, State.READY, version="v1", pods=Pods("v1", 1, 1))
    assert second.look() == []
    status = second.board.get(IRIS)
    assert status
    found = [(item.state, item.reason, item.since) for item in second.board.versions(status)]
    assert found == [("Failed", "not a model", DAY + timedelta(seconds=1)), ("Ready", "", DAY + timedelta(seconds=2))]
    second.board.set_loaded(status, "data")
    assert second.look() == []
    assert len(second.reads) == 2
    second.board.set_loaded(status, "code")
    assert second.look() == ["team/iris/v1/_status.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[" * 10_000,
        b"\xff",
        b"[]",
        b'{"state": "Failed", "etag": "e-v1", "since": 5}',
        b'{"state": "Failed", "etag": "e-v1", "since": "2026-01-01T00:00:00"}',
        b'{"state": ["Failed"], "etag": "e-v1", "since": "2026-01-01T00:00:00Z"}',
        b'{"state": "Failed", "etag": "other", "since": "2026-01-01T00:00:00Z"}',
        b'{"state": "Ready", "etag": "e-v1", "since": "2026-01-01T00:00:00Z"}',
        b'{"a": "' + b"x" * 100_000 + b'"}',
    ],
)
def test_write_all_over_a_file_that_others_wrote_believes_nothing_of_it(content: bytes) -> None:
    place = Place("v1", "v2", files={"team/iris/v1/_status.json": content})
    place.board.set(IRIS, State.READY, version="v2", pods=Pods("v2", 1, 1))
    assert "team/iris/v1/_status.json" in place.look()
    assert place.content()["state"] == "Superseded"


def test_write_all_after_a_refusal_says_it_once_goes_on_elsewhere_and_tries_again_later() -> None:
    place, wine = Place("v1"), ModelId("zoo", "wine")
    place.upload(wine, "v1")
    for model in (IRIS, wine):
        place.board.set(model, State.READY, version="v1")
    place.errors["team"] = REFUSED
    assert place.look() == ["zoo/wine/v1/_status.json"]
    assert place.source() == (
        False,
        f"{REFUSED}: allow the watcher to write */_status.json, or set --no-write-status",
    )
    del place.errors["team"]
    assert place.look() == []
    assert place.look(PAUSE) == ["team/iris/v1/_status.json"]
    assert place.source() == (True, "")


def test_write_all_without_an_answer_makes_one_attempt_and_loses_nothing() -> None:
    place, wine = Place("v1"), ModelId("zoo", "wine")
    place.upload(wine, "v1")
    for model in (IRIS, wine):
        place.board.set(model, State.READY, version="v1")
    place.errors |= dict.fromkeys(("team", "zoo"), Retryable("StoreUnreachable", "no"))
    assert place.look() == []
    assert len(place.reads) == 1
    place.errors.clear()
    assert len(place.look(RETRY)) == 2
    assert place.source() == (True, "")


def test_write_all_forgets_models_that_are_gone() -> None:
    place = Place("v1")
    place.board.set(IRIS, State.READY, version="v1")
    place.look()
    place.board.drop(IRIS)
    place.look()
    assert (place.writer._seen, place.writer._written) == ({}, {})


def test_files_in_a_folder_are_neither_models_nor_refused(tmp_path: Path) -> None:
    board, bucket = StatusBoard(), FolderBucket(tmp_path, now=lambda: 1e12)
    bucket.put("team/iris/v1/model.joblib", b"bytes")
    board.list_all(read_listing(bucket.list()).entries, 1)
    before = read_listing(bucket.list())
    board.set(IRIS, State.FAILED, version="v1", reason="not a model")
    StatusFiles(bucket, board, SourceHealth(), "9.9").write_all()
    assert json.loads((tmp_path / "team/iris/v1/_status.json").read_text())["reason"] == "not a model"
    assert read_listing(bucket.list()) == before


def test_start_writes_in_a_thread_until_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_files, "INTERVAL", 0.001)
    place = Place("v1")
    place.board.set(IRIS, State.READY, version="v1")
    place.writer.start()
    for _ in range(60_000):
        if place.writes:
            break
        place.writer._thread.join(0.001)
    place.writer.stop()
    place.writer._thread.join(60)
    assert place.writes
    assert not place.writer._thread.is_alive()
