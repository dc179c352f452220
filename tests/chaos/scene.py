"""One test's bucket, namespace, proxies and watchers, and what is asked of them again and again."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.integration.driving import Cluster, Uploads, Watcher, eventually
from tests.integration.kubernetes_setup import Setup
from watcher.core.signed_files import ENTRY_NAME
from watcher.core.types import FINGERPRINT, RELEASE

from .forks import Nursery
from .meddler import meddling

Objects = dict[tuple[str, str], Any]

DIGEST = re.compile(rf'(?<="{FINGERPRINT}": ")\w+|(?<="{RELEASE}": ")\w+|{ENTRY_NAME.pattern}')
"""What is computed of names that differ in every test."""


class Scene(Setup):
    """A set-up whose watchers reach both servers through the proxies `api` and `store`."""

    def __init__(
        self,
        uploads: Uploads,
        cluster: Cluster,
        minio: Any,
        control_plane: Any,
        nursery: Nursery,
        folder: Path,
        stack: ExitStack,
    ) -> None:
        super().__init__(uploads, cluster, minio, control_plane, folder, launch=nursery.watcher)
        there = json.loads(self.kubeconfig.read_text())["clusters"][0]["cluster"]
        self.api = stack.enter_context(meddling(there["server"], there["certificate-authority"]))
        self.store = stack.enter_context(meddling(minio.url))
        self.folder = folder
        self.through_proxies = folder / "kubeconfig"
        self.through_proxies.write_text(json.dumps(self._kubeconfig()))

    def _kubeconfig(self) -> dict[str, Any]:
        found = json.loads(self.kubeconfig.read_text())
        found["clusters"][0]["cluster"] = {"server": self.api.url}
        return found

    def watcher(self, *arguments: str, **env: str) -> Watcher:
        proxies = ("--kubeconfig", str(self.through_proxies), "--s3-endpoint", self.store.address)
        return super().watcher(*proxies, *arguments, **env)

    def process(self, *arguments: str, **env: str) -> Watcher:
        """Return a watcher that is started as a program, with `env` from its first instruction."""
        own = copy.copy(self)
        own._launch = Watcher
        return own.watcher(*arguments, **env)

    def kinds(self, model: str) -> set[str]:
        """Return the kinds of the objects that a model has."""
        return {kind for kind, name in self.cluster.objects() if name == f"{model}-model-serving"}

    def is_up(self, model: str) -> bool:
        """Return whether a model has its objects."""
        return {"Deployment", "Service", "HPA"} <= self.kinds(model)

    def etag(self, model: str) -> str:
        """Return the digest of the file that the pods of a model load."""
        return self.cluster.deployment(model).spec.template.metadata.annotations["kubeserve.io/etag"]

    def comparable(self) -> Objects:
        """Return the objects without what differs between two namespaces, and whether the living Deployment owns them.

        The digests are left out, since they cover the namespace's name.
        """
        objects = self.cluster.objects()
        living = {name: item.metadata.uid for (kind, name), item in objects.items() if kind == "Deployment"}
        found = {}
        for (kind, name), item in self.cluster.contents().items():
            owners = [owner.uid for owner in objects[kind, name].metadata.owner_references or ()]
            item["owned"] = kind == "Deployment" or owners == [living.get(name)]
            text = json.dumps(item, sort_keys=True).replace(self.cluster.namespace, "NAMESPACE")
            found[kind, name] = json.loads(DIGEST.sub("DIGEST", text.replace(self.uploads.bucket, "BUCKET")))
        return found

    def identities(self) -> dict[tuple[str, str], tuple[str, int | None]]:
        """Return the UID and the generation of each object: what is deleted, made anew or written changes it."""
        return {key: (item.metadata.uid, item.metadata.generation) for key, item in self.cluster.objects().items()}


def surveys(watcher: Watcher, result: str = "ok") -> int:
    """Return how many surveys ended with this result."""
    text = watcher.get("/metrics").data.decode()
    found = re.search(rf'kubeserve_watcher_passes_total{{result="{result}"}} (\S+)', text)
    return int(float(found[1])) if found else 0


def after_surveys(watcher: Watcher, count: int, result: str = "ok") -> None:
    """Wait for this many more surveys."""
    goal = surveys(watcher, result) + count
    eventually(lambda: surveys(watcher, result) >= goal)


def source(watcher: Watcher, name: str) -> dict[str, Any]:
    """Return the health of a source of hints."""
    return {item["name"]: item for item in watcher.status()["sources"]}[name]


def seconds_until(look: Callable[[], Any], now: Callable[[], float]) -> float:
    """Return after how many seconds `look` is true."""
    began = now()
    eventually(look)
    return now() - began
