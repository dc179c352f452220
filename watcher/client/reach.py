"""How to reach the HTTP side of a watcher or a model: by its URL, or through the API server of its cluster."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from watcher.core.naming import object_name
from watcher.core.types import ModelId
from watcher.errors import Rejected, Retryable

SERVICE = re.compile(r"service://(?P<namespace>[a-z0-9-]+)/(?P<name>[a-z0-9-]+)(?::(?P<port>[a-z0-9-]+))?/?")
SERVICE_FORM = "service://NAMESPACE/NAME[:PORT]"
SERVICE_PORT = "80"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of any status."""

    status: int
    body: bytes


class Reach(Protocol):
    """Sends requests to one server. Every failure to get an answer is `Retryable` with one sentence."""

    def request(
        self, method: str, path: str, seconds: float, *, body: bytes | None = None, content_type: str = JSON
    ) -> Answer:
        """Return the answer, whatever its status."""
        ...


@dataclass(frozen=True, slots=True)
class ByUrl:
    """A server whose address resolves from here."""

    url: str

    def request(
        self, method: str, path: str, seconds: float, *, body: bytes | None = None, content_type: str = JSON
    ) -> Answer:
        """Return the answer, whatever its status."""
        import urllib3  # noqa: PLC0415 - --help is quick without it

        limit, headers = urllib3.Timeout(total=seconds), _headers(body, content_type)
        try:
            found = urllib3.request(method, self.url + path, body=body, headers=headers, timeout=limit, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise Retryable("Unreachable", f"nothing answers at {self.url}") from error
        return Answer(found.status, found.data)


@dataclass(frozen=True, slots=True)
class ByService:
    """A Service of a cluster, through the proxy of its API server, with the rights of the user's kubeconfig."""

    namespace: str
    name: str
    port: str = SERVICE_PORT
    kubeconfig: str = field(default_factory=lambda: os.environ.get("KUBECONFIG", ""))

    def request(
        self, method: str, path: str, seconds: float, *, body: bytes | None = None, content_type: str = JSON
    ) -> Answer:
        """Return the answer, whatever its status. One of the API server itself counts too."""
        import urllib3  # noqa: PLC0415 - as above

        from watcher.runtimes.kubernetes.kubeconfig import load  # noqa: PLC0415 - half a second of imports

        try:
            api = load(self.kubeconfig)
        except Rejected as error:
            service = f"the Service {self.namespace}/{self.name}"
            raise Rejected(
                error.reason, f"{service} can only be reached through the API server here: {error}"
            ) from error
        target = f"/api/v1/namespaces/{self.namespace}/services/{self.name}:{self.port}/proxy{path}"
        limit, headers = urllib3.Timeout(total=seconds), {**api.headers, **_headers(body, content_type)}
        url = api.server.rstrip("/") + target
        try:
            found = api.pool.request(method, url, body=body, headers=headers, timeout=limit, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise Retryable("Unreachable", f"the API server of {api.origin} does not answer") from error
        return Answer(found.status, found.data)


def _headers(body: bytes | None, content_type: str) -> Mapping[str, str]:
    return {} if body is None else {"Content-Type": content_type}


def reach_of(address: str) -> Reach:
    """Return how to reach an address: a URL, `host:port`, or `service://NAMESPACE/NAME[:PORT]`.

    Raises:
        Rejected: `Malformed`, it is none of these.

    """
    if address.startswith("service://"):
        found = SERVICE.fullmatch(address)
        if not found:
            raise Rejected("Malformed", f"'{address}' is not a Service's address: expected {SERVICE_FORM}")
        return ByService(found["namespace"], found["name"], found["port"] or SERVICE_PORT)
    return ByUrl((address if "://" in address else f"http://{address}").rstrip("/"))


def reach_of_model(model: ModelId, url: str) -> Reach:
    """Return how to reach a model: by its URL where that resolves; it is a Service of its cluster otherwise."""
    return ByUrl(url.rstrip("/")) if resolves(url) else ByService(model.namespace, object_name(model))


def resolves(url: str) -> bool:
    """Return whether the host of a URL has an address here."""
    host = urlsplit(url).hostname or ""
    try:
        return bool(host and socket.getaddrinfo(host, None))
    except (OSError, UnicodeError):
        return False
