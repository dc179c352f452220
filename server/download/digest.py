"""The SHA-256 of what is fetched, computed as the bytes arrive; other bytes than before are refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from server.errors import ModelError


class Digests:
    """The SHA-256 of each file that arrived as a whole, in hexadecimal, by its name."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def checked(self, chunks: Iterable[bytes], source: str, name: str, expected: str) -> Iterator[bytes]:
        """Yield the chunks of a file, and record its digest after the last one.

        Raises:
            ModelError: the digest is not `expected`, unless that is "".

        """
        digest = hashlib.sha256()
        for chunk in chunks:
            digest.update(chunk)
            yield chunk
        found = digest.hexdigest()
        if expected and found != expected:
            raise ModelError(
                f"{source}: its bytes are not those that were fetched before (SHA-256 {found[:16]}…, expected "
                f"{expected[:16]}…), though the ETag is: find out what changes them, and upload it again"
            )
        self.found[name] = found
