"""The facts of a cluster's objects as the watches and the watcher's own calls have last seen them. Thread-safe."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from watcher.core.naming import instance_label
from watcher.core.signed_files import Signing
from watcher.core.types import ModelId, ObjectKey, Observed
from watcher.runtimes.kubernetes.facts import Fact, PodFact
from watcher.runtimes.kubernetes.objects import POD
from watcher.runtimes.kubernetes.observing import IsDue, Observer

MAX_DELETED = 10_000
"""Deletions that are remembered. An event or an answer is late by milliseconds, and not by as many deletions."""


class ClusterCache:
    """Facts by model. An older revision never replaces a newer one, whichever of two sources comes first.

    `Observed` is computed when it is asked for, and kept until something of the model changes.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer, self._lock = observer, threading.Lock()
        self._facts: dict[ModelId, dict[ObjectKey, Fact]] = {}
        self._pods: dict[ModelId, dict[ObjectKey, PodFact]] = {}
        self._observed: dict[ModelId, Observed] = {}
        self._places: dict[tuple[str, ObjectKey], ModelId] = {}
        """The model of each object by its namespace and key: a person may edit the label that names the model."""
        self._deleted: dict[tuple[str, ObjectKey], str] = {}
        """The revisions at which the last objects were deleted: what is older and comes later is out of date."""

    def put(self, *facts: Fact | PodFact) -> set[ModelId]:
        """Store facts that are newer than those stored. Return the models that they change."""
        with self._lock:
            return {model for fact in facts for model in self._put(fact)}

    def drop(self, fact: Fact | PodFact) -> set[ModelId]:
        """Forget a deleted object, unless another one has its name by now. Return the model that this changes."""
        with self._lock:
            stored = self._stored(fact.namespace, fact.key)
            if stored and (stored.uid != fact.uid and is_newer(stored.revision, fact.revision)):
                return set()
            self._note_deleted(fact.namespace, fact.key, fact.revision)
            return self._remove(stored) if stored else set()

    def replace(self, kind: str, namespace: str, facts: Iterable[Fact | PodFact], revision: str) -> set[ModelId]:
        """Store a complete list of a kind in a namespace ("": in all), as of a revision. Return the models it changes.

        What is stored and not in the list is gone, unless it is newer than the list.
        """
        listed = {(fact.namespace, fact.key): fact for fact in facts}
        with self._lock:
            stored = [
                fact
                for model, found in self._table(kind).items()
                if namespace in ("", model.namespace)
                for key, fact in found.items()
                if key.kind == kind
            ]
            gone = [
                fact
                for fact in stored
                if (fact.namespace, fact.key) not in listed and not is_newer(fact.revision, revision)
            ]
            for fact in gone:
                self._note_deleted(fact.namespace, fact.key, revision)
            changed = [self._remove(fact) for fact in gone] + [self._put(fact) for fact in listed.values()]
            return set().union(*changed)

    def replace_model(self, model: ModelId, facts: Iterable[Fact]) -> None:
        """Store what a read of all objects of one model has found."""
        found = {fact.key: fact for fact in facts}
        with self._lock:
            gone = [fact for key, fact in self._facts.get(model, {}).items() if key not in found]
            for fact in gone:
                self._remove(fact)
            for fact in found.values():
                self._put(fact)

    def remove(self, model: ModelId, key: ObjectKey) -> None:
        """Forget an object that the watcher has deleted."""
        with self._lock:
            if stored := self._stored(model.namespace, key):
                self._remove(stored)

    def get(self, model: ModelId, is_due: IsDue) -> Observed | None:
        """Return what is to see of a model by its objects with our owner labels; None if there are none."""
        with self._lock:
            return self._get(model, is_due)

    def all(self, namespace: str, is_due: IsDue) -> dict[ModelId, Observed]:
        """Return every model of this watcher in a namespace; in all namespaces if it is empty."""
        with self._lock:
            models = [model for model in self._facts if namespace in ("", model.namespace)]
            found = {model: self._get(model, is_due) for model in models}
            return {model: item for model, item in found.items() if item}

    def _get(self, model: ModelId, is_due: IsDue) -> Observed | None:
        found = self._without_time(model)
        if found is None or found.renew:
            return found
        signings = [fact.signing for fact in self._facts[model].values() if fact.signing and self._is_ours(fact)]
        return replace(found, renew=True) if any(map(is_due, signings)) else found

    def _without_time(self, model: ModelId) -> Observed | None:
        """Return what is to see of a model, but for what depends on the time: whether its URLs are due."""
        if model in self._observed:
            return self._observed[model]
        facts = [fact for fact in self._facts.get(model, {}).values() if self._is_ours(fact)]
        if not facts:
            return None
        found = self._observer.observed(model, facts, lambda track: self._pods_of(model, track), never, look=True)
        if not found.objects:
            return None
        self._observed[model] = found
        return found

    def _is_ours(self, fact: Fact) -> bool:
        return fact.owner in self._observer.labels and not fact.is_copy

    def _pods_of(self, model: ModelId, track: str) -> list[PodFact]:
        instance = instance_label(model, track)
        return [pod for pod in self._pods.get(model, {}).values() if pod.instance == instance]

    def _put(self, fact: Fact | PodFact) -> set[ModelId]:
        place = (fact.namespace, fact.key)
        stored, deleted = self._stored(*place), self._deleted.get(place, "")
        if stored == fact or is_newer(stored.revision if stored else deleted, fact.revision):
            return set()
        self._deleted.pop(place, None)
        changed = self._remove(stored) if stored and stored.model != fact.model else set()
        self._table(fact.key.kind).setdefault(fact.model, {})[fact.key] = fact
        self._places[place] = fact.model
        self._observed.pop(fact.model, None)
        return changed | {fact.model}

    def _remove(self, fact: Fact | PodFact) -> set[ModelId]:
        table = self._table(fact.key.kind)
        del table[fact.model][fact.key], self._places[fact.namespace, fact.key]
        if not table[fact.model]:
            del table[fact.model]
        self._observed.pop(fact.model, None)
        return {fact.model}

    def _note_deleted(self, namespace: str, key: ObjectKey, revision: str) -> None:
        self._deleted.pop((namespace, key), None)
        self._deleted[namespace, key] = revision
        while len(self._deleted) > MAX_DELETED:
            del self._deleted[next(iter(self._deleted))]

    def _stored(self, namespace: str, key: ObjectKey) -> Fact | PodFact | None:
        model = self._places.get((namespace, key))
        return self._table(key.kind)[model][key] if model else None

    def _table(self, kind: str) -> dict[ModelId, dict[ObjectKey, Any]]:
        return self._pods if kind == POD else self._facts


def never(_: Signing) -> bool:
    """Return False: nothing is due."""
    return False


def is_newer(one: str, other: str) -> bool:
    """Return whether one revision of the API server's objects is later than another.

    They are counted by etcd for all objects together. Where they are something else, nothing is known to be newer.
    """
    return one.isdigit() and other.isdigit() and int(one) > int(other)
