"""Heads: which are refused and why, and that everything else which the standard allows is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strict_http.head import MAX_SHOWN, is_hopeless, refusal_of

from .smuggling import CHUNKED_BODIES, requests

START = b"POST /predict HTTP/1.1"
HOST = b"\r\nHost: a"


def head_of(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[0]


ODD_HEADS = {
    name: head_of(request) for name, request in requests().items() if not name.startswith(("chunks: ", "target "))
}


@pytest.mark.parametrize("head", ODD_HEADS.values(), ids=ODD_HEADS)
def test_refusal_of_a_head_with_two_readings_says_why_in_one_line(head: bytes) -> None:
    refusal = refusal_of(head)
    assert refusal
    assert refusal.isprintable()
    assert len(refusal) < 200 + 4 * MAX_SHOWN


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (START, "the header Host is missing"),
        (START + HOST + HOST, "Host is there twice"),
        (START + b"\r\nHost: a b", "not a host with an optional port: 'a b'"),
        (START + HOST + b"\r\nContent-Length : 3", "a header has a space before its colon: 'Content-Length : 3'"),
        (START + HOST + b"\r\n x", "begins with a space: ' x'"),
        (START + HOST + b"\r\nX: \x00", r"value contains a control character: 'X: \\x00'"),
        (START + HOST + b"\r\n: x", "not a name, a colon and a value: ': x'"),
        (START + HOST + b"\r\nContent-Length: 5, 5", "not a number of at most 19 digits: '5, 5'"),
        (START + HOST + b"\r\nTransfer-Encoding: gzip", "can only be chunked, not 'gzip'"),
        (b"POST /predict HTTP/1.0\r\nTransfer-Encoding: chunked", "not allowed in HTTP/1.0"),
        (b"POST /predict HTTP/3", "the first line is not a method, a target and HTTP/1.1"),
        (b"POST /" + b"x" * 500 + b" HTTP/3", "x'…"),
    ],
)
def test_refusal_of_an_odd_head_names_the_fault(head: bytes, words: str) -> None:
    assert words.replace(r"\\", "\\") in refusal_of(head)


@pytest.mark.parametrize(
    "head",
    [
        START + HOST,
        START + HOST + b"\r\nContent-Length: 12",
        START + HOST + b"\r\nContent-Length:0012 \t",
        START + HOST + b"\r\ntransfer-encoding:\t chunked",
        START + HOST + b"\r\nX:\r\nY: \t a\xff\xc3\xa4 \r\n!#$%&'*+-.^_`|~1: z",
        START + b"\r\nHost:",
        START + b"\r\nHOST: [::1]:8080",
        START + b"\r\nhost: a-b.c_d:",
        START + HOST + b"\r\nX-Content_Length: 3\r\nContent-Length-X: y",
        START + HOST + b"\r\nX: Host: b\r\nY: Transfer-Encoding: gzip",
        b"GET / HTTP/1.0",
        b"OPTIONS * HTTP/1.1" + HOST,
        b"GET http://a/?b=c#d HTTP/1.1" + HOST,
    ],
)
def test_refusal_of_a_head_that_the_standard_allows_is_empty(head: bytes) -> None:
    assert refusal_of(head) == ""


NAME = st.text("abcXYZ09!#$%&'*+-.^`|~", min_size=1, max_size=12).filter(
    lambda name: name.lower() not in {"host", "content-length", "transfer-encoding"}
)
VALUE = st.binary(max_size=30).map(lambda value: bytes(byte for byte in value if byte >= 32 and byte != 127))
FIELDS = st.lists(st.tuples(NAME.map(str.encode), VALUE), max_size=6)


@given(FIELDS, st.integers(0, 10**18))
def test_refusal_of_any_well_formed_head_is_empty(fields: list[tuple[bytes, bytes]], length: int) -> None:
    lines = [b"%b:%b" % field for field in fields]
    assert refusal_of(b"\r\n".join([START, *lines, b"Host: a", b"Content-Length: %d" % length])) == ""


@given(FIELDS, st.data())
def test_refusal_of_a_head_with_one_forbidden_byte_is_not_empty(
    fields: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    head = b"\r\n".join([START, b"Host: a", *(b"%b:%b" % field for field in fields)])
    at = data.draw(st.integers(0, len(head)))
    byte = data.draw(st.sampled_from([*range(9), 11, 12, *range(14, 32), 127]))
    assert refusal_of(head[:at] + bytes([byte]) + head[at:])


@given(st.binary(max_size=200))
def test_refusal_of_any_bytes_ends_and_is_printable(head: bytes) -> None:
    assert refusal_of(head).isprintable()


@given(st.binary(max_size=60), st.integers(0, 60))
def test_is_hopeless_part_is_always_refused_whole(part: bytes, more: int) -> None:
    if is_hopeless(START + b"\r\n" + part):
        assert refusal_of(START + b"\r\n" + part + b"x" * more)


def test_is_hopeless_looks_at_a_line_feed_that_comes_apart_from_its_carriage_return() -> None:
    assert not is_hopeless(START + b"\r\n", len(START) + 1)
    assert is_hopeless(START + b"\n", len(START))
    assert not is_hopeless(START + b"\nx", len(START) + 1)


def test_odd_chunks_have_a_head_that_is_not_refused() -> None:
    heads = {head_of(request) for name, request in requests().items() if name.startswith("chunks: ")}
    assert CHUNKED_BODIES
    assert {refusal_of(head) for head in heads} == {""}
