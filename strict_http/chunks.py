"""Bodies in chunks (RFC 9112, 7.1), read by exactly the standard's grammar. Pure.

Sanic reads a size by `int(…, 16)`, which takes `0x10`, spaces and other scripts' digits, and does not look at the end
of a chunk. A proxy that reads the same bytes by the grammar then finds other requests in them.
"""

from __future__ import annotations

import re

from strict_http.head import TOKEN

MAX_LINE = 256
"""Bytes of a chunk's size with its extensions."""

_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*+"'
_EXTENSION = rb"[\t ]*+;[\t ]*+%b(?:[\t ]*+=[\t ]*+(?:%b|%b))?+" % (TOKEN, TOKEN, _QUOTED)
_SIZE = re.compile(rb"(?P<size>[0-9A-Fa-f]{1,15})(?:%b)*+\r\n" % _EXTENSION)

CHUNKS_AT_ONCE = 1000
"""Chunks that one call takes, so that a body of tiny ones does not hold the event loop for long."""


class ChunkError(ValueError):
    """The bytes are not chunks. The message says what is wrong with them."""


class Chunks:
    """Takes the chunks of one body out of a buffer."""

    __slots__ = ("_in_chunk", "announced", "ended", "left")

    def __init__(self) -> None:
        self.announced = 0
        """Bytes of all chunks whose size is known."""
        self.left = 0
        """Bytes of them that have not been taken."""
        self.ended = False
        """Whether the body has ended: what follows in the buffer is the next request."""
        self._in_chunk = False  # the line end after the current chunk's bytes is still to come

    def take(self, buffer: bytearray, most: float) -> bytes:
        """Remove what the buffer has of the body, and return its data.

        Stops at a chunk with which the body would be larger than `most`: `announced` is larger then.

        Raises:
            ChunkError: the buffer does not begin with what the grammar allows.

        """
        pieces: list[bytes] = []
        at = 0
        for _ in range(CHUNKS_AT_ONCE):
            if self.left:
                piece = bytes(buffer[at : at + self.left])
                at += len(piece)
                self.left -= len(piece)
                pieces.append(piece)
                if self.left:
                    break
            after = self._start_next(buffer, at)
            if after is None:
                break
            at = after
            if self.ended or self.announced > most:
                break
        del buffer[:at]
        return b"".join(pieces)

    def _start_next(self, buffer: bytearray, at: int) -> int | None:
        """Read the end of a chunk and the next size; return the place behind it, None if it is not all there."""
        if self._in_chunk:
            if not _has(buffer, at, b"\r\n", "a chunk is longer than its size"):
                return None
            at += 2
        match = _SIZE.match(buffer, at, at + MAX_LINE)
        if match is None:
            self._check_partial(buffer, at)
            return None
        size = int(match["size"], 16)
        if not size:
            if not _has(buffer, match.end(), b"\r\n", "trailers after the last chunk are not accepted"):
                return None
            self.ended = True
            return match.end() + 2
        self._in_chunk = True
        self.left = size
        self.announced += size
        return match.end()

    @staticmethod
    def _check_partial(buffer: bytearray, at: int) -> None:
        """Raise ChunkError unless the rest of the buffer may be the start of a size's line."""
        line = bytes(buffer[at : at + MAX_LINE])
        if len(line) == MAX_LINE or b"\n" in line or b"\r" in line[:-1]:
            raise ChunkError("a chunk's size is not a hexadecimal number")


def _has(buffer: bytearray, at: int, expected: bytes, otherwise: str) -> bool:
    """Return whether the bytes at this place are there; raise ChunkError if others are."""
    found = bytes(buffer[at : at + len(expected)])
    if not expected.startswith(found):
        raise ChunkError(otherwise)
    return found == expected
