"""The S3 library's and urllib3's errors as the watcher's: one sentence that keeps the cause and says what to do."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import BadStatusLine
from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3 import exceptions as http

from watcher.core.text import one_line
from watcher.errors import Rejected, Retryable, WatcherError
from watcher.stores.calls import CallEnded, Redirected

CAUSE_LIMIT = 300
"""Bytes of another program's text in a sentence of ours."""

FOR_A_PERSON = {
    "AccessDenied": "the credentials may not read it",
    "AllAccessDisabled": "the store has disabled all access to it",
    "AuthorizationHeaderMalformed": "the store expects another region: set --s3-region",
    "ExpiredToken": "the session token has expired: renew the credentials",
    "InvalidAccessKeyId": "the access key is unknown there: check AWS_ACCESS_KEY_ID",
    "InvalidToken": "the session token is not valid: check AWS_SESSION_TOKEN",
    "NoSuchBucket": "there is no such bucket: create it, or check --bucket",
    "PermanentRedirect": "it is in another region: set --s3-region",
    "RequestTimeTooSkewed": "the clocks of this machine and of the store differ by more than 15 minutes: set them",
    "SignatureDoesNotMatch": "the secret key is wrong: check AWS_SECRET_ACCESS_KEY",
}
"""S3 error codes that trying again does not mend, and what to do."""

REFUSED_KEYS = frozenset(
    {"AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"}
)
"""S3 error codes after which credentials are worth reading again."""

TLS_TO_PLAIN = "the port does not speak TLS: check the scheme of the endpoint"
PLAIN_TO_TLS = "the port expects TLS: use https:// in the endpoint, or --s3-secure"


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn the libraries' errors into ours; the message says what was being done."""
    try:
        yield
    except WatcherError as error:
        raise type(error)(error.reason, f"{doing}: {error}") from error
    except CallEnded as error:
        raise Retryable("StoreTimeout", f"{doing}: {error}") from error
    except Redirected as error:
        advice = "set --s3-endpoint to the store itself"
        raise Rejected("Redirected", f"{doing}: the store redirects to {_clean(error)}: {advice}") from error
    except S3Error as error:
        raise _from_s3(error, doing) from error
    except (ParseError, UnicodeDecodeError) as error:
        raise _not_a_store(doing) from error
    except (InvalidResponseError, ServerError) as error:
        raise _from_answer(error, doing) from error
    except (MinioException, http.HTTPError, OSError) as error:
        raise Retryable("StoreUnreachable", f"{doing}: the store cannot be reached: {network_cause(error)}") from error
    except ValueError as error:
        raise Retryable("StoreUnusable", f"{doing}: {_clean(error)}") from error


def network_cause(error: BaseException) -> str:
    """Return why a connection failed, in words where the cause is a usual one.

    urllib3 wraps the cause several times, so look for the first known type from the outside to the inside.
    """
    chain = list(_chain(error))
    proxied = any(isinstance(item, http.ProxyError) for item in chain)
    for item in chain:
        if cause := _known_cause(item):
            return f"the proxy fails: {cause}" if proxied else cause
    return ("the proxy fails: " if proxied else "") + _clean(chain[-1])


def _known_cause(error: BaseException) -> str:  # noqa: PLR0911 - a table: a cause a line
    match error:
        case http.NameResolutionError():
            found = re.search(r"resolve ('[^']*')", str(error))
            return f"the host name {found[1] if found else ''} is unknown (DNS)"
        case http.ConnectTimeoutError() if not isinstance(error, http.NewConnectionError):
            return "it does not accept the connection in time"
        case http.ReadTimeoutError():
            return "it accepted the connection and does not answer"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message}): set AWS_CA_BUNDLE to its authority's"
        case ssl.SSLError() if error.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}:
            return TLS_TO_PLAIN
        case BadStatusLine() if str(error).startswith("\x15\x03"):  # a TLS alert
            return PLAIN_TO_TLS
        case ConnectionRefusedError():
            return "nothing listens on that port (connection refused)"
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and all that it wraps, by any of the ways in which urllib3 does."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = (getattr(error, "reason", None), getattr(error, "original_error", None), *error.args)
        wrapped = (item for item in (*inner, error.__cause__, error.__context__) if isinstance(item, BaseException))
        error = next(wrapped, None)


def _from_s3(error: S3Error, doing: str) -> WatcherError:
    code = error.code or "StoreError"
    if code in FOR_A_PERSON:
        return Rejected(code, f"{doing}: {FOR_A_PERSON[code]}")
    code = code if re.fullmatch(r"[A-Za-z]{1,60}", code) else "StoreError"
    return Retryable(code, f"{doing}: the store answers {code}: {_clean(error.message or '')}")


def _from_answer(error: MinioException, doing: str) -> WatcherError:
    """Read an answer that is not S3's: a proxy's page, or the protest of a port that expects TLS."""
    text = str(error)
    if "HTTP request to an HTTPS server" in text or "plain HTTP request was sent to HTTPS port" in text:
        return Rejected("StoreUnreachable", f"{doing}: {PLAIN_TO_TLS}")
    status = re.search(r"(?:Response code: |status code )(\d{3})", text)
    return Retryable("StoreUnusable", f"{doing}: {f'HTTP {status[1]}' if status else 'an answer'} that is not S3's")


def _not_a_store(doing: str) -> WatcherError:
    advice = "check --s3-endpoint (MinIO's console has a port of its own)"
    return Retryable("NoStore", f"{doing}: what answers there is not an S3 store: {advice}")


def _clean(error: object) -> str:
    return one_line(str(error), CAUSE_LIMIT) or type(error).__name__
