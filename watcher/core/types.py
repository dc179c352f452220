"""The value types that the layers exchange. Nothing here does I/O or reads the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

Manifest = dict[str, Any]
"""A Kubernetes object (or, for the local runtime, a `Process` in the same shape) as plain data."""

RUNNING_KINDS = frozenset({"Deployment", "Process"})
"""The kinds, one for each runtime, whose object owns a model's other objects."""

OWNER_LABEL = "kubeserve.io/owner"
MODELS_LABEL = "kubeserve.io/models"
"""The label of a namespace that is meant for models: "true"."""
INSTALLS_LABEL = "kubeserve.io/installs"
"""The label of pods that install packages: "true"."""
FINGERPRINT = "kubeserve.io/fingerprint"
S3_PATH = "kubeserve.io/s3-path"
ETAG = "kubeserve.io/etag"
VERSION = "kubeserve.io/version"
RELEASE = "kubeserve.io/release"
"""The annotation with the digest of what a release's pods are made of. Pods have it too."""
URL = "kubeserve.io/url"
"""The annotation of an Ingress or HTTPRoute with the model's address outside the cluster."""


@dataclass(frozen=True, slots=True, order=True)
class ModelId:
    """A model's identity: `{namespace}/{name}`. The name is also the release name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def prefix(self) -> str:
        """Return the bucket prefix that holds every file of this model."""
        return f"{self.namespace}/{self.name}/"


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """The identity of an object among those of one model: a model may have two Services."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def key_of(manifest: Manifest) -> ObjectKey:
    """Return the kind and name of an object."""
    return ObjectKey(manifest["kind"], manifest["metadata"]["name"])


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a listing. `etag` changes whenever the bytes do; `size` is in bytes."""

    key: str
    etag: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One uploaded version and the files next to it."""

    model: ModelId
    version: str
    artifact: StoredObject
    requirements: StoredObject | None = None
    values: StoredObject | None = None
    input_files: tuple[StoredObject, ...] = ()
    """Examples of the input and MLflow's description of it, in the order of their keys."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The files of one model in the bucket: one or more versions in ascending order, and its own values.yaml."""

    model: ModelId
    versions: tuple[ModelVersion, ...]
    values: StoredObject | None = None


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """A key that resembles a model's but cannot be served, and the reason."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """The meaning of a listing: the models that should serve, and the refused keys."""

    entries: Mapping[ModelId, Entry]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """A version beside the one that serves (docs/adr/0021). Its track, `canary` or `shadow`, names its objects."""

    track: str
    version: ModelVersion
    overrides: Mapping[str, Any] = field(default_factory=dict)
    weight: int = 0
    """Percent of the requests that a canary gets. A shadow gets a copy of each."""
    automatic: bool = False
    """Whether the verdict of its figures promotes it or rolls it back (`promote: auto`)."""
    verdict: str = ""
    """Why it was rolled back, as the values.yaml says since."""
    answers: bool = False
    """Whether pods of it are ready; the route leaves it out otherwise."""


@dataclass(frozen=True, slots=True)
class Release:
    """The version of a model that should serve, with the user's overrides of the chart's values."""

    version: ModelVersion
    overrides: Mapping[str, Any] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    unmade: tuple[str, ...] = ()
    """Why trials are not made, such as `canary v3 is not in the bucket`."""

    @property
    def model(self) -> ModelId:
        return self.version.model


@dataclass(frozen=True, slots=True)
class Failure:
    """A release that failed by its own fault: its digest, its version, the reason, and when that was seen."""

    digest: str
    version: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Memory:
    """What the runtime keeps of a model's releases, so that a restart of the watcher forgets nothing."""

    current: Release | None = None
    """The release that the objects are made of. Of its overrides only those that the pods are made of."""
    last_good: Release | None = None
    """The release that served before the current one."""
    failed: tuple[Failure, ...] = ()
    """The releases that are not tried again, the latest last."""


@dataclass(frozen=True, slots=True)
class LiveRelease:
    """The release that the objects in the runtime name, and how it does."""

    digest: str = ""
    has_served: bool = False
    """Whether a pod of it is ready, or its rollout was complete once."""
    was_complete: bool = False
    """Whether its rollout was complete once."""
    is_at_fault: bool = False
    """Whether it fails by its own fault: its bytes, requirements or values; once it has served, repeatedly."""


class State(StrEnum):
    """The state of a model, as status shows it."""

    READY = "Ready"  # the desired version answers predictions
    APPLIED = "Applied"  # its objects were just written and not observed since; an older version may be serving
    PROGRESSING = "Progressing"  # the rollout is not complete; an older version may be serving
    FAILED = "Failed"  # tried and did not come up; the reason says why
    REJECTED = "Rejected"  # a person must act; what served before keeps serving
    PAUSED = "Paused"  # values.yaml says `paused: true`
    WAITING = "Waiting"  # gone from the bucket; removed a while later, unless it is uploaded again
    HELD = "Held"  # gone from the bucket; kept until a person acts


PENDING = frozenset({State.APPLIED, State.PROGRESSING})
"""The states that end by themselves."""

UNSUCCESSFUL = frozenset({State.FAILED, State.REJECTED})
"""The states of a version that does not serve, each with a reason. They remain true when another one is chosen."""


@dataclass(frozen=True, slots=True)
class Pods:
    """What answers for a model: the version of its ready pods ("" if there is none), their number, and that wanted.

    A number is None where nothing is known of it. The local runtime's processes count as pods.
    """

    serving: str = ""
    ready: int | None = None
    wanted: int | None = None


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model as users see it. `since` is the time of the last change of the fields before it, and of `about`."""

    namespace: str
    model: str
    version: str
    state: State
    reason: str
    url: str
    since: datetime
    about: str = ""
    """The version that the state and the reason are about: that of the bucket, which `version` may not be yet."""
    pods: Pods = Pods()
    loaded: str = ""
    """How the server of this status says that it loaded the model: `data`, `code`, or "" for not known."""

    @property
    def id(self) -> ModelId:
        """Return the model's identity."""
        return ModelId(self.namespace, self.model)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a model: the state that a version of it has entered, or another reason for it."""

    time: datetime
    model: ModelId
    version: str
    state: str
    reason: str


SUPERSEDED, REMOVED, SEEN = "Superseded", "Removed", "Seen"
"""The state of a version that is lower than the chosen one, the step of a model whose objects were deleted, and that of
a version whose bytes were listed for the first time."""


@dataclass(frozen=True, slots=True)
class VersionStatus:
    """One version in the bucket: its artifact, and its state, which is "" where nothing is known of it."""

    artifact: StoredObject
    version: str
    state: str = ""
    reason: str = ""
    since: datetime | None = None
    """The time at which the state was entered, as far as this watcher has seen it."""


@dataclass(frozen=True, slots=True)
class ObservedTrial:
    """The version on trial that runs in one track of a model."""

    version: str
    state: State
    reason: str
    pods: Pods


@dataclass(frozen=True, slots=True)
class Observed:
    """One model in the runtime. `objects` maps each object to the fingerprint that it carries ("" if none).

    `foreign` lists objects of other owners that have the names of this model's.
    """

    model: ModelId
    objects: Mapping[ObjectKey, str]
    version: str = ""
    state: State = State.PROGRESSING
    reason: str = ""
    url: str = ""
    etag: str = ""
    foreign: tuple[ObjectKey, ...] = ()
    pods: Pods = Pods()
    trials: Mapping[str, ObservedTrial] = field(default_factory=dict)
    """By their tracks."""
    live: LiveRelease = LiveRelease()
    memory: Memory = Memory()
    route_problem: str = ""
    """Why the model's HTTPRoute leads nowhere, as far as that is known."""
    digests: Mapping[ObjectKey, str] = field(default_factory=dict)
    """A hash of each object's content, where others can change it. It differs after every change of what is ours."""
    manifests: Mapping[ObjectKey, Manifest] = field(default_factory=dict)
    """The objects themselves, where this model alone was read."""
    renew: bool = False
    """Whether the URLs by which its pods fetch it are to be written again, whatever else is to do."""

    @property
    def runs(self) -> bool:
        """Return False for leftovers: a Service or HPA without the Deployment that owned it."""
        return any(key.kind in RUNNING_KINDS for key in self.objects)


@dataclass(frozen=True, slots=True)
class Observation:
    """The models that a runtime has. `unreadable` maps each namespace that cannot be read to the reason."""

    models: Mapping[ModelId, Observed] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What to do to one model: write objects, delete objects, renew its URLs, or remove the whole model."""

    model: ModelId
    writes: tuple[Manifest, ...] = ()
    deletes: tuple[ObjectKey, ...] = ()
    renew: bool = False
    remove: bool = False

    def __bool__(self) -> bool:
        return bool(self.writes or self.deletes or self.renew or self.remove)


@dataclass(frozen=True, slots=True)
class Store:
    """The bucket and how a pod reaches it. `endpoint` is host:port."""

    bucket: str
    endpoint: str
    secure: bool
