from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from requirements_txt.parsing import MAX_BYTES
from server.download import folder, input_files
from server.download.disk import Disk
from server.download.files import clear, explained, make_folder, save
from server.download.progress import Progress
from server.errors import ModelError


def test_save_a_full_disk_is_one_sentence_and_leaves_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.partial").symlink_to("/dev/full")
    with pytest.raises(ModelError, match="no space is left on its disk: make room there"):
        save([b"x"], tmp_path / "model.joblib")
    assert list(tmp_path.iterdir()) == []


def test_clear_removes_the_large_files_of_an_earlier_attempt(tmp_path: Path) -> None:
    for name in ("model.joblib", "model.partial", "termination-message"):
        (tmp_path / name).touch()
    clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["termination-message"]


def test_save_an_error_of_the_source_passes_and_leaves_nothing(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"x"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        save(chunks(), tmp_path / "model.joblib")
    assert list(tmp_path.iterdir()) == []


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


def fetch(source: Path, etag: str = "", limit: int | None = None, requirements: str = "", **wanted: str) -> Path:
    to = source.parent.parent / "to"
    folder.fetch(source, Disk(to, limit), etag, requirements, wanted, progress=Progress())
    return to


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_folder_fetch_copies_the_expected_bytes_and_the_requirements(source: Path) -> None:
    source.with_name("requirements.txt").write_text("x\n")
    to = fetch(source, md5(b"model"))
    assert (to / "model.joblib").read_bytes() == b"model"
    assert (to / "requirements.txt").read_text() == "x\n"
    source.with_name("requirements.txt").unlink()
    assert not (fetch(source) / "requirements.txt").exists()


def test_folder_fetch_takes_the_expected_requirements_and_no_others(source: Path) -> None:
    source.with_name("requirements.txt").write_text("x\n")
    assert (fetch(source, requirements=md5(b"x\n")) / "requirements.txt").read_text() == "x\n"
    with pytest.raises(ModelError, match=r"requirements\.txt: the object has changed"):
        fetch(source, requirements="0" * 32)
    to = source.parent.parent / "to"
    assert not (to / "requirements.txt").exists()
    assert not (fetch(source, requirements="none") / "requirements.txt").exists()
    source.with_name("requirements.txt").unlink()
    with pytest.raises(ModelError, match=r"requirements\.txt cannot be read: No such file"):
        fetch(source, requirements="0" * 32)


def test_folder_fetch_other_bytes_are_refused(source: Path) -> None:
    with pytest.raises(ModelError, match="the object has changed"):
        fetch(source, "0" * 32)


def test_folder_fetch_a_model_above_the_limit_is_refused_before_it_is_read(source: Path) -> None:
    fetch(source, limit=5)
    with source.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ModelError, match=r"model\.joblib is 1 TiB, but this pod may use 5 bytes of disk: raise"):
        fetch(source, limit=5)


def test_folder_fetch_a_huge_requirements_file_is_read_only_in_part(source: Path) -> None:
    with source.with_name("requirements.txt").open("wb") as file:
        file.truncate(4_000_000_000)
    assert (fetch(source) / "requirements.txt").stat().st_size == MAX_BYTES + 1


def test_folder_fetch_copies_the_wanted_input_files_and_no_others(source: Path) -> None:
    for name in ("input-example.json", "MLmodel"):
        source.with_name(name).write_text("[[1]]")
    assert sorted(path.name for path in fetch(source).iterdir()) == ["model.joblib"]
    to = fetch(source, **{"input-example.json": md5(b"[[1]]"), "MLmodel": ""})
    assert (to / "input-example.json").read_text() == (to / "MLmodel").read_text() == "[[1]]"


@pytest.mark.parametrize(
    ("content", "expected", "problem"),
    [
        (b"[[1]]", "0" * 32, "input-example.json: the object has changed"),
        (b"[" * (input_files.MAX_BYTES + 1), "", "input-example.json: larger than 1048576 bytes: keep a few rows"),
        (None, "", "input-example.json cannot be read: No such file"),
    ],
)
def test_folder_fetch_an_input_file_of_other_bytes_is_refused(
    source: Path, content: bytes | None, expected: str, problem: str
) -> None:
    if content is not None:
        source.with_name("input-example.json").write_bytes(content)
    with pytest.raises(ModelError, match=problem):
        fetch(source, **{"input-example.json": expected})
    assert not (source.parent.parent / "to" / "input-example.json").exists()


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("", {}),
        ("input-example.json=e1", {"input-example.json": "e1"}),
        ("MLmodel= input_example.json=a=b", {"MLmodel": "", "input_example.json": "a=b"}),
        ("MLmodel", {"MLmodel": ""}),
    ],
)
def test_parse_of_input_files_returns_the_etag_of_each(text: str, files: dict[str, str]) -> None:
    assert input_files.parse(text) == files


@pytest.mark.parametrize("text", ["model.joblib=e", "../input-example.json=e", "MLmodel=a MLmodel=b", "=e", "x" * 5000])
def test_parse_of_other_input_files_is_one_sentence(text: str) -> None:
    with pytest.raises(ModelError, match=r"expected NAME=ETAG, each NAME once, of input-example\.json") as caught:
        input_files.parse(text)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("name", ["model.joblib", "requirements.txt"])
def test_folder_fetch_a_pipe_does_not_block(source: Path, name: str) -> None:
    source.with_name(name).unlink(missing_ok=True)
    os.mkfifo(source.with_name(name))
    with pytest.raises(ModelError, match=f"{name} cannot be read: it is not a regular file"):
        fetch(source)
