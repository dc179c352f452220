"""The lines of an answer that has no end: a stream of events."""

from __future__ import annotations

from collections.abc import Iterator

import urllib3

CHUNK = 64 * 1024


class LineTooLong(Exception):  # noqa: N818 - named by what it says of the stream
    """A line is longer than the limit in bytes: the stream is no stream of events, and must not fill the memory."""


def lines_of(response: urllib3.BaseHTTPResponse, limit: int) -> Iterator[bytes]:
    """Yield each line as soon as its bytes arrive.

    `read1` returns what there is; `read` and `stream` would wait for a full chunk where the response has no chunks
    of its own (behind an HTTP/1.0 proxy, for example).

    Raises:
        LineTooLong: with the limit.

    """
    rest = bytearray()
    while data := response.read1(CHUNK):
        *lines, last = data.split(b"\n")
        for line in lines:
            yield bytes(rest) + line
            rest.clear()
        rest += last
        if len(rest) > limit:
            raise LineTooLong(f"a line of more than {limit} bytes")
