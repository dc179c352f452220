"""The Kubernetes runtime: observe by label, server-side apply, delete."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from watcher.core.exposure import SECTIONS
from watcher.core.naming import TRACKS, instance_label, object_name, service_url
from watcher.core.plan import foreign_objects
from watcher.core.render import render
from watcher.core.types import (
    ETAG,
    FINGERPRINT,
    OWNER_LABEL,
    S3_PATH,
    URL,
    VERSION,
    Change,
    Manifest,
    ModelId,
    ObjectKey,
    Observation,
    Observed,
    ObservedTrial,
    Pods,
    Release,
    State,
    Store,
    key_of,
)
from watcher.errors import Rejected
from watcher.runtimes.kubernetes.answers import ApiError
from watcher.runtimes.kubernetes.api import FORBIDDEN, NOT_FOUND, Api, translated
from watcher.runtimes.kubernetes.objects import (
    DEPLOYMENT,
    FIELD_MANAGER,
    HPA,
    HTTP_ROUTE,
    INGRESS,
    POD,
    SECRET,
    SERVICE,
    ForeignSecret,
    Objects,
)
from watcher.runtimes.kubernetes.rollout import (
    annotations_of,
    is_complete,
    pod_failure,
    rollout_failure,
    route_problem,
    serving_pods,
)

REPLICAS_MANAGER = "kubeserve-replicas"
"""Keeps a Deployment's replicas when FIELD_MANAGER gives them up; otherwise the API server would set them to 1."""
INSTANCE_LABEL = "app.kubernetes.io/instance"
OBSERVED_KINDS = (DEPLOYMENT, SERVICE, HPA)
"""Secrets are written and never read: a watcher that may read them would be worth breaking into."""

NO_GATEWAY_API = (
    "httpRoute.enabled needs the Gateway API, which this cluster does not have: install its CRDs "
    "(https://gateway-api.sigs.k8s.io) and a gateway, or set httpRoute.enabled: false"
)


class KubernetesRuntime:
    """Implements the reconciler's `Runtime`. Thread-safe. It keeps no state: the cluster has it.

    `former_owner` is the owner label of an earlier version. Its objects are adopted if they are of the same store.
    """

    def __init__(
        self,
        api: Api,
        store: Store,
        owner: str,
        *,
        former_owner: str = "",
        namespaces: tuple[str, ...] = (),
        create_namespaces: bool = False,
        base: Mapping[str, Any] | None = None,
    ) -> None:
        self._api, self._objects = api, Objects(api)
        self._store, self._owner, self._base = store, owner, base or {}
        self._former_owner = former_owner
        self._namespaces, self._create_namespaces = namespaces, create_namespaces
        # By the section and not by its `enabled`: an operator who turns that off wants the objects gone.
        self._kinds = (*OBSERVED_KINDS, *(kind for section, kind in SECTIONS.items() if section in self._base))
        # Without a route no version is on trial.
        self._tracks = TRACKS if HTTP_ROUTE in self._kinds else ()

    def render(self, release: Release) -> list[Manifest]:
        """Return the objects of a release, for the APIs that the cluster has."""
        with translated("asking the cluster for its autoscaling API"):
            autoscaling = self._objects.autoscaling
        manifests = render(release, self._store, self._owner, self._base, autoscaling)
        if any(item["kind"] == HTTP_ROUTE for item in manifests):
            with translated("asking the cluster for its Gateway API"):
                if not self._objects.has_http_routes():
                    raise Rejected("NoGatewayApi", NO_GATEWAY_API)
        return manifests

    def observe(self, model: ModelId | None = None) -> Observation:
        """Return the models of this watcher, or one model with the foreign objects of its names."""
        with translated("reading the cluster"):
            if model:
                found = self._read(model)
                return Observation({model: self._observed(model, found)} if found else {})
            if not self._namespaces:
                return Observation(self._observe_in(""))
            return self._observe_named()

    def apply(self, change: Change) -> None:
        """Write and delete what `change` lists. Safe to repeat, and safe while two watchers overlap."""
        with translated(f"applying {change.model}"):
            if change.remove:
                # It owns the other objects, and the garbage collector deletes them.
                self._objects.delete(ObjectKey(DEPLOYMENT, object_name(change.model)), change.model.namespace)
                return
            if self._create_namespaces and change.writes:
                self._objects.create_namespace(change.model.namespace)
            try:
                self._write_all(change)
            except ForeignSecret as error:
                name = str(ObjectKey(SECRET, str(error)))
                raise Rejected("ForeignObject", foreign_objects([name], change.model)) from error

    def close(self) -> None:
        """End calls in progress at once; every later call raises `Retryable`."""
        self._api.close()

    def _write_all(self, change: Change) -> None:
        """Write everything, or nothing if a Secret of the model's names is foreign.

        Autoscalers are deleted first, so that none overrules the replicas that the Deployment then has.
        """
        model = change.model
        deployment = self._objects.get(DEPLOYMENT, model.namespace, object_name(model)) if change.writes else None
        owners = self._owners(deployment)
        secrets = {
            key.name: self._objects.secret_uid(model.namespace, key.name, owners)
            for key in map(key_of, change.writes)
            if key.kind == SECRET
        }
        for key in change.deletes:
            if (
                key.kind != SERVICE
            ):  # its Deployment, which is deleted too, owns it: the watcher may not delete Services
                self._objects.delete(key, model.namespace)
        tracks = {
            track: [item for item in change.writes if item["metadata"]["name"] == object_name(model, track)]
            for track in ("", *self._tracks)
        }
        deployment = self._write_track(tracks.pop(""), deployment, None, secrets)
        for track, manifests in tracks.items():
            own = self._objects.get(DEPLOYMENT, model.namespace, object_name(model, track)) if manifests else None
            self._write_track(manifests, own, deployment, secrets)

    def _write_track(
        self, manifests: list[Manifest], deployment: Manifest | None, owner: Manifest | None, secrets: Mapping[str, str]
    ) -> Manifest | None:
        """Write the objects of one track. Its Deployment owns the others, and `owner`, if given, the Deployment.

        Return the Deployment.
        """
        for manifest in in_order(manifests, has_deployment=deployment is not None):
            if manifest["kind"] == DEPLOYMENT:
                self._keep_replicas(manifest, deployment)
                deployment = self._objects.apply(owned_by(manifest, owner) if owner else manifest)
                continue
            owned = owned_by(manifest, deployment) if deployment else manifest
            if manifest["kind"] == SECRET:
                meta = manifest["metadata"]
                name, namespace = meta["name"], meta["namespace"]
                # By UID, so that a foreign Secret of this name is never overwritten.
                owned = with_uid(owned, secrets[name] or self._objects.create_secret(namespace, name, self._owner))
            self._objects.apply(owned)
        return deployment

    def _keep_replicas(self, manifest: Manifest, live: Manifest | None) -> None:
        """Keep the current number of replicas if `manifest` no longer sets one.

        An autoscaler sets it then, or nothing does. Without this the API server would set it to 1.
        """
        if live and "replicas" not in manifest["spec"] and is_replicas_owner(live):
            meta = {key: manifest["metadata"][key] for key in ("name", "namespace")}
            alone = {key: manifest[key] for key in ("apiVersion", "kind")}
            spec = {"replicas": live["spec"]["replicas"]}
            self._objects.apply(with_uid({**alone, "metadata": meta, "spec": spec}, uid_of(live)), REPLICAS_MANAGER)

    def _observe_named(self) -> Observation:
        """Observe the named namespaces. One that is forbidden or missing does not fail the others.

        Raises:
            ApiError: none can be read, so the cause is not in a single namespace.

        """
        models: dict[ModelId, Observed] = {}
        problems: dict[str, ApiError] = {}
        for namespace in self._namespaces:
            try:
                models |= self._observe_in(namespace)
            except ApiError as error:
                if error.status not in {FORBIDDEN, NOT_FOUND}:
                    raise
                problems[namespace] = error
        if len(problems) == len(self._namespaces):
            raise next(iter(problems.values()))
        return Observation(models, {key: f"cannot be read: {error}" for key, error in problems.items()})

    def _observe_in(self, namespace: str) -> dict[ModelId, Observed]:
        """Return the models of this watcher in a namespace; in all namespaces if it is empty."""
        observed = {key: self._observed(key, objects) for key, objects in self._list(namespace).items()}
        return {key: item for key, item in observed.items() if item.objects}

    def _read(self, model: ModelId) -> list[Manifest]:
        names = [(kind, object_name(model)) for kind in self._kinds]
        names += [(kind, object_name(model, track)) for track in self._tracks for kind in OBSERVED_KINDS]
        found = (self._objects.get(kind, model.namespace, name) for kind, name in names)
        return [item for item in found if item]

    def _list(self, namespace: str) -> dict[ModelId, list[Manifest]]:
        """Return the objects that carry our owner label or the former one, by model, without copies."""
        found: dict[ModelId, list[Manifest]] = {}
        selector = f"{OWNER_LABEL} in ({','.join(filter(None, (self._owner, self._former_owner)))})"
        for kind in self._kinds:
            for item in self._objects.find(kind, namespace, selector):
                name, _, track = label_of(item, INSTANCE_LABEL).partition(".")
                model = ModelId(item["metadata"]["namespace"], name)
                if not is_copy(item, model, track):
                    found.setdefault(model, []).append(item)
        return found

    def _observed(self, model: ModelId, objects: list[Manifest]) -> Observed:
        owners = self._owners(deployment_of(objects, model))
        ours = [item for item in objects if owner_of(item) in owners]
        deployment = deployment_of(ours, model)
        state, reason, pods = self._state(model, deployment)
        annotations = annotations_of(deployment) if deployment else {}
        return Observed(
            model=model,
            objects={key_of(item): annotations_of(item).get(FINGERPRINT, "") for item in ours},
            version=annotations.get(VERSION, ""),
            etag=annotations.get(ETAG, ""),
            state=state,
            reason=reason,
            url=outside_url(ours) or service_url(model),
            foreign=tuple(sorted(key_of(item) for item in objects if item not in ours)),
            pods=pods,
            trials=self._trials(model, ours),
            route_problem=next((route_problem(item) for item in ours if item["kind"] == HTTP_ROUTE), ""),
        )

    def _trials(self, model: ModelId, objects: list[Manifest]) -> dict[str, ObservedTrial]:
        found = {}
        for track in self._tracks:
            if deployment := deployment_of(objects, model, track):
                version = annotations_of(deployment).get(VERSION, "")
                found[track] = ObservedTrial(version, *self._state(model, deployment, track))
        return found

    def _owners(self, deployment: Manifest | None) -> tuple[str, ...]:
        """Return the owner labels of this model's objects: the former one too, if its Deployment is of this store.

        A Deployment that is ours already may still have other objects with the former label: an adoption that was
        interrupted.
        """
        if not self._former_owner or not deployment:
            return (self._owner,)
        owner = owner_of(deployment)
        adopted = owner == self._former_owner and is_of_store(deployment, self._store)
        return (self._owner, self._former_owner) if adopted or owner == self._owner else (self._owner,)

    def _state(self, model: ModelId, deployment: Manifest | None, track: str = "") -> tuple[State, str, Pods]:
        """Return the state, the reason for it, and what answers. The pods are listed only where that is in question."""
        if deployment is None:
            return State.PROGRESSING, "the Deployment is missing", Pods()
        if is_complete(deployment):
            return State.READY, "", serving_pods(deployment)
        pods = self._pods(model, track)
        failure = pod_failure(pods, annotations_of(deployment)) or rollout_failure(deployment)
        state, reason = (State.FAILED, failure) if failure else (State.PROGRESSING, "waiting for the pods")
        return state, reason, serving_pods(deployment, pods)

    def _pods(self, model: ModelId, track: str) -> list[Manifest]:
        selector = f"{INSTANCE_LABEL}={instance_label(model, track)},app.kubernetes.io/name=model-serving"
        return self._objects.find(POD, model.namespace, selector)


def outside_url(objects: Iterable[Manifest]) -> str:
    """Return the address that a model has outside the cluster, or "". Of two, that of the HTTPRoute."""
    by_kind = {item["kind"]: annotations_of(item).get(URL, "") for item in objects}
    return by_kind.get(HTTP_ROUTE) or by_kind.get(INGRESS, "")


def owner_of(item: Manifest) -> str:
    """Return the object's owner label, "" if it has none."""
    return label_of(item, OWNER_LABEL)


def label_of(item: Manifest, label: str) -> str:
    """Return the value of an object's label, "" if it has none."""
    return str((item["metadata"].get("labels") or {}).get(label, ""))


def deployment_of(objects: Iterable[Manifest], model: ModelId, track: str = "") -> Manifest | None:
    """Return the Deployment of a track among a model's objects."""
    name = object_name(model, track)
    return next((item for item in objects if (item["kind"], item["metadata"]["name"]) == (DEPLOYMENT, name)), None)


def is_of_store(deployment: Manifest, store: Store) -> bool:
    """Return True if the Deployment's pods fetch their model from this bucket of this store."""
    containers = deployment["spec"].get("template", {}).get("spec", {}).get("initContainers") or []
    env = {item["name"]: item.get("value") for container in containers for item in container.get("env") or []}
    from_bucket = annotations_of(deployment).get(S3_PATH, "").startswith(f"s3://{store.bucket}/")
    return from_bucket and env.get("KUBESERVE_ENDPOINT") == store.endpoint


def is_copy(item: Manifest, model: ModelId, track: str = "") -> bool:
    """Return True if a person copied the object, with its labels, to another name or namespace."""
    path = annotations_of(item).get(S3_PATH, "")
    elsewhere = bool(path) and f"/{model.prefix}" not in path
    return item["metadata"]["name"] != object_name(model, track) or elsewhere


def in_order(manifests: Iterable[Manifest], *, has_deployment: bool) -> list[Manifest]:
    """Return the order in which to write a model's objects, so that an interruption leaves something to complete.

    A new Deployment comes first: the others name it as their owner, and the missing ones show what is left to do.
    One that exists comes after the Secret, which is never observed: only the Deployment's old fingerprint shows that
    the Secret may be old too.
    """
    first = [SECRET, DEPLOYMENT] if has_deployment else [DEPLOYMENT, SECRET]
    return sorted(manifests, key=lambda item: first.index(item["kind"]) if item["kind"] in first else len(first))


def is_replicas_owner(deployment: Manifest) -> bool:
    """Return True if the Deployment's replicas were set by an apply of ours, which named them."""
    return any(
        entry.get("manager") == FIELD_MANAGER
        and entry.get("operation") == "Apply"
        and "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        for entry in deployment["metadata"].get("managedFields") or []
    )


def owned_by(manifest: Manifest, deployment: Manifest) -> Manifest:
    """Return the manifest with the Deployment as its owner, so that deleting the Deployment deletes all."""
    owned = copy.deepcopy(manifest)
    reference = {
        "apiVersion": "apps/v1",
        "kind": DEPLOYMENT,
        "name": deployment["metadata"]["name"],
        "uid": uid_of(deployment),
    }
    owned["metadata"]["ownerReferences"] = [reference]
    return owned


def with_uid(manifest: Manifest, uid: str) -> Manifest:
    """Return the manifest with a UID: the API server then updates only that object, and never creates one."""
    return {**manifest, "metadata": {**manifest["metadata"], "uid": uid}}


def uid_of(item: Manifest) -> str:
    """Return the object's UID."""
    return str(item["metadata"]["uid"])
