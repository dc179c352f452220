"""The version of scikit-learn that saved a file, read off the pickle without running it."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import pickletools
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

KEY = b"_sklearn_version"
"""Each estimator's state has it. It stands after the estimator's arrays."""

PIECE = 1024 * 1024
MAX_SEARCHED = 1024 * PIECE
"""Bytes of a file, decompressed, that are searched: a second's work."""

VALUE = 64
"""Bytes after the key that hold its value."""

LONGEST_OPCODE = 5
"""Bytes of an opcode before the text of a string."""


def saved_version(path: Path) -> str:
    """Return the version that saved the first estimator of the file; "" where the file does not say."""
    try:
        with path.open("rb") as file:
            return _search(_decompressed(file))
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return ""


def _search(pieces: Iterator[bytes]) -> str:
    """Return the value of the first KEY."""
    window = b""
    for piece in pieces:
        window += piece
        place = window.find(KEY)
        if place >= 0:
            window += next(pieces, b"")  # the value may be in the next piece
            return _value(window[max(0, place - LONGEST_OPCODE) : place + len(KEY) + VALUE])
        window = window[-(len(KEY) + LONGEST_OPCODE) :]
    return ""


def _value(text: bytes) -> str:
    """Return the string after the key, whose opcode has one byte for the length, or four."""
    place = text.find(KEY)
    for start in (place - 2, place - LONGEST_OPCODE):
        strings = list(_strings(text[max(0, start) :]))
        if len(strings) > 1 and strings[0] == KEY.decode():
            return strings[1]
    return ""


def _strings(text: bytes) -> Iterator[str]:
    """Yield the strings at the start of a part of a pickle."""
    with contextlib.suppress(ValueError):  # not the start of an opcode, or the end of the part
        for opcode, argument, _ in pickletools.genops(io.BytesIO(text)):
            if isinstance(argument, str):
                yield argument
            elif opcode.name not in ("MEMOIZE", "BINPUT", "LONG_BINPUT", "FRAME"):
                return


def _decompressed(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the file's pickle in pieces. joblib compresses a file as a whole."""
    start = file.read(6)
    file.seek(0)
    opened = next((opener(file) for magic, opener in COMPRESSIONS if start.startswith(magic)), file)
    if start.startswith(ZLIB):
        unpacker = zlib.decompressobj()
        yield from _pieces(lambda: unpacker.decompress(file.read(PIECE)))
    else:
        yield from _pieces(lambda: opened.read(PIECE))


def _pieces(read: Any) -> Iterator[bytes]:
    left = MAX_SEARCHED
    while left > 0 and (piece := cast("bytes", read())):
        yield piece
        left -= len(piece)


ZLIB = b"\x78"
COMPRESSIONS: tuple[tuple[bytes, Any], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZ", bz2.open),
    (b"\xfd7zXZ", lzma.open),
    (b"\x5d\x00\x00", lzma.open),
)
"""By the first bytes of a file, as joblib tells them apart."""
