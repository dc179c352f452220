"""The value types that the layers exchange. Nothing here does I/O or reads the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

Manifest = dict[str, Any]
"""A Kubernetes object (or, for the local runtime, a `Process` in the same shape) as plain data."""

RUNNING = frozenset({"Deployment", "Process"})
"""The kinds, one for each runtime, that own all else of a model."""

OWNER_LABEL = "kubeserve.io/owner"
FINGERPRINT = "kubeserve.io/fingerprint"
S3_PATH = "kubeserve.io/s3-path"
ETAG = "kubeserve.io/etag"
VERSION = "kubeserve.io/version"


@dataclass(frozen=True, slots=True, order=True)
class ModelId:
    """A model's identity: `{namespace}/{name}`. The name is also the release name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def prefix(self) -> str:
        """The bucket prefix that holds every object of this model."""
        return f"{self.namespace}/{self.name}/"


def whole(namespace: str) -> ModelId:
    """A namespace in the place of a model: what is said of it is said of all of it."""
    return ModelId(namespace, "")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a listing. `etag` changes whenever the bytes do; `size` is in bytes."""

    key: str
    etag: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One uploaded version and the files beside it."""

    model: ModelId
    version: str
    artifact: StoredObject
    requirements: StoredObject | None = None
    values: StoredObject | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """All that the bucket says of one model: versions in ascending order, at least one, and its own values.yaml."""

    model: ModelId
    versions: tuple[ModelVersion, ...]
    values: StoredObject | None = None


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """A key that looks meant for us but cannot be served, and why."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """What a listing means: the models that should serve, and the keys refused."""

    entries: Mapping[ModelId, Entry]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """The version of a model that should serve, with the user's overrides of the chart's values."""

    version: ModelVersion
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> ModelId:
        return self.version.model


class State(StrEnum):
    """Where a model stands, as status shows it."""

    READY = "Ready"  # the desired version answers predictions
    PROGRESSING = "Progressing"  # on its way; an older version may be serving
    FAILED = "Failed"  # tried and did not come up; the reason says why
    REJECTED = "Rejected"  # a person must act; what served before keeps serving
    PAUSED = "Paused"  # values.yaml says `paused: true`
    HELD = "Held"  # gone from the bucket, removal held by --max-delete-fraction


APPLIED = "applied"
"""The reason of a model whose objects were just written."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model as users see it. `since` is when `state`, `version` or `reason` last changed."""

    namespace: str
    model: str
    version: str
    state: State
    reason: str
    url: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Observed:
    """What the runtime has of one model. `objects` maps each kind to the fingerprint it carries ("" if none)."""

    model: ModelId
    objects: Mapping[str, str]
    version: str = ""
    state: State = State.PROGRESSING
    reason: str = ""
    url: str = ""
    etag: str = ""
    foreign: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """False for leftovers: a Service or HPA without the Deployment that owned it."""
        return not RUNNING.isdisjoint(self.objects)


@dataclass(frozen=True, slots=True)
class Change:
    """What to do to one model: objects to write, kinds to delete, or the whole of it to remove."""

    model: ModelId
    writes: tuple[Manifest, ...] = ()
    deletes: tuple[str, ...] = ()
    remove: bool = False

    def __bool__(self) -> bool:
        return bool(self.writes or self.deletes or self.remove)


@dataclass(frozen=True, slots=True)
class Store:
    """How a pod or a local process reaches the bucket. `endpoint` is host:port."""

    bucket: str
    endpoint: str
    secure: bool
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
