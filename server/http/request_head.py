"""Heads of requests that ask for nothing special. Pure.

One regular expression, since it accepts exactly what it spells out. `httptools` takes 1.1 to 2.1 times as long, and
accepts heads that Sanic refuses (docs/adr/0008).
"""

from __future__ import annotations

import re

PASSED_ON = ("content-encoding", "transfer-encoding", "expect", "upgrade")
"""Headers, in lower case, that only Sanic and the routes understand: a request with one of them is passed on to Sanic.

A feature that reads a header adds its name here.
"""

_FIELD = (
    # `connection` may only say what HTTP/1.1 does anyway; HEAD itself names host and content-length, once each.
    # Possessive quantifiers (`++`, `*+`) never backtrack. `%%` is one %, because the pattern is formatted.
    rb"(?!(?i:(?:%b|host|content.length|transfer.encoding|connection(?!: ?keep-alive\r)):))"
    rb"[\w!#$%%&'*+.^`|~-]++:[\t -~\x80-\xff]*+\r\n" % "|".join(PASSED_ON).encode()
)
_HOST = rb"(?i:host): ?[\w.:\[\]-]*+\r\n"
_LENGTH = rb"(?i:content-length): ?(?P<length>[0-9]{1,9})\r\n"

HEAD = re.compile(
    rb"POST (?P<target>[!-~]++) HTTP/1\.1\r\n"
    rb"(?:%(field)b)*+(?P<host>%(host)b(?:%(field)b)*+)?+"
    rb"%(length)b(?:%(field)b)*+(?(host)|%(host)b(?:%(field)b)*+)\r\n"
    % {b"field": _FIELD, b"host": _HOST, b"length": _LENGTH}
)
"""The head of a POST with a body of known length, on a connection that stays open afterwards.

Header names are tokens (RFC 9110, 5.1), values have no control characters (5.5), there is one Host (7.2), and the
headers may stand in any order. The bytes after the match are the body.
"""
