"""Copy a model and its requirements.txt from a folder: `file:///PATH`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from server.download import etag
from server.download.files import CHUNK, explained, open_regular, remove, save
from server.download.progress import Progress
from server.download.requirements import MAX_BYTES
from server.paths import MODEL, REQUIREMENTS


def fetch(source: Path, to: Path, expected: str, progress: Progress) -> None:
    """Copy the model, whose ETag must be `expected` unless that is "". A file's ETag is the MD5 of its content.

    The file is read twice, so that nothing is written before the ETag is checked.

    Raises:
        ModelError: in one sentence, with the cause.

    """
    with open_regular(source) as file:
        digest = hashlib.md5(usedforsecurity=False)
        for chunk in chunks(file, source, progress):
            digest.update(chunk)
        etag.check(str(source), digest.hexdigest(), expected)
        file.seek(0)
        save(chunks(file, source, progress), to / MODEL)
    requirements = source.with_name(REQUIREMENTS)
    if requirements.exists():
        with open_regular(requirements) as file, explained(requirements, "read"):
            text = file.read(MAX_BYTES + 1)  # one byte more, so that the installer sees a file that is too large
        save([text], to / REQUIREMENTS)
    else:
        remove(to / REQUIREMENTS)


def chunks(file: BinaryIO, source: Path, progress: Progress) -> Iterator[bytes]:
    """Yield the file's content, and record the progress at each piece."""
    while True:
        with explained(source, "read"):
            chunk = file.read(CHUNK)
        if not chunk:
            return
        progress.record()
        yield chunk
