from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.download import folder
from server.download.files import explained, make_folder, save
from server.download.progress import Progress
from server.download.requirements import MAX_BYTES
from server.errors import ModelError


def test_save_a_full_disk_is_one_sentence_and_leaves_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.partial").symlink_to("/dev/full")
    with pytest.raises(ModelError, match="no space is left on its disk"):
        save([b"x"], tmp_path / "model.joblib")
    assert not (tmp_path / "model.joblib").exists()


def test_save_an_error_of_the_source_passes_and_leaves_no_model(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"x"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        save(chunks(), tmp_path / "model.joblib")
    assert not (tmp_path / "model.joblib").exists()


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EROFS, "its file system is read-only"),
        (errno.EACCES, "permission denied: check the owner"),
        (errno.EDQUOT, "the quota of its disk is used up"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_explained_each_error_of_the_disk_is_a_sentence(number: int, reason: str) -> None:
    with pytest.raises(ModelError, match=f"/model cannot be written: {reason}"), explained(Path("/model"), "written"):
        raise OSError(number, os.strerror(number))


def test_make_folder_in_place_of_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "to").touch()
    with pytest.raises(ModelError, match="it is a file, not a folder"):
        make_folder(tmp_path / "to")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "bucket" / "model.joblib"
    path.parent.mkdir()
    (tmp_path / "to").mkdir()
    path.write_bytes(b"model")
    return path


def fetch(source: Path, etag: str = "") -> Path:
    to = source.parent.parent / "to"
    folder.fetch(source, to, etag, Progress())
    return to


def test_folder_fetch_copies_the_expected_bytes_and_the_requirements(source: Path) -> None:
    source.with_name("requirements.txt").write_text("x\n")
    to = fetch(source, hashlib.md5(b"model", usedforsecurity=False).hexdigest())
    assert (to / "model.joblib").read_bytes() == b"model"
    assert (to / "requirements.txt").read_text() == "x\n"
    source.with_name("requirements.txt").unlink()
    assert not (fetch(source) / "requirements.txt").exists()


def test_folder_fetch_other_bytes_are_refused(source: Path) -> None:
    with pytest.raises(ModelError, match="the object has changed"):
        fetch(source, "0" * 32)


def test_folder_fetch_a_huge_requirements_file_is_read_only_in_part(source: Path) -> None:
    with source.with_name("requirements.txt").open("wb") as file:
        file.truncate(4_000_000_000)
    assert (fetch(source) / "requirements.txt").stat().st_size == MAX_BYTES + 1


@pytest.mark.parametrize("name", ["model.joblib", "requirements.txt"])
def test_folder_fetch_a_pipe_does_not_block(source: Path, name: str) -> None:
    source.with_name(name).unlink(missing_ok=True)
    os.mkfifo(source.with_name(name))
    with pytest.raises(ModelError, match=f"{name} cannot be read: it is not a regular file"):
        fetch(source)
