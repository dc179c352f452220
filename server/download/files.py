"""Read and write the files of a download; every failure is one sentence."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from server.errors import ModelError
from server.paths import MODEL

CHUNK = 64 * 1024
"""Bytes. A download reads this much at once, and a whole chunk counts as progress."""

NOT_PERMITTED = "permission denied: check the owner of the folder, or the pod's fsGroup"
REASONS = {
    errno.ENOSPC: "no space is left on its disk: make room there",
    errno.EDQUOT: "the quota of its disk is used up",
    errno.EROFS: "its file system is read-only",
    errno.EACCES: NOT_PERMITTED,
    errno.EPERM: NOT_PERMITTED,
    errno.ENOTDIR: "a part of its path is a file",
    errno.EEXIST: "it is a file, not a folder",
}


@contextmanager
def explained(path: Path, action: str) -> Iterator[None]:
    """Turn an OSError of the file system into a sentence; `action` is a participle such as "written"."""
    try:
        yield
    except OSError as error:
        raise ModelError(f"{path} cannot be {action}: {REASONS.get(error.errno or 0, error.strerror)}") from error


def make_folder(path: Path) -> None:
    with explained(path, "written"):
        path.mkdir(parents=True, exist_ok=True)


def save(chunks: Iterable[bytes], target: Path) -> None:
    """Write the chunks to `target`, under a temporary name until the last one is there.

    What `chunks` raises passes through: it is an error of the source. A failure removes the temporary file: on a full
    disk the termination message needs its space.
    """
    partial = partial_of(target)
    with explained(target, "written"):
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        for chunk in chunks:
            with explained(target, "written"):
                write_all(descriptor, chunk)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    with explained(target, "written"):
        partial.replace(target)


def partial_of(target: Path) -> Path:
    return target.with_suffix(".partial")


def clear(folder: Path) -> None:
    """Remove the large files that an earlier attempt may have left: the next one needs their room."""
    for path in (folder / MODEL, partial_of(folder / MODEL)):
        remove(path)


def remove(path: Path) -> None:
    """Remove the file that an earlier attempt may have left."""
    with explained(path, "removed"):
        path.unlink(missing_ok=True)


def write_all(descriptor: int, chunk: bytes) -> None:
    """Write the whole chunk; a single call may write a part of it."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading. Opening a pipe would block, so nothing else is accepted."""
    with explained(path, "read"):
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ModelError(f"{path} cannot be read: it is not a regular file")
    return file
