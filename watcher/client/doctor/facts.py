"""What is known of a set-up: plain values, on which the checks decide. A fact that cannot be found out is its error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from watcher.client.contexts import Context
from watcher.client.doctor.rights import Granted
from watcher.core.exposure import SECTIONS
from watcher.core.plain_yaml import load_map
from watcher.core.types import Manifest
from watcher.errors import Rejected, WatcherError
from watcher.net.causes import Cause
from watcher.stores.endpoint import Endpoint

T = TypeVar("T")
Found: TypeAlias = T | WatcherError
"""A fact, or why it could not be found out."""

Status = Mapping[str, Any]
"""The body of the watcher's `GET /status`."""


@dataclass(frozen=True, slots=True)
class Release:
    """The watcher's Deployment in a cluster. `environment` holds its variables, as far as they are plain text."""

    namespace: str
    name: str
    service_account: str
    environment: Mapping[str, str]
    pods: Found[list[Manifest]] = field(default_factory=list)
    addresses: tuple[str, ...] = ()
    """The sections for addresses outside the cluster, `ingress` and `httpRoute`, that its values for models have."""

    @property
    def user(self) -> str:
        """Return the name that the API server knows the watcher by."""
        return f"system:serviceaccount:{self.namespace}:{self.service_account}"

    def is_on(self, setting: str) -> bool:
        """Return whether the chart has turned a setting on, such as `CREATE_NAMESPACES`."""
        return self.environment.get(f"KUBESERVE_{setting}") == "true"

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Return the namespaces that the watcher serves; none means all."""
        given = self.environment.get("KUBESERVE_NAMESPACES", "")
        return tuple(name.strip() for name in given.split(",") if name.strip())


def address_sections(chart_values: bytes) -> tuple[str, ...]:
    """Return the sections for addresses outside the cluster that the values for models have, if they are valid."""
    try:
        values = load_map(chart_values)
    except Rejected:
        return ()
    return tuple(section for section in SECTIONS if section in values)


@dataclass(frozen=True, slots=True)
class Place:
    """Who asks, and from where: a context and the variables that are set; `pod` if it is the watcher's own pod."""

    context: Context
    variables: frozenset[str] = frozenset()
    pod: Release | None = None

    @property
    def watcher(self) -> str:
        """Return the watcher's address for people."""
        return _without_user(self.context.watcher).rstrip("/")

    @property
    def s3_endpoint(self) -> str:
        """Return the store's address for people."""
        return _without_user(self.context.s3_endpoint)


def _without_user(address: str) -> str:
    """Return an address without the user and password that it should not have."""
    return re.sub(r"(//|^)[^/]*@", r"\1", address)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a request without credentials. `skew` is the store's clock minus ours, in seconds."""

    server: str
    skew: float | None


@dataclass(frozen=True, slots=True)
class NoReply:
    """Why there is no answer. `verify_code` is OpenSSL's, for a certificate that is not trusted."""

    cause: Cause
    words: str
    verify_code: int = 0


@dataclass(frozen=True, slots=True)
class Keys:
    """The credentials in use, without the secret."""

    access_key: str
    temporary: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A notification rule of the bucket: where events go, which events, for which keys."""

    target: str
    events: tuple[str, ...]
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """An S3 store. Without a `Reply`, nothing else was asked."""

    endpoint: Endpoint
    bucket: str
    reply: Reply | NoReply
    keys: Found[Keys]
    listing: Found[int]
    read: Found[None]
    write: Found[None]
    listen: Found[None]
    rules: Found[list[Rule]]
    wrote: bool = False
    """The permission to write was tried, by an object that was deleted again."""

    @property
    def access_key(self) -> str:
        """Return the access key in use, which is no secret; "" without one."""
        return self.keys.access_key if isinstance(self.keys, Keys) else ""


@dataclass(frozen=True, slots=True)
class Disk:
    """A folder's file system, in bytes."""

    path: str
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """A folder in the place of the bucket."""

    path: str
    exists: bool
    writable: bool


@dataclass(frozen=True, slots=True)
class NamespaceFacts:
    """One namespace of models. `namespace` is None if there is none of this name."""

    namespace: Found[Manifest | None]
    deployments: Found[list[Manifest]]
    pods: Found[list[Manifest]]
    autoscalers: Found[list[Manifest]]
    quotas: Found[list[Manifest]]
    granted: Found[Granted]


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """A cluster, as one kubeconfig or a pod's service account sees it.

    `user` is whose rights were looked at, and `is_watcher` whether that is the watcher's own account. `metrics` is
    whether there is a metrics API. `everywhere` is what is granted in all namespaces, for a watcher that serves all.
    """

    server: str
    user: str
    is_watcher: bool
    release: Release | None
    metrics: Found[bool]
    nodes: Found[list[Manifest]]
    daemons: Found[list[str]]
    namespaces: Mapping[str, NamespaceFacts]
    everywhere: Found[Granted] | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known."""

    place: Place
    store: Found[StoreFacts | FolderFacts]
    status: Found[Status]
    cluster: Found[ClusterFacts] | None
    """None where it does not matter: models run on this machine."""
    disk: Disk | None
    """The disk of models that run on this machine."""
