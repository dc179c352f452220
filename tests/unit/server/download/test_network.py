from __future__ import annotations

import pytest

from server.download.network import Endpoint, proxy_of
from server.errors import ModelError

STORE = Endpoint("minio.minio:9000", secure=False)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("text", "secure", "expected"),
    [
        ("minio:9000", False, Endpoint("minio:9000", secure=False)),
        ("minio", True, Endpoint("minio", secure=True)),
        ("https://minio:9000/", False, Endpoint("minio:9000", secure=True)),
        ("http://minio", True, Endpoint("minio", secure=False)),
        ("[::1]:9000", False, Endpoint("[::1]:9000", secure=False)),
    ],
)
def test_endpoint_of_host_and_port_or_a_url(text: str, secure: bool, expected: Endpoint) -> None:
    assert Endpoint.of(text, secure=secure) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "malformed"),
        ("::1", "malformed"),
        ("::1:9000", "malformed"),
        ("[::1:9000", "malformed"),
        ("minio:port", "malformed"),
        ("minio:99999", "malformed"),
        ("ftp://minio", "malformed"),
        ("user:secret@minio:9000", "a user or password"),
        ("https://minio/prefix", "a path after minio"),
        ("minio:9000?x=1", "a path after minio:9000"),
    ],
)
def test_endpoint_of_anything_else_is_refused_without_showing_a_password(text: str, problem: str) -> None:
    with pytest.raises(ModelError) as raised:
        Endpoint.of(text, secure=False)
    assert problem in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("env", "proxy"),
    [
        ({}, ""),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"http_proxy": "proxy:3128"}, "http://proxy:3128"),
        ({"ALL_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:3128"}, ""),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "minio.minio"}, ""),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": ".minio"}, ""),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "minio.minio:9000"}, ""),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, ""),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "other"}, "http://proxy:3128"),
    ],
)
def test_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch, env: dict[str, str], proxy: str) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(STORE) == proxy


def test_proxy_of_an_ipv6_store_is_exempted_with_and_without_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    for exempted in ("::1", "[::1]"):
        monkeypatch.setenv("NO_PROXY", exempted)
        assert proxy_of(Endpoint("[::1]:9000", secure=False)) == ""


def test_proxy_of_an_unknown_kind_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://user:secret@proxy:1080")
    with pytest.raises(ModelError, match="HTTP_PROXY: expected a URL") as raised:
        proxy_of(STORE)
    assert "secret" not in str(raised.value)
