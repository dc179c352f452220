"""Copy a model and the files next to it from a folder: `file:///PATH`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from requirements_txt.parsing import MAX_BYTES
from server.download import etag, input_files
from server.download.disk import Disk
from server.download.files import CHUNK, explained, open_regular, remove, save
from server.download.progress import Progress
from server.paths import MODEL, REQUIREMENTS


def fetch(
    source: Path, disk: Disk, expected: str, requirements: str, wanted: Mapping[str, str], *, progress: Progress
) -> None:
    """Copy the model, its requirements.txt, and the `wanted` input files, to the disk's folder.

    The ETag of the model must be `expected`, and that of each input file the one in `wanted`, unless it is "".
    `requirements` is that of requirements.txt; `etag.NONE` copies none, and "" the one that is there. A file's ETag is
    the MD5 of its content. The model is read twice, so that nothing is written before the ETag is checked.

    Raises:
        ModelError: in one sentence, with the cause.

    """
    to, room = disk.folder, disk.room()
    with open_regular(source) as file:
        room.check(str(source), os.fstat(file.fileno()).st_size)
        digest = hashlib.md5(usedforsecurity=False)
        for chunk in chunks(file, source, progress):
            digest.update(chunk)
        etag.check(str(source), digest.hexdigest(), expected)
        file.seek(0)
        save(room.limited(str(source), chunks(file, source, progress)), to / MODEL)
    copy_requirements(source.with_name(REQUIREMENTS), to / REQUIREMENTS, requirements)
    for name, its_etag in wanted.items():
        copy_input_file(source.with_name(name), to / name, its_etag)


def copy_requirements(source: Path, target: Path, expected: str) -> None:
    remove(target)
    if expected == etag.NONE or not (expected or source.exists()):
        return
    with open_regular(source) as file, explained(source, "read"):
        text = file.read(MAX_BYTES + 1)  # one byte more, so that the installer sees a file that is too large
    if len(text) <= MAX_BYTES:
        etag.check(str(source), hashlib.md5(text, usedforsecurity=False).hexdigest(), expected)
    save([text], target)


def copy_input_file(source: Path, target: Path, expected: str) -> None:
    with open_regular(source) as file, explained(source, "read"):
        data = input_files.check_size(str(source), file.read(input_files.MAX_BYTES + 1))
    etag.check(str(source), hashlib.md5(data, usedforsecurity=False).hexdigest(), expected)
    save([data], target)


def chunks(file: BinaryIO, source: Path, progress: Progress) -> Iterator[bytes]:
    """Yield the file's content, and record the progress at each piece."""
    while True:
        with explained(source, "read"):
            chunk = file.read(CHUNK)
        if not chunk:
            return
        progress.record()
        yield chunk
