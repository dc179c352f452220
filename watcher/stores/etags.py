"""The ETags that a store gives an upload, so that a client recognizes the same file. Pure, except for the reading."""

from __future__ import annotations

import hashlib
from pathlib import Path

MOST_PARTS = 10_000
SMALLEST_PART = 5 * 1024 * 1024
"""Bytes. Both are S3's limits. Parts are as small as it allows: each is in memory while it is sent."""


def part_bytes(size: int) -> int:
    """Return the bytes of each part of an upload; a file that is not larger is sent as a whole."""
    return max(SMALLEST_PART, -(-size // MOST_PARTS))


def etags_of(file: Path) -> tuple[str, str]:
    """Return the ETag of a file that is sent as a whole, and of one that is sent in parts; read it once."""
    whole, parts, count = hashlib.md5(), hashlib.md5(), 0  # noqa: S324 - as S3's ETag
    size = part_bytes(file.stat().st_size)
    with file.open("rb") as opened:
        while piece := opened.read(size):
            whole.update(piece)
            parts.update(hashlib.md5(piece).digest())  # noqa: S324 - as above
            count += 1
    return whole.hexdigest(), f"{parts.hexdigest()}-{count}"
