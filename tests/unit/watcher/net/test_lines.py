from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.net.lines import LineTooLong, lines_of


class Chunks:
    """A response whose bytes arrive in these pieces."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)

    def read1(self, amt: int) -> bytes:
        return next(self._chunks, b"")


def lines(*chunks: bytes, limit: int = 1000) -> list[bytes]:
    response: Any = Chunks(chunks)
    return list(lines_of(response, limit))


@given(st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b"")), max_size=9), st.integers(1, 7))
def test_lines_of_chunks_that_split_lines_are_whole(sent: list[bytes], size: int) -> None:
    text = b"".join(line + b"\n" for line in sent)
    assert lines(*(text[start : start + size] for start in range(0, len(text), size))) == sent


def test_lines_of_a_stream_without_line_ends_is_an_error_at_the_limit() -> None:
    with pytest.raises(LineTooLong, match="a line of more than 10 bytes"):
        lines(*[b"x" * 4] * 4, limit=10)
