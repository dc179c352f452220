from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from watcher.errors import Retryable
from watcher.sources import listen_stream
from watcher.sources.listen_stream import lines_of


class Chunks:
    """A response whose bytes arrive in these pieces."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)

    def read1(self, amt: int) -> bytes:
        return next(self._chunks, b"")


def lines(*chunks: bytes) -> list[bytes]:
    response: Any = Chunks(chunks)
    return list(lines_of(response))


def test_lines_of_chunks_that_split_lines_are_whole() -> None:
    assert lines(b'{"a"', b": 1}\n{}", b"\n") == [b'{"a": 1}', b"{}"]


def test_lines_of_a_stream_without_line_ends_is_an_error_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen_stream, "LINE_LIMIT", 10)
    with pytest.raises(Retryable, match="a line of more than 10 bytes"):
        lines(*[b"x" * 4] * 4)
