"""Chunks: any body in any chunks and any pieces arrives whole, and everything else is an error."""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strict_http.chunks import CHUNKS_AT_ONCE, MAX_LINE, ChunkError, Chunks

from .smuggling import CHUNKED_BODIES


def taken(pieces: list[bytes], most: float = 1e9) -> tuple[bytes, Chunks, bytes]:
    """Return the body in these pieces, the state after the last, and what is left in the buffer."""
    chunks, buffer, body = Chunks(), bytearray(), b""
    for piece in pieces:
        buffer += piece
        while not chunks.ended and (data := chunks.take(buffer, most)):
            body += data
    return body, chunks, bytes(buffer)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return the data in pieces, cut at these places."""
    return [data[a:b] for a, b in pairwise([0, *sorted(place % (len(data) + 1) for place in places), len(data)])]


SIZES = st.sampled_from(["%x", "%X", "00%x", "%x;a", "%x;a=b", '%x ; a = "b;\\"c" ;d'])


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=20), SIZES), max_size=8), st.lists(st.integers(0, 999)))
def test_take_any_chunks_in_any_pieces_gives_the_body_and_leaves_the_next_request(
    parts: list[tuple[bytes, str]], places: list[int]
) -> None:
    sent = b"".join((size % len(data)).encode() + b"\r\n" + data + b"\r\n" for data, size in parts)
    body, chunks, rest = taken([*cut(sent + b"0\r\n\r\n", places), b"GET / HTTP/1.1"])
    assert body == b"".join(data for data, _ in parts)
    assert chunks.ended
    assert (chunks.announced, chunks.left) == (len(body), 0)
    assert rest == b"GET / HTTP/1.1"


@pytest.mark.parametrize("sent", CHUNKED_BODIES.values(), ids=CHUNKED_BODIES)
@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_take_odd_chunks_is_an_error_in_any_pieces(sent: bytes, step: int) -> None:
    with pytest.raises(ChunkError):
        taken([sent[at : at + step] for at in range(0, len(sent), step)])


@given(st.binary(max_size=60), st.lists(st.integers(0, 99)))
def test_take_any_bytes_gives_the_same_in_any_pieces(sent: bytes, places: list[int]) -> None:
    found = []
    for pieces in ([sent], cut(sent, places)):
        try:
            body, chunks, rest = taken(pieces)
        except ChunkError:
            found.append(None)
        else:
            found.append((body, chunks.ended, chunks.left, rest))
    assert found[0] == found[1]


def test_take_stops_at_a_chunk_that_is_too_much() -> None:
    chunks, buffer = Chunks(), bytearray(b"5\r\nhello\r\nfffffff\r\nx")
    assert chunks.take(buffer, 10) == b"hello"
    assert chunks.announced == 5 + 0xFFFFFFF


def test_take_line_without_an_end_is_an_error_at_its_limit() -> None:
    chunks = Chunks()
    assert chunks.take(bytearray(b"2;" + b"a" * (MAX_LINE - 3)), 10) == b""
    with pytest.raises(ChunkError):
        chunks.take(bytearray(b"2;" + b"a" * (MAX_LINE - 2)), 10)


def test_take_of_tiny_chunks_returns_often_and_costs_as_much_as_there_is() -> None:
    def seconds(count: int) -> float:
        buffer, chunks, began = bytearray(b"1\r\nx\r\n" * count), Chunks(), perf_counter()
        while buffer:
            assert 0 < len(chunks.take(buffer, count)) <= CHUNKS_AT_ONCE
            if buffer == b"\r\n":
                break
        return perf_counter() - began

    fewer = min(seconds(5_000) for _ in range(3))
    assert min(seconds(50_000) for _ in range(3)) < 30 * fewer + 0.01
