from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tests.offline_signer import OfflineSigner
from watcher.core.signed_files import FILES, VARIABLE, SignedFile, entry_name
from watcher.core.types import Manifest
from watcher.errors import Rejected
from watcher.runtimes.kubernetes.objects import Objects
from watcher.runtimes.kubernetes.pod_urls import PodUrls

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = json.dumps({"model.joblib": {"key": "team/iris/v1/model.joblib", "etag": "e1"}})
NAME = entry_name(TEXT)
CONFIG_MAP: Manifest = {
    "kind": "ConfigMap",
    "metadata": {"namespace": "team", "name": "iris-model-serving", "uid": "u", "annotations": {FILES: TEXT}},
}


class Written:
    """Objects that keep the last one that is applied."""

    def __init__(self) -> None:
        self.urls = list[str]()

    def apply(self, item: Manifest, manager: str) -> None:
        self.urls = json.loads(item["data"][NAME])["model.joblib"]["urls"]


class LookingUp(OfflineSigner):
    """A signer with a clock. What happens at a look-up is the test's."""

    def __init__(self, look_up: Callable[[], None]) -> None:
        super().__init__()
        self.look_up, self.time = look_up, NOW
        self._now = lambda: self.time

    def looked_up(self, file: SignedFile) -> SignedFile:
        self.look_up()
        return file


def deployment(entry: str, available: int) -> dict[str, Any]:
    """Return a Deployment whose template names an entry, and of whose one pod so many are available."""
    reference = {"name": VARIABLE, "valueFrom": {"configMapKeyRef": {"key": entry}}}
    return {
        "metadata": {"generation": 1},
        "spec": {"replicas": 1, "template": {"spec": {"initContainers": [{"env": [reference]}]}}},
        "status": {"observedGeneration": 1, "updatedReplicas": 1, "replicas": 1, "availableReplicas": available},
    }


def deny() -> None:
    raise Rejected("AccessDenied", "the credentials may not read it")


def test_urls_have_the_time_of_the_store_that_the_look_up_has_shown() -> None:
    def learn() -> None:
        signer.time = NOW + timedelta(hours=2)

    signer, written = LookingUp(learn), Written()
    PodUrls(cast(Objects, written), signer).write(CONFIG_MAP, None, [])
    assert "X-Amz-Date=20260101T020000Z" in written.urls[0]


def test_file_that_pods_have_fetched_is_signed_though_the_store_denies_access_to_what_may_be_gone() -> None:
    written = Written()
    PodUrls(cast(Objects, written), LookingUp(deny)).write(CONFIG_MAP, deployment(NAME, 1), [])
    assert len(written.urls) == 1


@pytest.mark.parametrize("running", [None, deployment("urls-old", 1), deployment(NAME, 0)])
def test_file_that_no_pod_has_fetched_yet_is_rejected_if_the_store_denies_access(running: Manifest | None) -> None:
    written = Written()
    with pytest.raises(Rejected, match="may not read"):
        PodUrls(cast(Objects, written), LookingUp(deny)).write(CONFIG_MAP, running, [])
    assert written.urls == []
