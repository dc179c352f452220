from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from server.logs import report_failure, write_termination_message


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "termination-log"
    monkeypatch.setenv("KUBESERVE_TERMINATION_LOG", str(path))
    return path


def test_termination_message_is_one_clean_line_of_at_most_4096_bytes(path: Path) -> None:
    path.write_text("an older and longer message")
    write_termination_message("a\n\x1b[31mb")
    assert path.read_bytes() == b"a [31mb"
    write_termination_message("é" * 10_000_000)
    assert 4000 < len(path.read_bytes()) <= 4096


def test_termination_message_on_a_full_disk_is_a_line_of_the_log(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path.touch()
    monkeypatch.setattr(os, "write", fail)
    write_termination_message("x")
    assert "No space left on device" in capsys.readouterr().out


def test_termination_message_without_a_prepared_file_is_not_written(path: Path) -> None:
    write_termination_message("x")
    assert not path.exists()


def test_termination_message_is_not_written_to_a_pipe_a_folder_or_through_a_link(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("untouched")
    path.symlink_to(other)
    write_termination_message("x")
    assert other.read_text() == "untouched"
    path.unlink()
    os.mkfifo(path)
    write_termination_message("x")  # would block
    path.unlink()
    path.mkdir()
    write_termination_message("x")


def test_report_failure_logs_one_clean_line(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.touch()
    report_failure("cannot serve", "a\x1b[2Jb\nc")
    assert path.read_text() == "a [2Jb c"
    assert "a [2Jb c" in "".join(capsys.readouterr())
