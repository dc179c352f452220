"""Say why a connection failed: one short clause of plain words for each kind of network error. Pure."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator

from urllib3 import exceptions

from watcher.core.text import one_line

CAUSE_LIMIT = 400
"""Bytes of a cause in an error's sentence."""


CLAUSES: dict[type[BaseException], str] = {
    exceptions.ConnectTimeoutError: "no connection in time",
    exceptions.ReadTimeoutError: "no answer in time",
    ConnectionRefusedError: "connection refused",
}


def cause_of(error: BaseException) -> str:
    """Return the cause of a failed call as one clause, such as "connection refused by 10.0.0.1:443"."""
    chain = list(_chain(error))
    proxy = "the proxy: " if any(isinstance(item, exceptions.ProxyError) for item in chain) else ""
    clauses = (clause for item in reversed(chain) if (clause := _clause(item)))
    return one_line(proxy + next(clauses, _innermost(chain)), CAUSE_LIMIT)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error, and what it wraps or was caused by, from the outside to the inside."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = getattr(error, "reason", None) or getattr(error, "original_error", None)
        wrapped = next((item for item in error.args if isinstance(item, BaseException)), None)
        error = inner if isinstance(inner, BaseException) else wrapped or error.__cause__ or error.__context__


def _clause(error: BaseException) -> str:
    """Return the clause for the errors that have one, or ""."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    if isinstance(error, exceptions.NameResolutionError):
        host = re.search(r"Failed to resolve '([^']*)'", str(error))
        return f"no DNS answer for {host[1] if host else 'the host'}"
    return next((clause for kind, clause in CLAUSES.items() if isinstance(error, kind)), "")


def _innermost(chain: list[BaseException]) -> str:
    """Return the last text of a chain that has one; its type where none has."""
    texts = [str(item) for item in chain if str(item)]
    return texts[-1] if texts else type(chain[0]).__name__
