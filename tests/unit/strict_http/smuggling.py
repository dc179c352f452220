"""Requests that a proxy and a server could read in two ways, by name. Each must get one 400, and no second answer.

`HIDDEN` is a whole request in the place of a body: whoever misses the body's length answers it.
"""

from __future__ import annotations

HIDDEN = b"GET /ping HTTP/1.1\r\nHost: hidden\r\nX: y\r\n\r\n"
SIZE = b"%d" % len(HIDDEN)
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
ARABIC = "".join(chr(0x660 + int(digit)) for digit in SIZE.decode()).encode()

LENGTHS = {
    "space before the colon": b"Content-Length : %b",
    "tab before the colon": b"Content-Length\t: %b",
    "folded line": b"X: y\r\n Content-Length: %b",
    "folded line by a tab": b"X: y\r\n\tContent-Length: %b",
    "value in a folded line": b"Content-Length:\r\n %b",
    "lone line feed": b"X: y\nContent-Length: %b",
    "lone carriage return": b"X: y\rContent-Length: %b",
    "carriage return twice": b"X: y\r\r\nContent-Length: %b",
    "NUL after the name": b"Content-Length\x00: %b",
    "NUL before the name": b"\x00Content-Length: %b",
    "NUL in a value": b"X: a\x00b\r\nContent-Length: %b",
    "delete in a value": b"X: \x7f\r\nContent-Length: %b",
    "control character before the number": b"Content-Length: \x0b%b",
    "control character after the number": b"Content-Length: %b\x1c",
    "no-break space before the number": b"Content-Length:\xc2\xa0%b",
    "lone line feed after the number": b"Content-Length: %b\n",
    "underscore": b"Content_Length: %b",
    "plus": b"Content-Length: +%b",
    "minus": b"Content-Length: -%b",
    "hexadecimal": b"Content-Length: 0x%b",
    "list": b"Content-Length: %b, %b",
    "list without a space": b"Content-Length: %b,%b",
    "twice": b"Content-Length: %b\r\nContent-Length: %b",
    "twice, one in capitals": b"Content-Length: %b\r\nCONTENT-LENGTH: %b",
    "empty": b"Content-Length:",
    "fraction": b"Content-Length: %b.0",
    "underscore in the number": b"Content-Length: 1_0",
    "quotes": b'Content-Length: "%b"',
    "thousands of digits": b"Content-Length: " + b"0" * 4000 + b"%b",
    "another script's digits": b"Content-Length: " + ARABIC,
    "two hosts": b"Host: b\r\nContent-Length: %b",
    "two equal hosts": b"Host: a\r\nContent-Length: %b",
    "line without a colon": b"NoColon\r\nContent-Length: %b",
    "space in a name": b"A B: c\r\nContent-Length: %b",
    "empty name": b": c\r\nContent-Length: %b",
    "name of another script": b"\xc4\xb0: c\r\nContent-Length: %b",
}
"""Fields around the length of a body, `%b`."""

CODINGS = {
    "space before the colon": b"Transfer-Encoding : chunked",
    "folded line": b"X: y\r\n Transfer-Encoding: chunked",
    "lone line feed": b"X: y\nTransfer-Encoding: chunked",
    "lone carriage return": b"X: y\rTransfer-Encoding: chunked",
    "underscore": b"Transfer_Encoding: chunked",
    "control character before the value": b"Transfer-Encoding:\x0bchunked",
    "no-break space before the value": b"Transfer-Encoding:\xc2\xa0chunked",
    "with a length": b"Transfer-Encoding: chunked\r\nContent-Length: 3",
    "after a length": b"Content-Length: 3\r\nTransfer-Encoding: chunked",
    "twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "list of two": b"Transfer-Encoding: gzip, chunked",
    "chunked not last": b"Transfer-Encoding: chunked, identity",
    "identity": b"Transfer-Encoding: identity",
    "quotes": b'Transfer-Encoding: "chunked"',
    "other letters": b"Transfer-Encoding: xchunked",
    "parameter": b"Transfer-Encoding: chunked;q=1",
    "empty": b"Transfer-Encoding:",
}
"""Fields around the coding of a body."""

CHUNKED_BODIES = {
    "0x before the size": b"0x%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN),
    "plus before the size": b"+%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN),
    "minus before the size": b"-2\r\n{}\r\n0\r\n\r\n",
    "underscore in the size": b"0_2\r\n{}\r\n0\r\n\r\n",
    "line feed alone after the size": b"%x\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN),
    "carriage return alone after the size": b"2\r{}\r\n0\r\n\r\n",
    "another script's size": "٢\r\n{}\r\n0\r\n\r\n".encode(),
    "spaces around the size": b" 2 \r\n{}\r\n0\r\n\r\n",
    "space after the size": b"2 \r\n{}\r\n0\r\n\r\n",
    "control character after the size": b"2\x0b\r\n{}\r\n0\r\n\r\n",
    "line feed in an extension": b"2;a=\nb\r\n{}\r\n0\r\n\r\n",
    "NUL in an extension": b"2;a=\x00\r\n{}\r\n0\r\n\r\n",
    "no size": b"\r\n{}\r\n0\r\n\r\n",
    "more bytes than the size": b"2\r\n{}XX0\r\n\r\n",
    "line feed alone after the bytes": b"2\r\n{}\n0\r\n\r\n",
    "trailer": b"2\r\n{}\r\n0\r\nContent-Length: 3\r\n\r\n",
    "request as a trailer": b"2\r\n{}\r\n0\r\n" + HIDDEN,
    "size of hundreds of digits": b"0" * 400 + b"2\r\n{}\r\n0\r\n\r\n",
    "lone line feeds at the end": b"2\r\n{}\r\n0\n\n",
}
"""What follows a head with `Transfer-Encoding: chunked`."""


def requests(target: bytes = b"/predict") -> dict[str, bytes]:
    """Return all requests by name."""
    start = b"POST %b HTTP/1.1\r\n" % target
    host = b"Host: a\r\n"
    found = {}
    for name, fields in LENGTHS.items():
        found[f"Content-Length: {name}"] = start + host + fields.replace(b"%b", SIZE) + b"\r\n\r\n" + HIDDEN
    for name, fields in CODINGS.items():
        found[f"Transfer-Encoding: {name}"] = start + host + fields + b"\r\n\r\n" + CHUNKS
    for name, body in CHUNKED_BODIES.items():
        found[f"chunks: {name}"] = start + host + b"Transfer-Encoding: chunked\r\n\r\n" + body
    length = b"Content-Length: %b\r\n\r\n%b" % (SIZE, HIDDEN)
    chunked = b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS
    return found | {
        "no host": start + length,
        "host with a space": start + b"Host: a b\r\n" + length,
        "host with a path": start + b"Host: a/b\r\n" + length,
        "first header folded": start + b" Content-Length: 2\r\n" + host + length,
        "chunks in HTTP/1.0": start.replace(b"1.1", b"1.0") + host + chunked,
        "HTTP/2.0": start.replace(b"1.1", b"2.0") + host + length,
        "no version": start.replace(b" HTTP/1.1", b"") + host + length,
        "two spaces": start.replace(b"POST ", b"POST  ") + host + length,
        "tab for a space": start.replace(b"POST ", b"POST\t") + host + length,
        "space after the version": start.replace(b"1.1", b"1.1 ") + host + length,
        "line feed alone after the version": start.replace(b"\r\n", b"\n") + host + length,
        "target without a slash": start.replace(b" /", b" ") + host + length,
        "target with a port that is none": start.replace(b" /", b" http://a:99999/") + host + length,
        "NUL in the method": b"P\x00ST" + start[4:] + host + length,
        "control character in the target": start.replace(b" HTTP", b"\x0b HTTP") + host + length,
        "only lone line feeds": (start + host).replace(b"\r\n", b"\n") + b"\n",
    }
