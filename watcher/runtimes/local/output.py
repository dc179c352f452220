"""The log and the termination message of one replica's processes, and the reason why a process ended."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from watcher.core.text import LIMIT, one_line

LOG, VERSION_FILE = "log", "version"
"""Files in a replica's folder, for `kubeserve logs`: what its processes print, and which version they are."""


class Output:
    """Two files that stay open as long as the replica exists.

    A model runs as the same user as the watcher, so it can put a pipe, a link or a folder in the place of either file.
    That changes nothing here: neither file is opened by its name a second time.
    """

    def __init__(self, folder: Path) -> None:
        self.message_path = folder / "termination-message"
        self._message = create(self.message_path)
        try:
            self._log = create(folder / LOG)
        except OSError:
            os.close(self._message)
            raise
        self._log_start = 0

    def begin(self) -> int:
        """Prepare for a new process, and return the descriptor of the log for its output."""
        os.ftruncate(self._message, 0)
        self._log_start = os.fstat(self._log).st_size
        return self._log

    def exit_reason(self, code: int) -> str:
        """Return the termination message of the process, else its signal, else the last line of its log.

        On a full disk a process can write neither, and that is the reason. At most 4 KiB are read of either file,
        however much the process wrote.
        """
        if message := one_line(os.pread(self._message, LIMIT, 0).decode(errors="replace")):
            return message
        if code < 0:
            return f"the process was ended by {signal_name(-code)}"
        disk = os.fstatvfs(self._log)
        if disk.f_bavail * disk.f_frsize < LIMIT:
            return f"the disk of {self.message_path.parent} is full: make room there"
        return self._last_line() or f"the process ended with exit code {code}"

    def _last_line(self) -> str:
        start = max(self._log_start, os.fstat(self._log).st_size - LIMIT)
        text = os.pread(self._log, LIMIT, start).decode(errors="replace")
        lines = (one_line(line) for line in reversed(text.split("\n")))
        return next(filter(None, lines), "")

    def close(self) -> None:
        os.close(self._message)
        os.close(self._log)


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def create(path: Path) -> int:
    """Return the descriptor of a new, empty file; writes are appended, by us and by a process that inherits it."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
