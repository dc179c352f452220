"""Heads of requests that must be refused (RFC 9110, RFC 9112). Pure.

A proxy and a server that disagree about where a request ends let a client hide a second request in the first one's
body. So a head is accepted only if there is one way to read it. Sanic accepts more: spaces before colons, folded lines,
lone line feeds, control characters.
"""

from __future__ import annotations

import re

TOKEN = rb"[\w!#$%&'*+.^`|~-]++"
"""A name (RFC 9110, 5.6.2). `\\w` in a pattern of bytes is ASCII. Possessive quantifiers (`++`) never backtrack."""

_WELL_FORMED = re.compile(
    rb"%b [!-~]++ HTTP/1\.(?P<minor>[01])(?:\r\n%b:[\t -~\x80-\xff]*+)*+" % (TOKEN, TOKEN),
)
_REQUEST_LINE = re.compile(rb"%b [!-~]++ HTTP/1\.[01]" % TOKEN)
_FIELD = re.compile(rb"(?P<name>%b):[\t -~\x80-\xff]*+" % TOKEN)
_FRAMING = re.compile(
    # An underscore, because some proxies and gateways read it as a hyphen.
    rb"\r\n(?P<name>host|content[-_]length|transfer[-_]encoding):[\t ]*+(?P<value>[^\r]*+)",
    re.IGNORECASE,
)
_LENGTH = re.compile(rb"[0-9]{1,19}[\t ]*+")
_CODING = re.compile(rb"chunked")
_HOST = re.compile(rb"(?:\[[\w.:%~-]++\]|[\w.~!$&'()*+,;=%-]*+)(?::[0-9]*+)?[\t ]*+")

_STRAY = re.compile(rb"(?<!\r)\n|\x00")
"""What no head contains, whatever else is still to come."""

MAX_SHOWN = 60
"""Bytes of a refused line that the answer repeats."""


def refusal_of(head: bytes) -> str:
    """Return why this head, without its blank line, must be refused; "" if it may be answered."""
    match = _WELL_FORMED.fullmatch(head)
    if match is None:
        return _malformed(head)
    found: dict[bytes, list[bytes]] = {b"host": [], b"content-length": [], b"transfer-encoding": []}
    for name, value in _FRAMING.findall(head):
        if b"_" in name:
            return f"the header {_shown(name)} may be read as another one: write it with a hyphen"
        found[name.lower()].append(value)
    is_first = match["minor"] == b"0"
    return (
        _host_refusal(found[b"host"], is_first)
        or _length_refusal(found[b"content-length"])
        or _coding_refusal(found[b"transfer-encoding"], found[b"content-length"], is_first)
    )


def is_hopeless(part: bytes | bytearray, start: int = 0) -> bool:
    """Return whether the first part of a head, from `start` on, must be refused whatever follows."""
    return _STRAY.search(part, start) is not None


def _host_refusal(hosts: list[bytes], is_first: bool) -> str:
    if not hosts and not is_first:
        return "the header Host is missing"
    if len(hosts) > 1:
        return "the header Host is there twice"
    if hosts and not _HOST.fullmatch(hosts[0]):
        return f"the header Host is not a host with an optional port: {_shown(hosts[0])}"
    return ""


def _length_refusal(lengths: list[bytes]) -> str:
    if len(lengths) > 1:
        return "the header Content-Length is there twice"
    if lengths and not _LENGTH.fullmatch(lengths[0]):
        return f"the header Content-Length is not a number of at most 19 digits: {_shown(lengths[0])}"
    return ""


def _coding_refusal(codings: list[bytes], lengths: list[bytes], is_first: bool) -> str:
    if not codings:
        return ""
    if is_first:
        return "the header Transfer-Encoding is not allowed in HTTP/1.0"
    if lengths:
        return "the headers Transfer-Encoding and Content-Length exclude each other"
    if len(codings) > 1:
        return "the header Transfer-Encoding is there twice"
    if not _CODING.fullmatch(codings[0]):
        return f"the header Transfer-Encoding can only be chunked, not {_shown(codings[0])}"
    return ""


def _malformed(head: bytes) -> str:
    """Return what is wrong with a head that is not a request line and lines of `name: value`."""
    request_line, *fields = head.split(b"\r\n")
    if not _REQUEST_LINE.fullmatch(request_line):
        return f"the first line is not a method, a target and HTTP/1.1 or HTTP/1.0: {_shown(request_line)}"
    line = next(field for field in fields if not _FIELD.fullmatch(field))
    if line[:1] in (b" ", b"\t"):
        return f"a header line begins with a space: {_shown(line)}"
    if re.match(rb"%b[\t ]++:" % TOKEN, line):
        return f"a header has a space before its colon: {_shown(line)}"
    if re.match(rb"%b:" % TOKEN, line):
        return f"a header's value contains a control character: {_shown(line)}"
    return f"a header line is not a name, a colon and a value: {_shown(line)}"


def _shown(line: bytes) -> str:
    """Return the start of a line in printable characters."""
    text = ascii(line[:MAX_SHOWN].decode("latin-1"))
    return f"{text}…" if len(line) > MAX_SHOWN else text
