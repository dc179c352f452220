"""The facts of one model's objects → what the reconciler sees of the model. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from watcher.core.last_good import REPEATED
from watcher.core.naming import object_name, service_url
from watcher.core.signed_files import Signing
from watcher.core.types import (
    LiveRelease,
    Memory,
    ModelId,
    ObjectKey,
    Observed,
    ObservedTrial,
    Pods,
    State,
    Store,
)
from watcher.runtimes.kubernetes.facts import Fact, PodFact
from watcher.runtimes.kubernetes.objects import DEPLOYMENT, HTTP_ROUTE, INGRESS

PodsOf = Callable[[str], Iterable[PodFact]]
"""Returns the pods of a track. It is called only where they decide: while a rollout is not complete."""
IsDue = Callable[[Signing], bool]
"""Returns whether URLs are to be signed now."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Whose objects are observed. `former_owner` is the label of an earlier version, or ""."""

    store: Store
    owner: str
    former_owner: str
    tracks: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the owner labels that this watcher's objects may carry."""
        return (self.owner, self.former_owner) if self.former_owner else (self.owner,)

    def owners(self, deployment: Fact | None) -> tuple[str, ...]:
        """Return the owner labels of one model's objects: the former one too, if its Deployment is of this store.

        A Deployment that is ours already may still have other objects with the former label: an adoption that was
        interrupted.
        """
        if not self.former_owner or not deployment:
            return (self.owner,)
        adopted = deployment.owner == self.former_owner and deployment.is_of_store(self.store)
        return self.labels if adopted or deployment.owner == self.owner else (self.owner,)

    def observed(
        self, model: ModelId, facts: Iterable[Fact], pods_of: PodsOf, is_due: IsDue, *, look: bool = False
    ) -> Observed:
        """Return what is to see of a model, by all of its objects, foreign ones included.

        With `look`, the pods of a complete rollout are asked too, if they may have reported what they fetched.
        """
        every = sorted(facts, key=lambda fact: fact.key)
        owners = self.owners(deployment_of(every, model))
        ours = [fact for fact in every if fact.owner in owners]
        deployment = deployment_of(ours, model)
        seen = _seen(deployment, pods_of, "")
        return Observed(
            model=model,
            objects={fact.key: fact.fingerprint for fact in ours},
            version=deployment.version if deployment else "",
            etag=deployment.etag if deployment else "",
            state=seen.state,
            reason=seen.reason,
            url=outside_url(ours) or service_url(model),
            foreign=tuple(fact.key for fact in every if fact.owner not in owners),
            pods=seen.pods,
            trials={
                track: _observed_trial(found, pods_of, track)
                for track in self.tracks
                if (found := deployment_of(ours, model, track))
            },
            live=seen.live,
            memory=deployment.memory if deployment else Memory(),
            route_problem=next((fact.problem for fact in ours if fact.problem), ""),
            digests={fact.key: fact.digest for fact in ours},
            renew=any(_renews(fact, deployment_of(ours, model, fact.track), pods_of, is_due, look) for fact in ours),
        )


def deployment_of(facts: Iterable[Fact], model: ModelId, track: str = "") -> Fact | None:
    """Return the Deployment of a track among a model's objects."""
    key = ObjectKey(DEPLOYMENT, object_name(model, track))
    return next((fact for fact in facts if fact.key == key), None)


def _renews(config_map: Fact, deployment: Fact | None, pods_of: PodsOf, is_due: IsDue, look: bool) -> bool:
    """Return whether the URLs of a ConfigMap are to be written again: to sign them, or to add what a pod reports."""
    signing = config_map.signing
    if signing is None:
        return False
    if is_due(signing):
        return True
    if not signing.may_lack or deployment is None or deployment.rollout is None:
        return False
    if deployment.rollout.is_complete and not look:
        return False
    pods = (pod for pod in pods_of(config_map.track) if pod.entry == signing.entry)
    return any(signing.lacks(pod.digests, pod.installed) for pod in pods)


def outside_url(facts: Iterable[Fact]) -> str:
    """Return the address that a model has outside the cluster, or "". Of two, that of the HTTPRoute."""
    by_kind = {fact.key.kind: fact.url for fact in facts}
    return by_kind.get(HTTP_ROUTE) or by_kind.get(INGRESS, "")


class Seen(NamedTuple):
    """The state of one Deployment, the reason for it, what answers, and how its release does."""

    state: State
    reason: str
    pods: Pods
    live: LiveRelease = LiveRelease()


def _observed_trial(deployment: Fact, pods_of: PodsOf, track: str) -> ObservedTrial:
    seen = _seen(deployment, pods_of, track)
    return ObservedTrial(deployment.version, seen.state, seen.reason, seen.pods)


def _seen(deployment: Fact | None, pods_of: PodsOf, track: str) -> Seen:
    """Return what there is to see of a Deployment. The pods decide only where its rollout is in question."""
    if deployment is None or deployment.rollout is None:
        return Seen(State.PROGRESSING, "the Deployment is missing", Pods())
    if deployment.rollout.is_complete:
        pods = serving_pods(deployment)
        live = LiveRelease(deployment.release, has_served=True, was_complete=True)
        return Seen(State.READY, "", pods, live)
    found = sorted(pods_of(track), key=lambda pod: pod.key)  # else the reason could change with their order
    own = [pod for pod in found if is_of(pod, deployment)]
    failure = next((pod.failure for pod in own if pod.failure), "") or deployment.rollout.failure
    state, reason = (State.FAILED, failure) if failure else (State.PROGRESSING, "waiting for the pods")
    return Seen(state, reason, serving_pods(deployment, found), live_release(deployment, own))


def is_of(pod: PodFact, deployment: Fact) -> bool:
    """Return whether a pod is made of the Deployment's present template. Earlier watchers gave neither a release."""
    own = (deployment.release, deployment.version, deployment.etag)
    return (pod.release, pod.version, pod.etag) == own


def live_release(deployment: Fact, own: Iterable[PodFact]) -> LiveRelease:
    """Return how the release of a Deployment does, by the pods that are made of it."""
    assert deployment.rollout
    pods, was_complete = list(own), deployment.rollout.was_complete
    has_served = was_complete or any(pod.is_ready for pod in pods)
    crashes = max((pod.crashes for pod in pods), default=0)
    hangs = deployment.rollout.is_overdue and any(pod.server_runs and not pod.is_ready for pod in pods)
    is_at_fault = crashes >= REPEATED if has_served else bool(crashes or hangs)
    return LiveRelease(deployment.release, has_served, was_complete, is_at_fault)


def serving_pods(deployment: Fact, pods: Iterable[PodFact] | None = None) -> Pods:
    """Return what answers: by the Deployment's own count, or by its `pods` while they are of several versions.

    Of two versions with ready pods, the one with more of them is named; of equals, the new one.
    """
    assert deployment.rollout
    wanted, ready = deployment.rollout.wanted, deployment.rollout.available
    if pods is None:
        return Pods(deployment.version if ready else "", ready, wanted)
    versions = [pod.version for pod in pods if pod.is_ready]
    most = max(versions, key=lambda item: (versions.count(item), item == deployment.version), default="")
    return Pods(most, len(versions), wanted)
