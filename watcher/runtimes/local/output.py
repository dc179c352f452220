"""What one replica's processes print: a log of bounded size, the end of it in memory, and why a process ended.

All output comes through a pipe. So a model that prints without end fills neither the disk nor the watcher's time, and a
full disk does not hide the reason of a failure.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from watcher.core.text import clean

LOG, OLD_LOG, VERSION_FILE = "log", "log.1", "version"
"""Files in a replica's folder: what its processes print, the same from before, which version."""
LOGS = (LOG, OLD_LOG, VERSION_FILE)
"""All that `kubeserve logs` reads."""

LOG_BYTES = 4 * 1024 * 1024
"""Bytes of each of the two files of a log."""

TAIL_BYTES = 32 * 1024
"""Bytes that are kept in memory: a reason of 4 KiB, with every character escaped."""

CHUNK, RATE = 64 * 1024, 4 * 1024 * 1024
"""Bytes of one read, and bytes a second that are read: a process that prints more must wait."""

BY_SIGNAL = 128
"""bubblewrap adds it to the signal that ended a process, as shells do."""

END_SECONDS = 1.0
"""Seconds in which the rest of a process's output is read after its end."""


class Output:
    """The log file stays open as long as the replica exists. A thread copies the output of its current process.

    A model runs as the same user as the watcher, so it can put a pipe, a link or a folder in the place of the file.
    That changes nothing here: a file is opened by its name only when it is created.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOG
        self._log, self._size = create(self._path), 0
        self._tail = b""
        self._copying: threading.Thread | None = None

    def begin(self) -> int:
        """Prepare for a new process, and return a descriptor for its output, which the caller closes."""
        self._tail = b""
        reader, writer = os.pipe()
        self._copying = threading.Thread(target=self._copy, args=(reader,), name="output", daemon=True)
        self._copying.start()
        return writer

    def exit_reason(self, code: int) -> str:
        """Return the reason that the process logged as JSON, else its signal, else the last line of its output."""
        if self._copying:
            self._copying.join(END_SECONDS)
        lines = self._tail.decode(errors="replace").split("\n")
        if reason := next(filter(None, map(reason_in, reversed(lines))), ""):
            return reason
        ended_by = -code if code < 0 else code - BY_SIGNAL
        if ended_by > 0:
            return f"the process was ended by {signal_name(ended_by)}"
        last = next(filter(None, map(clean, reversed(lines))), "")
        return last or f"the process ended with exit code {code}"

    def close(self) -> None:
        """Close the log. What a process still prints is dropped."""
        log, self._log = self._log, -1
        os.close(log)

    def _copy(self, reader: int) -> None:
        """Copy until every process has closed its end."""
        with open(reader, "rb", buffering=0) as pipe:
            while data := pipe.read(CHUNK):
                self._tail = (self._tail + data)[-TAIL_BYTES:]
                with suppress(OSError):  # a full disk, which must not end the model, or a closed log
                    self._write(data)
                time.sleep(len(data) / RATE)

    def _write(self, data: bytes) -> None:
        if self._log < 0:
            return
        if self._size + len(data) > LOG_BYTES:
            with suppress(FileNotFoundError):  # renamed before, and the disk was too full for another one
                self._path.replace(self._path.with_name(OLD_LOG))
            log, self._log, self._size = self._log, create(self._path), 0
            os.close(log)
        self._size += os.write(self._log, data)


def reason_in(line: str) -> str:
    """Return the reason of a line of our programs' logs that reports an error, or ""."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    is_error = isinstance(found, dict) and found.get("level") == "error"
    return clean(found.get("reason", "")) if is_error else ""


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def create(path: Path) -> int:
    """Return the descriptor of a new, empty file."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
