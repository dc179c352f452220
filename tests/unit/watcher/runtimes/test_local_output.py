from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from watcher.runtimes.local.output import Output


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Output]:
    made = Output(tmp_path)
    yield made
    made.close()


def test_exit_reason_is_the_message_then_the_signal_then_the_last_line_then_the_code(output: Output) -> None:
    log = output.begin()
    assert output.exit_reason(3) == "the process ended with exit code 3"
    os.write(log, b"first\nlast\x1b[31m line\n\n \x00\n")
    assert output.exit_reason(3) == "last [31m line"
    assert output.exit_reason(-9) == "the process was ended by SIGKILL"
    assert output.exit_reason(-35) == "the process was ended by signal 35"
    output.message_path.write_text("a\nmessage")
    assert output.exit_reason(-9) == "a message"


def test_exit_reason_on_a_full_disk_is_the_disk(
    output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.write(output.begin(), b"half a li")
    monkeypatch.setattr(os, "fstatvfs", lambda _: SimpleNamespace(f_bavail=0, f_frsize=4096))
    assert output.exit_reason(1) == f"the disk of {tmp_path} is full: make room there"
    assert output.exit_reason(-9) == "the process was ended by SIGKILL"
    output.message_path.write_text("a message")
    assert output.exit_reason(1) == "a message"


def test_exit_reason_of_a_new_process_has_nothing_of_the_one_before(output: Output) -> None:
    log = output.begin()
    os.write(log, b"of the first\n")
    output.message_path.write_text("of the first")
    output.begin()
    assert output.exit_reason(1) == "the process ended with exit code 1"


def test_exit_reason_of_huge_files_is_short_and_quick(output: Output, tmp_path: Path) -> None:
    log = output.begin()
    begun = time.monotonic()
    os.ftruncate(log, 4_000_000_000)
    os.write(log, b"\n" + b"y" * 10_000_000)
    assert len(output.exit_reason(1).encode()) <= 4096
    with output.message_path.open("wb") as file:
        file.write(b"x" * 10_000_000)
        file.truncate(4_000_000_000)
    assert 4000 < len(output.exit_reason(1).encode()) <= 4096
    assert time.monotonic() - begun < 2


def test_exit_reason_after_the_files_were_replaced_reads_no_other_file(output: Output, tmp_path: Path) -> None:
    output.begin()
    secret = tmp_path / "secret"
    secret.write_text("a secret of another file")
    for path in (output.message_path, tmp_path / "log"):
        path.unlink()
        path.symlink_to(secret)
    assert output.exit_reason(1) == "the process ended with exit code 1"
    output.begin()
    assert secret.read_text() == "a secret of another file"


def test_output_in_a_folder_that_is_not_there_leaves_no_file_open(tmp_path: Path) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(FileNotFoundError):
        Output(tmp_path / "missing")
    (tmp_path / "log").mkdir()
    with pytest.raises(OSError, match="directory"):
        Output(tmp_path)
    assert set(Path("/proc/self/fd").iterdir()) == before
