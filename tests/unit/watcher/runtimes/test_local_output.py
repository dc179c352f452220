from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from watcher.core.text import CLEAN_LIMIT
from watcher.runtimes.local import output as output_module
from watcher.runtimes.local.output import LOG, OLD_LOG, TAIL_BYTES, Output

REPORTED = b'{"reason": "a\\nmessage", "event": "cannot serve", "level": "error"}\n'


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Output]:
    made = Output(tmp_path)
    yield made
    made.close()


def reason_after(output: Output, printed: bytes, code: int) -> str:
    with os.fdopen(output.begin(), "wb") as pipe:
        pipe.write(printed)
    return output.exit_reason(code)


@pytest.mark.parametrize(
    ("printed", "code", "reason"),
    [
        (b"", 3, "the process ended with exit code 3"),
        (b"first\nlast\x1b[31m line\n\n \x00\n", 3, "last [31m line"),
        (b"a line\n", -9, "the process was ended by SIGKILL"),
        (b"a line\n", -35, "the process was ended by signal 35"),
        (REPORTED + b"a line\n", -9, "a message"),
        (b'{"reason": "only a warning", "level": "warning"}\n', 3, '{"reason": "only a warning", "level": "warning"}'),
        (b"[" * 10_000 + b"\n", -9, "the process was ended by SIGKILL"),
    ],
)
def test_exit_reason_is_what_was_reported_then_the_signal_then_the_last_line_then_the_code(
    output: Output, printed: bytes, code: int, reason: str
) -> None:
    assert reason_after(output, printed, code) == reason


def test_exit_reason_on_a_full_disk_is_still_what_was_reported(output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        assert reason_after(output, REPORTED, 1) == "a message"


def test_exit_reason_of_a_new_process_has_nothing_of_the_one_before(output: Output) -> None:
    assert reason_after(output, REPORTED, 1) == "a message"
    assert reason_after(output, b"", 1) == "the process ended with exit code 1"


def test_exit_reason_of_long_lines_is_short(output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_module, "RATE", 10**12)
    for printed in (b"y" * 3_000_000, b'{"level": "error", "reason": "' + b"x" * (TAIL_BYTES - 100) + b'"}'):
        reason = reason_after(output, printed, 1)
        assert len(reason) == CLEAN_LIMIT


def test_output_without_end_is_kept_in_two_files_of_bounded_size(
    output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_module, "LOG_BYTES", 200_000)
    monkeypatch.setattr(output_module, "RATE", 10**12)
    reason_after(output, b"first\n" + b"x" * 3_000_000 + b"\nlast\n", 1)
    sizes = [(tmp_path / name).stat().st_size for name in (OLD_LOG, LOG)]
    assert max(sizes) <= 200_000
    assert (tmp_path / LOG).read_bytes().endswith(b"\nlast\n")


def test_output_faster_than_the_rate_makes_the_process_wait(output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(output_module.time, "sleep", slept.append)
    reason_after(output, b"x" * output_module.RATE, 1)
    assert sum(slept) == pytest.approx(1.0)


@pytest.mark.parametrize("replace", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/etc/passwd")])
def test_output_after_its_log_was_replaced_neither_blocks_nor_writes_elsewhere(
    output: Output, tmp_path: Path, replace: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_module, "LOG_BYTES", 10)
    for name in (LOG, OLD_LOG):
        (tmp_path / name).unlink(missing_ok=True)
        replace(tmp_path / name)
    assert reason_after(output, b"a line that begins another file\n", 1) == "a line that begins another file"


def test_output_in_a_folder_that_is_not_there_leaves_no_file_open(tmp_path: Path) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(FileNotFoundError):
        Output(tmp_path / "missing")
    (tmp_path / "log").mkdir()
    with pytest.raises(OSError, match="directory"):
        Output(tmp_path)
    assert set(Path("/proc/self/fd").iterdir()) == before
