"""Heads of requests that ask for nothing special. Pure.

One regular expression, since it accepts exactly what it spells out. `httptools` takes 1.1 to 2.1 times as long, and
accepts heads that Sanic refuses (docs/adr/0008).
"""

from __future__ import annotations

import re

PASSED_ON = ("content-encoding", "transfer-encoding", "expect", "upgrade")
"""Headers, in lower case, that only Sanic and the routes understand: a request with one of them is passed on to Sanic.

A feature that must see a header adds its name here.
"""

_FIELD = (
    # `connection` may only say what HTTP/1.1 does anyway; content-length is excluded here because HEAD names it once.
    # Possessive quantifiers (`++`, `*+`) never backtrack. `%%` is one %, because the pattern is formatted.
    rb"(?!(?i:(?:%b|content-length|connection(?!: ?keep-alive\r)):))"
    rb"[\w!#$%%&'*+.^`|~-]++:[\t -~\x80-\xff]*+\r\n" % "|".join(PASSED_ON).encode()
)

HEAD = re.compile(
    rb"POST (?P<target>[!-~]++) HTTP/1\.1\r\n"
    rb"(?:%b)*+(?i:content-length): ?(?P<length>\d{1,9})\r\n(?:%b)*+\r\n" % (_FIELD, _FIELD)
)
"""The head of a POST with a body of known length, on a connection that stays open afterwards.

Header names are tokens (RFC 9110, 5.1), values have no control characters (5.5), and both may stand in any order. The
bytes after the match are the body.
"""
