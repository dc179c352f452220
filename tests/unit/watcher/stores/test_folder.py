from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from watcher.errors import Rejected, Retryable
from watcher.stores.folder import FolderBucket


def test_list_shows_settled_files_with_their_md5_and_keeps_what_is_being_written(tmp_path: Path) -> None:
    clock = [1000.0]
    bucket = FolderBucket(tmp_path, lambda: clock[0])
    file = tmp_path / "t" / "model.joblib"
    file.parent.mkdir()
    file.write_bytes(b"one")
    os.utime(file, (1000, 1000))
    assert bucket.list() == []
    clock[0] = 1001
    assert [(item.key, item.etag) for item in bucket.list()] == [("t/model.joblib", "f97c5d29941bfb1b2fdab0874906ab82")]
    file.write_bytes(b"tw")
    os.utime(file, (1001, 1001))
    assert [item.etag for item in bucket.list()] == ["f97c5d29941bfb1b2fdab0874906ab82"]
    clock[0] = 1002
    assert [item.size for item in bucket.list("t/")] == [2]


def test_list_shows_a_file_of_the_future_as_after_a_clock_that_was_set_back(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path, now=lambda: 1000.0)
    (tmp_path / "a").write_bytes(b"a")
    os.utime(tmp_path / "a", (1600, 1600))
    assert [item.key for item in bucket.list()] == ["a"]


def test_list_forgets_files_that_are_gone(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path, lambda: 1e12)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"x")
    bucket.list()
    (tmp_path / "a" / "file").unlink()
    (tmp_path / "b" / "file").unlink()
    assert bucket.list("a/") == []
    assert [path.parent.name for path in bucket._seen] == ["b"]
    assert bucket.list() == []
    assert bucket._seen == {}


def test_put_writes_bytes_and_files_and_remove_leaves_no_empty_folder(tmp_path: Path) -> None:
    root, sent = tmp_path / "bucket", []
    root.mkdir()
    bucket = FolderBucket(root)
    file = tmp_path / "model.joblib"
    file.write_bytes(b"12345")
    bucket.put("t/m/v1/model.joblib", file, sent.append)
    bucket.put("t/m/values.yaml", b"{}")
    assert sum(sent) == 5
    assert (root / "t/m/v1/model.joblib").read_bytes() == b"12345"
    assert {path.name for path in root.rglob("*") if path.is_file()} == {"model.joblib", "values.yaml"}
    bucket.remove(["t/m/v1/model.joblib", "t/m/missing/x"])
    assert not (root / "t/m/v1").exists()
    assert (root / "t/m/values.yaml").exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_put_that_fails_or_is_interrupted_leaves_no_part(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy_a_part(_: Path, target: Path) -> None:
        target.write_bytes(b"123")
        raise error

    monkeypatch.setattr("shutil.copyfile", copy_a_part)
    with pytest.raises((Retryable, KeyboardInterrupt)):
        FolderBucket(tmp_path).put("t/m/v1/model.joblib", tmp_path / "model.joblib")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_replace_writes_only_what_nobody_else_has_written(tmp_path: Path) -> None:
    bucket, file = FolderBucket(tmp_path), tmp_path / "t" / "values.yaml"
    bucket.replace("t/values.yaml", b"one", "")
    with pytest.raises(Retryable, match="changed by someone else"):
        bucket.replace("t/values.yaml", b"two", "")
    bucket.replace("t/values.yaml", b"two", hashlib.md5(b"one").hexdigest())
    assert file.read_bytes() == b"two"


def test_symbolic_links_are_neither_listed_nor_read_nor_written_through(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "bucket", tmp_path / "elsewhere"
    for folder in (root / "team" / "iris" / "v1", elsewhere / "v1"):
        folder.mkdir(parents=True)
        (folder / "model.joblib").write_bytes(b"bytes")
        os.utime(folder / "model.joblib", (1, 1))
    (root / "team" / "iris" / "v2").symlink_to(elsewhere / "v1")
    (root / "team" / "iris" / "v1" / "values.yaml").symlink_to(elsewhere / "v1" / "model.joblib")
    bucket = FolderBucket(root)
    assert [item.key for item in bucket.list()] == ["team/iris/v1/model.joblib"]
    assert bucket.read("team/iris/v1/model.joblib", 10) == b"bytes"
    for key in ("team/iris/v1/values.yaml", "team/iris/v2/model.joblib"):
        with pytest.raises(Retryable, match=key):
            bucket.read(key, 10)
    (root / f".status.{os.getpid()}").symlink_to(elsewhere / "v1" / "model.joblib")
    bucket.put("status", b"ours")
    assert (root / "status").read_bytes() == b"ours"
    for write in (lambda key: bucket.put(key, b"ours"), lambda key: bucket.remove([key])):
        with pytest.raises(Rejected, match="symbolic link"):
            write("team/iris/v2/model.joblib")
    assert (elsewhere / "v1" / "model.joblib").read_bytes() == b"bytes"
