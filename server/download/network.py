"""The way to the store: its address, the proxy, the trusted certificates.

watcher/stores has modules for the same: the server and the watcher do not import each other.
"""

from __future__ import annotations

import os
import ssl
import urllib.request
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import urllib3

from server.errors import ModelError

CONNECT_SECONDS, READ_SECONDS = 5.0, 20.0
EXPECTED = "expected host:port, such as minio.minio:9000 or [::1]:9000"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the store listens. `host` has the port, and the brackets of an IPv6 address."""

    host: str
    secure: bool

    @classmethod
    def of(cls, text: str, *, secure: bool) -> Endpoint:
        """Return the endpoint of `host:port` or of a URL, whose scheme decides about TLS.

        Raises:
            ModelError: it has more than a host and a port. User and password are never shown.

        """
        url = text if "://" in text else f"{'https' if secure else 'http'}://{text}"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ModelError(f"the store's endpoint is malformed: {EXPECTED}") from error
        if "@" in parts.netloc:
            raise ModelError(
                "the store's endpoint has a user or password, which belong in AWS_ACCESS_KEY_ID and "
                f"AWS_SECRET_ACCESS_KEY: {EXPECTED}"
            )
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ModelError(f"the store's endpoint has a path after {parts.netloc}: {EXPECTED}")
        unbracketed = parts.netloc.count(":") > 1 and "[" not in parts.netloc
        if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or unbracketed:
            raise ModelError(f"the store's endpoint is malformed: {EXPECTED}")
        return cls(parts.netloc, parts.scheme == "https")

    @property
    def scheme(self) -> str:
        return "https" if self.secure else "http"


def connection_pool(endpoint: Endpoint) -> urllib3.PoolManager:
    """Return a pool that reaches the endpoint, by the proxy of the environment if there is one for it.

    It tries each request once and follows no redirect: a signed request is valid for one address only.
    """
    context = tls_context() if endpoint.secure else None
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    proxy = proxy_of(endpoint)
    if not proxy:
        return urllib3.PoolManager(timeout=timeout, retries=False, ssl_context=context)
    parts = urlsplit(proxy)
    headers = None
    if parts.username:
        headers = urllib3.make_headers(proxy_basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return urllib3.ProxyManager(address, proxy_headers=headers, timeout=timeout, retries=False, ssl_context=context)


def proxy_of(endpoint: Endpoint) -> str:
    """Return the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names, or "" if NO_PROXY exempts the store."""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(endpoint.scheme) or proxies.get("all") or ""
    bare = urlsplit(f"//{endpoint.host}").hostname or ""
    if not proxy or urllib.request.proxy_bypass(endpoint.host) or urllib.request.proxy_bypass(bare):
        return ""
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if urlsplit(proxy).scheme not in {"http", "https"} or not urlsplit(proxy).hostname:
        raise ModelError(f"{endpoint.scheme.upper()}_PROXY: expected a URL such as http://proxy.example:3128")
    return proxy


def tls_context() -> ssl.SSLContext:
    """Return a context that trusts the authorities of SSL_CERT_FILE, or the system's, and those of AWS_CA_BUNDLE."""
    context = ssl.create_default_context()
    if bundle := os.environ.get("AWS_CA_BUNDLE"):
        try:
            context.load_verify_locations(bundle)
        except OSError as error:
            raise ModelError(f"AWS_CA_BUNDLE: {bundle} cannot be read as certificates (PEM)") from error
    return context
