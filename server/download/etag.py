"""Compare ETags, so that a pod serves exactly the bytes that it was made for. Pure."""

from __future__ import annotations

from server.errors import ModelError

NONE = "none"
"""In the place of the ETag of a requirements.txt: the version has none, and what lies there now is not fetched."""


def check(source: str, found: str, expected: str) -> None:
    """Raise ModelError unless `found`, from the answer's header, names the `expected` bytes; "" expects nothing.

    The comparison is the weak one of RFC 9110, 8.8.3.2: a proxy that may compress or cache marks ETags as weak. We send
    no If-Match: it compares strongly, so a store would refuse a weak ETag that means the same bytes. The answer's own
    header is as good, because header and bytes come in one answer.
    """
    if not opaque(found):
        raise ModelError(f"{source}: the answer has no ETag, so it is not a store's; does a proxy answer in its place?")
    if expected and opaque(found) != opaque(expected):
        raise ModelError(
            f"{source}: the object has changed (ETag {opaque(found)[:80]}, expected {opaque(expected)[:80]}); "
            "the watcher deploys the new bytes when it lists the bucket next"
        )


def opaque(etag: str) -> str:
    """Return the ETag without the mark of weakness and the quotes."""
    return etag.strip().removeprefix("W/").strip('"')
