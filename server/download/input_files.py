"""Which files about a model's input to fetch with it, as `input-example.json=ETAG MLmodel=ETAG`. Pure."""

from __future__ import annotations

from server.errors import ModelError, VersionError
from server.paths import INPUT_FILES
from server.text import one_line

MAX_BYTES = 1024 * 1024
"""Bytes of one file. An example is a few rows; the watcher does not name a larger file."""


def parse(text: str) -> dict[str, str]:
    """Return the ETag of each named file; "" accepts any bytes.

    Raises:
        ModelError: a name is not one of `INPUT_FILES`, or is given twice.

    """
    found: dict[str, str] = {}
    for item in text.split():
        name, _, expected = item.partition("=")
        if name not in INPUT_FILES or name in found:
            expected_names = f"expected NAME=ETAG, each NAME once, of {', '.join(INPUT_FILES)}"
            raise ModelError(f"--input-files: '{one_line(item, 60)}': {expected_names}")
        found[name] = expected
    return found


def check_size(source: str, data: bytes) -> bytes:
    """Return the bytes of a file. Raise VersionError if there are too many."""
    if len(data) > MAX_BYTES:
        raise VersionError(f"{source}: larger than {MAX_BYTES} bytes: keep a few rows in it")
    return data
