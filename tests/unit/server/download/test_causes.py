from __future__ import annotations

import ssl
from types import SimpleNamespace
from typing import Any

import pytest
from minio.error import InvalidResponseError, S3Error, ServerError
from urllib3 import exceptions

from server.download.causes import TransientError, explain
from server.errors import ModelError
from server.text import CLEAN_LIMIT

HOST, SOURCE = "minio:9000", "s3://b/k"


def s3_error(code: str, status: int, message: str = "") -> S3Error:
    response: Any = SimpleNamespace(status=status)
    return S3Error(response, code, message, None, None, None)


def not_trusted(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (s3_error("ExpiredToken", 400), "s3://b/k: the temporary credentials have expired"),
        (
            s3_error("RequestTimeTooSkewed", 403),
            "s3://b/k: the clocks of this machine and of the store differ by too much",
        ),
        (s3_error("Odd", 400, "a\x1b[2J\nb" + "x" * 1000), "s3://b/k: a [2J b"),
        (InvalidResponseError(302, None, None), "minio:9000 answers with a redirect (HTTP 302 Found)"),
        (InvalidResponseError(799, None, None), "minio:9000 answers with HTTP 799"),
        (not_trusted(9), "its certificate is not valid yet: check this machine's clock"),
        (not_trusted(10), "its certificate has expired"),
        (not_trusted(18), "an authority that is not trusted: set AWS_CA_BUNDLE or SSL_CERT_FILE"),
        (ValueError("an odd key"), "s3://b/k: an odd key"),
    ],
)
def test_explain_what_no_second_attempt_cures(error: Exception, sentence: str) -> None:
    explained = explain(error, SOURCE, HOST)
    assert type(explained) is ModelError
    assert sentence in str(explained)
    assert str(explained).isprintable()
    assert len(str(explained)) <= len(f"{SOURCE}: ") + CLEAN_LIMIT


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (s3_error("SlowDown", 503, "reduce your rate"), "s3://b/k: reduce your rate"),
        (ServerError("x", 502), "the store at minio:9000 is busy or out of order (HTTP 502 Bad Gateway)"),
        (InvalidResponseError(429, "text/plain", ""), "(HTTP 429 Too Many Requests)"),
        (exceptions.IncompleteRead(1, 2), "it closed the connection before the object was complete"),
        (ConnectionResetError(104, "reset"), "it closed the connection without an answer"),
        (OSError(113, "No route to host"), "No route to host"),
    ],
)
def test_explain_what_a_second_attempt_may_cure(error: Exception, sentence: str) -> None:
    explained = explain(error, SOURCE, HOST)
    assert isinstance(explained, TransientError)
    assert sentence in str(explained)


def test_explain_an_error_behind_the_proxy_names_the_proxy() -> None:
    error = exceptions.ProxyError(
        "Unable to connect to proxy", OSError("Tunnel connection failed: 407 Auth \x1b required")
    )
    sentence = str(explain(error, SOURCE, HOST))
    assert sentence.startswith("the proxy to the store at minio:9000 cannot be reached: it refuses with HTTP 407")
    assert sentence.isprintable()
