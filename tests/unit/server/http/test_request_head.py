"""Which heads the fast path accepts: those that say nothing which Sanic would have to act upon."""

from __future__ import annotations

import pytest

from server.http.request_head import HEAD, PASSED_ON

START = b"POST /predict HTTP/1.1\r\n"
HOST = b"Host: a\r\n"
LENGTH = b"Content-Length: 2\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        HOST + LENGTH,
        LENGTH + HOST,
        b"Host: a:80\r\ncontent-length:2\r\nUser-Agent: b (c; d)\r\n",
        b"CONTENT-LENGTH: 2\r\nConnection: keep-alive\r\nhost:[::1]:80\r\n",
        b"connection: Keep-Alive\r\nX-Empty:\r\ncontent-length: 2\r\nCookie: a=\xff\tb\r\nHOST:\r\n",
        HOST + b"Upgrade-Insecure-Requests: 1\r\n" + LENGTH + b"X-Content-Length: 7\r\nContent-Length-X: 7\r\n",
    ],
)
def test_head_plain_fields_matches(fields: bytes) -> None:
    head = HEAD.match(START + fields + b"\r\n{}")
    assert head
    assert (head["target"], head["length"], head.string[head.end() :]) == (b"/predict", b"2", b"{}")


@pytest.mark.parametrize(
    "start",
    [
        *(b"GET /predict HTTP/1.1\r\n", b"post /predict HTTP/1.1\r\n", b"POST /predict HTTP/1.0\r\n"),
        *(b"POST  /predict HTTP/1.1\r\n", b"POST /a b HTTP/1.1\r\n", b"POST /predict HTTP/1.1\n"),
        *(b"\r\nPOST /predict HTTP/1.1\r\n", b" POST /predict HTTP/1.1\r\n", b"POST /predict HTTP/1.1 \r\n"),
        *(b"POST /predict HTTP/1.1\r\r\n", b"POST /predict http/1.1\r\n", b"POST /predict\x00 HTTP/1.1\r\n"),
    ],
)
def test_head_other_request_line_does_not_match(start: bytes) -> None:
    assert HEAD.match(start + HOST + LENGTH + b"\r\n{}") is None


@pytest.mark.parametrize(
    "fields",
    [
        *(b"", b"Content-Length: -2\r\n", b"Content-Length: 2 2\r\n", b"Content-Length: 0x2\r\n"),
        *(b"Content-Length: \r\n", b"Content-Length: +2\r\n", b"Content-Length: 2,2\r\n", b"Content-Length: 2 \r\n"),
        *(b"Content-Length:  2\r\n", b"Content-Length:\t2\r\n", b"Content-Length : 2\r\n", b" Content-Length: 2\r\n"),
        *(b"Content-Length: \xd9\xa2\r\n", b"Content-Length\x00: 2\r\n", b"Content-Length: 2\n"),
        *(b"Content-Length: 1234567890\r\n", LENGTH + LENGTH, LENGTH + b"content-length : 3\r\n", LENGTH[:-2]),
        *(LENGTH + b"Connection: close\r\n", b"Connection: keep-alive, upgrade\r\n" + LENGTH),
        *(LENGTH + b" folded\r\n", LENGTH + b"no colon\r\n", LENGTH + b": no name\r\n"),
        *(LENGTH + b"a b: c\r\n", b"X: 1\nContent-Length: 3\r\n" + LENGTH, b"X: 1\r" + LENGTH),
        *(LENGTH + b"X: a\x00b\r\n", LENGTH + b"X: \x01\r\n", LENGTH + b"X: \x7f\r\n"),
        *(b"X: y\r\n " + LENGTH, b"X:\r\n\t" + LENGTH, LENGTH + b"Transfer-Encoding : chunked\r\n"),
    ],
)
def test_head_field_that_is_odd_or_changes_how_a_request_is_read_does_not_match(fields: bytes) -> None:
    assert HEAD.match(START + HOST + fields + b"\r\n{}") is None
    assert HEAD.match(START + fields + HOST + b"\r\n{}") is None


@pytest.mark.parametrize(
    "fields",
    [LENGTH, HOST + HOST + LENGTH, HOST + LENGTH + b"host: b\r\n", LENGTH + b"Host: a b\r\n", b"host : a\r\n" + LENGTH],
)
def test_head_without_exactly_one_host_does_not_match(fields: bytes) -> None:
    assert HEAD.match(START + fields + b"\r\n{}") is None


@pytest.mark.parametrize("name", [b"Content_Length", b"transfer_encoding", b"TRANSFER_ENCODING"])
def test_head_underscore_that_may_be_read_as_a_hyphen_does_not_match(name: bytes) -> None:
    assert HEAD.match(START + HOST + LENGTH + name + b": 2\r\n\r\n{}") is None


@pytest.mark.parametrize("name", PASSED_ON)
def test_head_declared_header_does_not_match_in_any_case_and_place(name: str) -> None:
    for written in (name, name.title(), name.upper()):
        field = written.encode() + b": x\r\n"
        assert HEAD.match(START + HOST + LENGTH + field + b"\r\n") is None
        assert HEAD.match(START + HOST + field + LENGTH + b"\r\n") is None


def test_passed_on_names_every_header_that_changes_how_a_request_is_read() -> None:
    assert {"content-encoding", "transfer-encoding", "expect", "upgrade"} <= set(PASSED_ON)
