"""Say why a connection failed: one clause of plain words for each usual cause. Pure."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from http.client import BadStatusLine

from urllib3 import exceptions as http

from watcher.core.text import clean


class Cause(StrEnum):
    """The usual causes, for those who do more than print a sentence."""

    UNKNOWN_HOST = "unknown host"
    NOT_ACCEPTED = "not accepted"
    SILENT = "silent"
    UNTRUSTED = "untrusted"
    NO_TLS = "no TLS"
    NEEDS_TLS = "needs TLS"
    REFUSED = "refused"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about the causes that a setting can correct; the settings differ for a store and a cluster."""

    untrusted: str
    no_tls: str
    needs_tls: str


def network_cause(error: BaseException, advice: Advice) -> str:
    """Return why a connection failed, in words where the cause is a usual one."""
    return explained(error, advice)[1]


def explained(error: BaseException, advice: Advice) -> tuple[Cause, str]:
    """Return why a connection failed: the usual cause, and a clause in words.

    urllib3 wraps the cause several times, so look for the first known type from the outside to the inside.
    """
    chain = list(wrapped_by(error))
    proxied = "the proxy fails: " if any(isinstance(item, http.ProxyError) for item in chain) else ""
    known = filter(None, (_known_cause(item, advice) for item in chain))
    cause, words = next(known, (Cause.OTHER, clean(chain[-1]) or type(chain[-1]).__name__))
    return cause, proxied + words


def _known_cause(error: BaseException, advice: Advice) -> tuple[Cause, str] | None:  # noqa: PLR0911 - a table with one cause per line
    match error:
        case http.NameResolutionError():
            found = re.search(r"resolve ('[^']*')", str(error))
            return Cause.UNKNOWN_HOST, f"the host name {found[1] if found else ''} is unknown (DNS)"
        # NewConnectionError is a subclass of ConnectTimeoutError, but its cause is deeper in the chain.
        case http.ConnectTimeoutError() if not isinstance(error, http.NewConnectionError):
            return Cause.NOT_ACCEPTED, "it does not accept the connection in time"
        case http.ReadTimeoutError():
            return Cause.SILENT, "it accepted the connection and does not answer"
        case ssl.SSLCertVerificationError():
            return Cause.UNTRUSTED, f"its certificate is not trusted ({error.verify_message}): {advice.untrusted}"
        case ssl.SSLError() if error.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}:
            return Cause.NO_TLS, f"the port does not speak TLS: {advice.no_tls}"
        case BadStatusLine() if str(error).startswith("\x15\x03"):  # a TLS alert
            return Cause.NEEDS_TLS, f"the port expects TLS: {advice.needs_tls}"
        case ConnectionRefusedError():
            return Cause.REFUSED, "nothing listens on that port (connection refused)"
    return None


def wrapped_by(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error, then the first one that it wraps, and so on; urllib3 uses each of these attributes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = (getattr(error, "reason", None), getattr(error, "original_error", None), *error.args)
        wrapped = (item for item in (*inner, error.__cause__, error.__context__) if isinstance(item, BaseException))
        error = next(wrapped, None)
