"""The logs that the local runtime keeps: a folder for each replica of a model, below the watcher's state folder."""

from __future__ import annotations

import itertools
import os
import stat
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from watcher.client.log_lines import Line, Lines
from watcher.core.naming import LABEL_LIMIT
from watcher.core.text import one_line
from watcher.core.types import ModelId
from watcher.runtimes.local.output import LOG, OLD_LOG, VERSION_FILE
from watcher.runtimes.local.runtime import FOLDER

INTERVAL = 0.3
"""Seconds between two looks for new lines."""
CHUNK = 256 * 1024


def local_lines(
    state_dir: Path, model: ModelId, *, version: str = "", tail: int | None = None, follow: bool = False
) -> Iterator[Line]:
    """Yield the lines of each replica of a model, or of one version: the last `tail`, then those that come.

    A model runs as the same user as the watcher, so it may have put anything in the place of its log: only a plain file
    is read.
    """
    open_logs: dict[Path, _Log] = {}
    try:
        while True:
            folders = _replicas(state_dir / model.namespace / model.name, version)
            for folder in folders:
                if folder not in open_logs and (file := _opened(folder / LOG)):
                    open_logs[folder] = _Log(folder, file, folders[folder], tail)
            for folder, log in list(open_logs.items()):
                ended = folder not in folders  # the replica has gone, and what it wrote can still be read
                yield from log.new(is_last=ended or not follow)
                if ended:
                    open_logs.pop(folder).close()
            if not follow:
                return
            time.sleep(INTERVAL)
    finally:
        for log in open_logs.values():
            log.close()


class _Log:
    """The two files of one log: the runtime renames the first when it is full, and begins another one."""

    def __init__(self, folder: Path, file: BinaryIO, version: str, tail: int | None) -> None:
        self._folder, self._file, self._version, self._tail = folder, file, version, tail
        self._old = _opened(folder / OLD_LOG)
        self._lines = Lines()

    def new(self, *, is_last: bool) -> Iterator[Line]:
        """Yield the lines since the last call. The first call leaves out all but the last `tail`."""
        read, tail, self._tail = self._read(is_last=is_last), self._tail, None
        found = read if tail is None else deque(read, tail)  # a log may be larger than the memory
        return (Line(self._version, text) for text in found)

    def close(self) -> None:
        self._file.close()
        if self._old:
            self._old.close()

    def _read(self, *, is_last: bool) -> Iterator[str]:
        for piece in itertools.chain(self._from_old(), pieces(self._file), self._from_newer()):
            yield from self._lines.add(piece)
        if is_last:
            yield from self._lines.end()

    def _from_old(self) -> Iterator[bytes]:
        if self._old:
            yield from pieces(self._old)
            self._old.close()
            self._old = None

    def _from_newer(self) -> Iterator[bytes]:
        """Go on with the file that has the log's name now, if that is another one."""
        newer = _opened(self._folder / LOG)
        if newer is None:
            return
        if os.path.sameopenfile(newer.fileno(), self._file.fileno()):
            newer.close()
            return
        rest, self._file = self._file, newer
        with rest:
            yield from pieces(rest)
        yield from pieces(newer)


def pieces(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(CHUNK), b"")


def _replicas(folder: Path, version: str) -> dict[Path, str]:
    """Return the folders of the model's replicas with their versions, the oldest first."""
    found = {}
    files = [path for path in folder.glob(f"*/{VERSION_FILE}") if FOLDER.fullmatch(path.parent.name)]
    for path in sorted(files, key=lambda item: int(item.parent.name.rpartition("-")[2])):
        if file := _opened(path):
            with file:
                name = one_line(file.read(LABEL_LIMIT).decode(errors="replace"))
            if version in ("", name):
                found[path.parent] = name
    return found


def _opened(path: Path) -> BinaryIO | None:
    """Return the open file; None if there is none yet, or if it is a link, a pipe or a folder."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")
