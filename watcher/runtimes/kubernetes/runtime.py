"""The Kubernetes runtime: observe by label, server-side apply, delete."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

from watcher.core.exposure import SECTIONS
from watcher.core.naming import TRACKS, instance_label, object_name
from watcher.core.render import render
from watcher.core.types import (
    MODELS_LABEL,
    OWNER_LABEL,
    Change,
    Manifest,
    ModelId,
    ObjectKey,
    Observation,
    Observed,
    Release,
    Store,
    key_of,
)
from watcher.errors import Rejected
from watcher.runtimes.kubernetes.answers import ApiError
from watcher.runtimes.kubernetes.api import FORBIDDEN, NOT_FOUND, Api, translated
from watcher.runtimes.kubernetes.cluster_cache import ClusterCache
from watcher.runtimes.kubernetes.facts import INSTANCE_LABEL, Fact, PodFact, fact_of, is_replicas_owner, pod_fact_of
from watcher.runtimes.kubernetes.network_policies import NetworkPolicies
from watcher.runtimes.kubernetes.objects import (
    CONFIG_MAP,
    DEPLOYMENT,
    HPA,
    HTTP_ROUTE,
    POD,
    SERVICE,
    Objects,
)
from watcher.runtimes.kubernetes.observing import IsDue, Observer
from watcher.runtimes.kubernetes.pod_urls import PodUrls, wants_urls
from watcher.runtimes.kubernetes.watch import ClusterWatch
from watcher.stores.signer import UrlSigner

REPLICAS_MANAGER = "kubeserve-replicas"
"""Keeps a Deployment's replicas when FIELD_MANAGER gives them up; otherwise the API server would set them to 1."""
OBSERVED_KINDS = (DEPLOYMENT, SERVICE, HPA, CONFIG_MAP)
"""The kinds of objects that any model may have. Secrets are not among them: the watcher may not even write them."""

NO_GATEWAY_API = (
    "httpRoute.enabled needs the Gateway API, which this cluster does not have: install its CRDs "
    "(https://gateway-api.sigs.k8s.io) and a gateway, or set httpRoute.enabled: false"
)
NOT_FOR_MODELS = "namespace {name} is not labelled for models: kubectl label namespace {name} " + MODELS_LABEL + "=true"


class KubernetesRuntime:
    """Implements the reconciler's `Runtime`. Thread-safe. Its only state is what it has last seen of the cluster.

    `watch` keeps that up to date, if it is started. Without it each survey lists the cluster.
    `former_owner` is the owner label of an earlier version. Its objects are adopted if they are of the same store.
    """

    def __init__(
        self,
        api: Api,
        store: Store,
        owner: str,
        signer: UrlSigner,
        *,
        former_owner: str = "",
        namespaces: tuple[str, ...] = (),
        create_namespaces: bool = False,
        labelled_namespaces: bool = False,
        base: Mapping[str, Any] | None = None,
        network_policies: Sequence[Manifest] = (),
    ) -> None:
        self._api, self._objects = api, Objects(api)
        self._store, self._owner, self._base = store, owner, base or {}
        self._namespaces, self._create_namespaces = namespaces, create_namespaces
        self._labelled_namespaces = labelled_namespaces
        # By the section and not by its `enabled`: an operator who turns that off wants the objects gone.
        self._kinds = (*OBSERVED_KINDS, *(kind for section, kind in SECTIONS.items() if section in self._base))
        # Without a route no version is on trial.
        self._tracks = TRACKS if HTTP_ROUTE in self._kinds else ()
        self._network_policies = NetworkPolicies(self._objects, network_policies, labelled=labelled_namespaces)
        self._urls = PodUrls(self._objects, signer)
        self._observer = Observer(store, owner, former_owner, self._tracks)
        self._cache = ClusterCache(self._observer)
        self._watch = ClusterWatch(
            api, self._cache, kinds=self._kinds, owners=self._observer.labels, namespaces=namespaces
        )

    @property
    def watch(self) -> ClusterWatch:
        """Return the source that keeps what is known of the cluster up to date."""
        return self._watch

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
        """Return the models of this watcher, or one model with the foreign objects of its names.

        A namespace that is seen for the first time gets its NetworkPolicies: without a change of a model, nothing else
        would write those of a changed chart.
        """
        with translated("reading the cluster"):
            if model:
                return self._observe_one(model)
            self._watch.wait_for_first_lists()
            if not self._namespaces:
                models = self._observe_in("")
                self._network_policies.write_first(model.namespace for model in models)
                return Observation(models)
            return self._observe_named()

    def known(self, model: ModelId) -> Observation | None:
        """Return what is known of one model without a request; None if the cluster has to be asked."""
        if not self._watch.is_live(model.namespace):
            return None
        observed = self._cache.get(model, self._urls.due())
        return Observation({model: observed} if observed else {})

    def apply(self, change: Change) -> dict[ObjectKey, str]:
        """Write and delete what `change` lists. Safe to repeat, and safe while two watchers overlap."""
        with translated(f"applying {change.model}"):
            if change.remove:
                # It owns the other objects, and the garbage collector deletes them.
                key = ObjectKey(DEPLOYMENT, object_name(change.model))
                self._objects.delete(key, change.model.namespace)
                self._cache.remove(change.model, key)  # else a survey could take it for one that runs again
                return {}
            if change.writes:
                self._prepare_namespace(change.model.namespace)
            if change.renew:
                self._renew(change.model)
            written = self._write_all(change)
            self._cache.put(*written)
            return {fact.key: fact.digest for fact in written}

    def close(self) -> None:
        """End calls in progress at once; every later call raises `Retryable`."""
        self._watch.stop()
        self._api.close()

    def _prepare_namespace(self, name: str) -> None:
        """Create the namespace if that is allowed, and bound its network before a model runs in it.

        Raises:
            Rejected: it is not one for models, and only those are served.

        """
        if self._create_namespaces:
            self._objects.create_namespace(name)
        if self._labelled_namespaces and not self._objects.is_for_models(name):
            raise Rejected("NamespaceNotLabelled", NOT_FOR_MODELS.format(name=name))
        self._network_policies.write(name)

    def _write_all(self, change: Change) -> list[Fact]:
        """Write and delete what a change lists. Return what was written.

        Autoscalers are deleted first, so that none overrules the replicas that the Deployment then has.
        """
        model = change.model
        deployment = self._objects.get(DEPLOYMENT, model.namespace, object_name(model)) if change.writes else None
        # Before a promotion deletes the canary's.
        has_files = self._tracks and any(wants_urls(item) for item in change.writes if item["kind"] == CONFIG_MAP)
        config_maps = self._config_maps(model) if has_files else {}
        for key in change.deletes:
            # Their Deployment, which is deleted too, owns the others: the watcher may not delete those.
            if key.kind not in {SERVICE, CONFIG_MAP}:
                self._objects.delete(key, model.namespace)
                self._cache.remove(model, key)
        tracks = {
            track: [item for item in change.writes if item["metadata"]["name"] == object_name(model, track)]
            for track in ("", *self._tracks)
        }
        deployment, written = self._write_track(tracks.pop(""), deployment, None, without(config_maps, ""))
        for track, manifests in tracks.items():
            own = self._objects.get(DEPLOYMENT, model.namespace, object_name(model, track)) if manifests else None
            written += self._write_track(manifests, own, deployment, without(config_maps, track))[1]
        return written

    def _config_maps(self, model: ModelId) -> dict[str, Manifest]:
        """Return the ConfigMaps of a model, by track."""
        found = {
            track: self._objects.get(CONFIG_MAP, model.namespace, object_name(model, track))
            for track in ("", *self._tracks)
        }
        return {track: item for track, item in found.items() if item}

    def _write_track(
        self,
        manifests: list[Manifest],
        deployment: Manifest | None,
        owner: Manifest | None,
        others: Iterable[Manifest],
    ) -> tuple[Manifest | None, list[Fact]]:
        """Write the objects of one track. Its Deployment owns the others, and `owner`, if given, the Deployment.

        `others` are the ConfigMaps of the other tracks. Return the Deployment, and what was written.
        """
        written = []
        for manifest in in_order(manifests, has_deployment=deployment is not None):
            if manifest["kind"] == DEPLOYMENT:
                self._keep_replicas(manifest, deployment)
                deployment = self._objects.apply(owned_by(manifest, owner) if owner else manifest)
                written.append(fact_of(deployment))
                continue
            live = self._objects.apply(owned_by(manifest, deployment) if deployment else manifest)
            self._urls.write_if_due(live, deployment, others)
            written.append(fact_of(live))
        return deployment, written

    def _renew(self, model: ModelId) -> None:
        """Write the URLs of all tracks of a model again, with the digests that its pods report."""
        config_maps = self._config_maps(model)
        for track, config_map in config_maps.items():
            deployment = self._objects.get(DEPLOYMENT, model.namespace, object_name(model, track))
            owners = self._observer.owners(fact_of(deployment) if deployment else None)
            if fact_of(config_map).owner in owners and wants_urls(config_map):
                self._urls.write(config_map, deployment, self._pods(model, track), without(config_maps, track))

    def _keep_replicas(self, manifest: Manifest, live: Manifest | None) -> None:
        """Keep the current number of replicas if `manifest` no longer sets one.

        An autoscaler sets it then, or nothing does. Without this the API server would set it to 1.
        """
        if live and "replicas" not in manifest["spec"] and is_replicas_owner(live):
            meta = {key: manifest["metadata"][key] for key in ("name", "namespace")}
            alone = {key: manifest[key] for key in ("apiVersion", "kind")}
            spec = {"replicas": live["spec"]["replicas"]}
            self._objects.apply(with_uid({**alone, "metadata": meta, "spec": spec}, uid_of(live)), REPLICAS_MANAGER)

    def _observe_one(self, model: ModelId) -> Observation:
        found = self._read(model)
        facts = [fact_of(item) for item in found]
        self._cache.replace_model(model, facts)
        if not found:
            return Observation()
        observed = self._observed(model, facts, self._urls.due(), look=True)
        return Observation({model: replace(observed, manifests={key_of(item): item for item in found})})

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
        is_due = self._urls.due()
        if self._watch.is_live(namespace):
            return self._cache.all(namespace, is_due)
        observed = {key: self._observed(key, objects, is_due) for key, objects in self._list(namespace).items()}
        return {key: item for key, item in observed.items() if item.objects}

    def _read(self, model: ModelId) -> list[Manifest]:
        names = [(kind, object_name(model)) for kind in self._kinds]
        names += [(kind, object_name(model, track)) for track in self._tracks for kind in OBSERVED_KINDS]
        found = (self._objects.get(kind, model.namespace, name) for kind, name in names)
        return [item for item in found if item]

    def _list(self, namespace: str) -> dict[ModelId, list[Fact]]:
        """Return the objects that carry our owner label or the former one, by model, without copies."""
        found: dict[ModelId, list[Fact]] = {}
        selector = f"{OWNER_LABEL} in ({','.join(self._observer.labels)})"
        for kind in self._kinds:
            for fact in map(fact_of, self._objects.find(kind, namespace, selector)):
                if not fact.is_copy:
                    found.setdefault(fact.model, []).append(fact)
        return found

    def _observed(self, model: ModelId, facts: Iterable[Fact], is_due: IsDue, *, look: bool = False) -> Observed:
        return self._observer.observed(model, facts, cache(partial(self._pods, model)), is_due, look=look)

    def _pods(self, model: ModelId, track: str) -> list[PodFact]:
        selector = f"{INSTANCE_LABEL}={instance_label(model, track)},app.kubernetes.io/name=model-serving"
        return list(map(pod_fact_of, self._objects.find(POD, model.namespace, selector)))


def in_order(manifests: Iterable[Manifest], *, has_deployment: bool) -> list[Manifest]:
    """Return the order in which to write a model's objects, so that an interruption leaves something to complete.

    A new Deployment comes first: the others name it as their owner, and the missing ones show what is left to do.
    One that exists comes after the ConfigMap: the pods of the new template then find their URLs.
    """
    first = [CONFIG_MAP, DEPLOYMENT] if has_deployment else [DEPLOYMENT, CONFIG_MAP]
    return sorted(manifests, key=lambda item: first.index(item["kind"]) if item["kind"] in first else len(first))


def without(config_maps: Mapping[str, Manifest], track: str) -> list[Manifest]:
    """Return the ConfigMaps of all other tracks."""
    return [item for other, item in config_maps.items() if other != track]


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
