"""Where the S3 store is, read from what an operator writes, and which store that is for the default owner. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from minio.helpers import check_bucket_name

from watcher.core.addresses import join_address, split_address
from watcher.core.naming import LABEL_LIMIT
from watcher.errors import Rejected

DIGEST_LENGTH = 8
"""Characters. Two of a thousand stores get the same digest with a probability of one in ten thousand."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The store's address and whether it speaks TLS. `host` is host:port, without the scheme's default port."""

    host: str
    secure: bool

    @classmethod
    def of(cls, text: str, *, secure: bool) -> Endpoint:
        """Read `host:port` or a URL. The scheme of a URL overrides `secure`.

        Raises:
            Rejected: the text is neither; the message says what is expected, and shows no password.

        """
        scheme, separator, rest = text.strip().partition("://")
        rest = rest if separator else scheme
        if separator and scheme.lower() not in {"http", "https"}:
            raise Rejected("Malformed", f"'{scheme}://' is not supported: expected host:port, http:// or https://")
        secure = scheme.lower() == "https" if separator else secure
        host, port = split_address(_authority(rest))
        if not host or port == 0:
            raise Rejected("Malformed", f"'{text}' names no store: expected host:port, http:// or https://")
        return cls(join_address(host.lower().rstrip("."), None if port == (443 if secure else 80) else port), secure)

    @property
    def url(self) -> str:
        """The URL of the store, without a path."""
        return f"{'https' if self.secure else 'http'}://{self.host}"


def _authority(rest: str) -> str:
    """Return the host and port of a URL without its scheme. Reject the parts that the S3 client cannot use."""
    if "@" in rest:
        advice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise Rejected("Malformed", f"the address must not contain a user or password: {advice}")
    authority, path = re.match(r"([^/?#]*)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    if path not in {"", "/"}:
        raise Rejected("Malformed", f"the path '{path}' is not supported: the store must be at the root of its host")
    return str(authority)


def bucket_problem(name: str) -> str:
    """Return why `name` cannot be a bucket, or ""."""
    try:
        check_bucket_name(name)
    except ValueError:
        return f"'{name}' is not a bucket: expected 3 to 63 lower-case letters, digits, '.' and '-'"
    return ""


def default_owner(bucket: str, endpoint: Endpoint) -> str:
    """Return the owner of a watcher that is given none: the bucket's name and a digest of the store's address.

    Two stores may have buckets of one name, the default one above all; their watchers must not share objects. The
    result is a valid label value. It does not depend on the scheme, on a default port, or on the host name's case.
    """
    digest = hashlib.sha256(_identity(endpoint).encode()).hexdigest()[:DIGEST_LENGTH]
    return f"{bucket[: LABEL_LIMIT - DIGEST_LENGTH - 1].rstrip('.-_')}-{digest}"


def _identity(endpoint: Endpoint) -> str:
    """Return the store behind an address. All of AWS is one store per partition: its bucket names are global."""
    host = urlsplit(endpoint.url).hostname or ""
    if aws := re.search(r"(?:^|\.)(amazonaws\.com(?:\.cn)?)$", host):
        return aws[1]
    return endpoint.host
