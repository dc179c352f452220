"""Say in one sentence why a request to the store failed, and whether trying again may help. Pure."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.client import RemoteDisconnected
from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, S3Error, ServerError
from urllib3 import exceptions

from server.download.network import CONNECT_SECONDS, READ_SECONDS
from server.errors import ModelError
from server.text import clean

REASONS = {
    "AccessDenied": "the credentials may not read it",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set AWS_REGION",
    "ExpiredToken": "the temporary credentials have expired",
    "InvalidAccessKeyId": "the access key is unknown to the store: check AWS_ACCESS_KEY_ID",
    "InvalidToken": "the session token is not valid: check AWS_SESSION_TOKEN",
    "InvalidTokenId": "the session token is not valid or has expired: check AWS_SESSION_TOKEN",
    "NoSuchBucket": "there is no such bucket",
    "NoSuchKey": "there is no such object",
    "PermanentRedirect": "the bucket is in another region: set AWS_REGION, and its endpoint",
    "RequestTimeTooSkewed": "the clocks of this machine and of the store differ by too much",
    "SignatureDoesNotMatch": "the signature is wrong: check AWS_SECRET_ACCESS_KEY, and proxies that change Host",
}
"""Of S3's error codes, those that a person can act on."""

SIGNER = "the watcher's access key, which signed the URL,"
REASONS_OF_URLS = REASONS | {
    "AccessDenied": f"{SIGNER} may not read it: allow it s3:GetObject (and s3:GetObjectVersion)",
    "ExpiredToken": f"{SIGNER} was temporary and has expired: the next URL is signed when the watcher has a new one",
    "InvalidAccessKeyId": f"{SIGNER} is unknown to the store now: does the watcher run, and with a valid key?",
    "InvalidToken": f"{SIGNER} was temporary and is no longer valid: does the watcher run, and with a valid key?",
    "InvalidTokenId": f"{SIGNER} was temporary and has expired: the next URL is signed when the watcher has a new one",
    "RequestExpired": "the URL that the watcher signed has expired: does the watcher run, and reach the cluster?",
    "SignatureDoesNotMatch": (
        "the signature of the URL is wrong: has the watcher's secret key changed, or does a proxy change Host? "
        "Check the watcher's --pod-s3-endpoint, which has to be the address that the pods use"
    ),
}
"""The same for a request by a URL that the watcher signed."""

BUSY = {408, 429, 500, 502, 503, 504}
"""HTTP statuses that pass by themselves."""

NETWORK: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((socket.gaierror, exceptions.NameResolutionError), "its name cannot be resolved (DNS)"),
    ((ConnectionRefusedError,), "the connection is refused, so nothing listens there"),
    ((exceptions.IncompleteRead,), "it closed the connection before the object was complete"),
    (
        (RemoteDisconnected, ConnectionResetError, BrokenPipeError),
        "it closed the connection without an answer; check TLS on or off",
    ),
    (
        (exceptions.ConnectTimeoutError,),
        f"no connection within {CONNECT_SECONDS:.0f} s; check the address, firewalls and network policies",
    ),
    ((exceptions.ReadTimeoutError, TimeoutError), f"no answer within {READ_SECONDS:.0f} s"),
)
"""Sentences for the errors in a chain of causes; the first that matches counts."""

CERTIFICATE = {
    9: "its certificate is not valid yet: check this machine's clock",
    10: "its certificate has expired; if it has not, check this machine's clock",
    62: "its certificate is for another host name",
    64: "its certificate is for another IP address",
}
"""Sentences for OpenSSL's verify codes."""

UNTRUSTED = "its certificate is signed by an authority that is not trusted: set AWS_CA_BUNDLE or SSL_CERT_FILE"
TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


class TransientError(ModelError):
    """The request may succeed later."""


def explain(error: Exception, source: str, host: str, reasons: Mapping[str, str] = REASONS) -> ModelError:
    """Return the error that stands for `error` of a request for `source` to `host`; TransientError if it may pass."""
    if isinstance(error, S3Error):
        reason = reasons.get(error.code or "") or clean(error.message or error.code or "an error without a name")
        kind = TransientError if error.response.status in BUSY else ModelError
        return kind(f"{source}: {reason}")
    if isinstance(error, InvalidResponseError):
        return from_status(error._code, host)  # noqa: SLF001 - the SDK shows the status nowhere else
    if isinstance(error, ServerError):
        return from_status(error.status_code, host)
    if isinstance(error, (ParseError, UnicodeDecodeError)):
        return ModelError(f"{host} does not answer like an S3 store: check the endpoint")
    if isinstance(error, (exceptions.HTTPError, OSError)):
        return from_network(error, host)
    return ModelError(f"{source}: {clean(error)}")


def from_status(status: int, host: str) -> ModelError:
    """Return the error for an answer without S3's XML: a proxy's, or another program's."""
    try:
        name = f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = f"HTTP {status}"
    if status in BUSY:
        return TransientError(f"the store at {host} is busy or out of order ({name})")
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP's redirects
        return ModelError(f"{host} answers with a redirect ({name}): set the endpoint to the store's own address")
    return ModelError(f"{host} answers with {name}, not like an S3 store: check the endpoint, and TLS on or off")


def from_network(error: BaseException, host: str) -> ModelError:
    chain = list(causes(error))
    kind = ModelError if any(isinstance(item, ssl.SSLError) for item in chain) else TransientError
    via_proxy = any(isinstance(item, exceptions.ProxyError) for item in chain)
    where = f"the proxy to the store at {host}" if via_proxy else f"the store at {host}"
    return kind(f"{where} cannot be reached: {network_reason(chain)}")


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Return the error and what it was raised from, outermost first. urllib3 keeps some causes in attributes."""
    seen = set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = getattr(error, "reason", None) or getattr(error, "original_error", None)
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__


def network_reason(chain: list[BaseException]) -> str:
    """Return the most exact reason that the chain of causes holds."""
    for item in chain:
        if isinstance(item, ssl.SSLCertVerificationError):
            return CERTIFICATE.get(item.verify_code, UNTRUSTED)
        if isinstance(item, ssl.SSLError):
            return "it does not speak TLS; check the port, and TLS on or off"
        if tunnel := TUNNEL.search(str(item)):
            return f"it refuses with HTTP {tunnel[1]}; check the user and password in HTTPS_PROXY, and its rules"
    for kinds, sentence in NETWORK:
        if any(isinstance(item, kinds) for item in chain):
            return sentence
    system = next((item.strerror for item in chain if isinstance(item, OSError) and item.strerror), "")
    return clean(system or type(chain[-1]).__name__)
