"""The S3 library's and urllib3's errors as the watcher's: one sentence that keeps the cause and says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3 import exceptions as http

from watcher.core.text import clean
from watcher.errors import Rejected, Retryable, WatcherError
from watcher.net.calls import CallEnded
from watcher.net.causes import Advice, network_cause
from watcher.net.connections import Redirected

FOR_A_PERSON = {
    "AccessDenied": "the credentials may not read it",
    "AllAccessDisabled": "the store has disabled all access to it",
    "AuthorizationHeaderMalformed": "the store expects another region: set --s3-region",
    "ExpiredToken": "the session token has expired: renew the credentials",
    "InvalidAccessKeyId": "the access key is unknown there: check AWS_ACCESS_KEY_ID",
    "InvalidToken": "the session token is not valid: check AWS_SESSION_TOKEN",
    "InvalidTokenId": "the session token is not valid: check AWS_SESSION_TOKEN",  # MinIO's name
    "NoSuchBucket": "there is no such bucket: create it, or check --bucket",
    "PermanentRedirect": "it is in another region: set --s3-region",
    "RequestTimeTooSkewed": "the clocks of this machine and of the store differ by more than 15 minutes: set them",
    "SignatureDoesNotMatch": "the secret key is wrong: check AWS_SECRET_ACCESS_KEY",
}
"""S3 error codes that trying again does not mend, and what to do."""

REFUSED_KEYS = frozenset(
    {"AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "InvalidTokenId", "SignatureDoesNotMatch"}
)
"""S3 error codes after which credentials are worth reading again."""

ADVICE = Advice(
    untrusted="set AWS_CA_BUNDLE to its authority's",
    no_tls="check the scheme of the endpoint",
    needs_tls="use https:// in the endpoint, or --s3-secure",
)


@contextmanager
def translated(doing: str, url: str) -> Iterator[None]:
    """Turn the libraries' errors into ours. The message says what was being done and, without an answer, where."""
    try:
        yield
    except WatcherError as error:
        raise type(error)(error.reason, f"{doing}: {error}") from error
    except CallEnded as error:
        raise Retryable("StoreTimeout", f"{doing}: the store {url}: {error}") from error
    except Redirected as error:
        advice = "set --s3-endpoint to the store itself"
        raise Rejected("Redirected", f"{doing}: the store redirects to {clean(error)}: {advice}") from error
    except S3Error as error:
        raise _from_s3(error, doing) from error
    except (ParseError, UnicodeDecodeError) as error:
        raise _not_a_store(doing) from error
    except (InvalidResponseError, ServerError) as error:
        raise _from_answer(error, doing) from error
    except (MinioException, http.HTTPError, OSError) as error:
        raise Retryable(
            "StoreUnreachable", f"{doing}: the store {url} cannot be reached: {network_cause(error, ADVICE)}"
        ) from error
    except ValueError as error:
        raise Retryable("StoreUnusable", f"{doing}: {clean(error)}") from error


def _from_s3(error: S3Error, doing: str) -> WatcherError:
    code = error.code or "StoreError"
    if code in FOR_A_PERSON:
        return Rejected(code, f"{doing}: {FOR_A_PERSON[code]}")
    code = code if re.fullmatch(r"[A-Za-z]{1,60}", code) else "StoreError"
    return Retryable(code, f"{doing}: the store answers {code}: {clean(error.message or '')}")


def _from_answer(error: MinioException, doing: str) -> WatcherError:
    """Read an answer that is not S3's: a proxy's page, or the error of a port that expects TLS."""
    text = str(error)
    if is_tls_hint(text):
        return Rejected("StoreUnreachable", f"{doing}: the port expects TLS: {ADVICE.needs_tls}")
    status = re.search(r"(?:Response code: |status code )(\d{3})", text)
    return Retryable("StoreUnusable", f"{doing}: {f'HTTP {status[1]}' if status else 'an answer'} that is not S3's")


def is_tls_hint(text: str) -> bool:
    """Return whether a server says by plain HTTP that its port expects TLS."""
    return "HTTP request to an HTTPS server" in text or "plain HTTP request was sent to HTTPS port" in text


def _not_a_store(doing: str) -> WatcherError:
    advice = "check --s3-endpoint (MinIO's console has a port of its own)"
    return Retryable("NoStore", f"{doing}: what answers there is not an S3 store: {advice}")
