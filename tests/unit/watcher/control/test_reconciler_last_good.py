"""Which release the reconciler runs after one has failed by its own fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.unit.watcher.control.reconciled import A, World
from watcher.core.last_good import CURRENT, FAILURES, YOUNG_SECONDS, memory_of
from watcher.core.render import digest_of
from watcher.core.types import (
    ETAG,
    FINGERPRINT,
    RELEASE,
    VERSION,
    Change,
    LiveRelease,
    Manifest,
    ModelId,
    ObjectKey,
    Observation,
    Observed,
    Pods,
    Release,
    State,
)

DEPLOYMENT = ObjectKey("Deployment", "a")


class Cluster(World):
    """A runtime that keeps annotations. Releases whose version or `server` is in `broken` fail by their own fault."""

    def __init__(self) -> None:
        self.annotations: Mapping[str, str] = {}
        self.broken, self.foreign_trouble = set[str](), set[str]()
        self.served = set[str]()
        self.crashes = self.is_restarted = False
        self.image = "image 1"
        self.applied = list[str]()
        super().__init__("a")

    def render(self, release: Release) -> list[Manifest]:
        server = str(dict(release.overrides.get("server") or {}))
        pods = [f"{release.version.version} by {self.image}", release.version.artifact.etag, server]
        own = {
            ETAG: release.version.artifact.etag,
            RELEASE: digest_of(pods),
            VERSION: release.version.version,
            FINGERPRINT: digest_of(pods),
            "pods": str(pods),
        }
        scaling = {FINGERPRINT: digest_of(release.overrides.get("autoscaling"))}
        name = release.model.name
        return [
            {"kind": "Deployment", "metadata": {"name": name, "annotations": own}},
            {"kind": "HPA", "metadata": {"name": name, "annotations": scaling}},
        ]

    def apply(self, change: Change) -> dict[ObjectKey, str]:
        for item in change.writes:
            if item["kind"] == "Deployment":
                self.annotations = item["metadata"]["annotations"]
                self.applied.append(self.annotations[VERSION])
        return super().apply(change)

    def observe(self, model: ModelId | None = None) -> Observation:
        return Observation({key: self.observed_of(item) for key, item in super().observe(model).models.items()})

    def observed_of(self, found: Observed) -> Observed:
        digest, version, pods = (self.annotations[key] for key in (RELEASE, VERSION, "pods"))
        fails = any(word in pods for word in self.broken)
        waits = any(word in pods for word in self.foreign_trouble)
        has_served = digest in self.served and not self.is_restarted
        if not fails and not waits:
            self.served.add(digest)
        serving = "v1" if self.served else ""
        state = State.FAILED if fails or waits or self.crashes else State.READY
        return replace(
            found,
            version=version,
            etag=self.annotations[ETAG],
            state=state,
            reason="it does not load" if state is State.FAILED else "",
            pods=Pods(serving if state is State.FAILED else version, 1, 1),
            live=LiveRelease(digest, has_served or state is State.READY, has_served, fails or self.crashes),
            memory=memory_of(self.annotations, found.model),
        )

    @property
    def version(self) -> str:
        return self.annotations[VERSION]

    def shown(self) -> tuple[str, str, str, str]:
        status = self.board.get(A)
        assert status
        return status.state, status.version, status.about, status.reason


def with_v1_ready() -> Cluster:
    cluster = Cluster()
    cluster.look()
    assert cluster.shown() == ("Ready", "v1", "", "")
    return cluster


def upload_broken(cluster: Cluster, version: str, data: bytes = b"x") -> None:
    cluster.broken.add(version)
    cluster.put(f"a/{version}/model.joblib", data)
    cluster.look()
    cluster.look()


def test_version_that_fails_is_replaced_by_the_one_before_and_shown_failed() -> None:
    cluster = with_v1_ready()
    upload_broken(cluster, "v2")
    assert cluster.applied == ["v1", "v2", "v1"]
    assert cluster.shown() == ("Failed", "v2", "", "it does not load; v1 keeps serving")
    assert cluster.versions("a") == {"v2": "Failed", "v1": "Ready"}
    assert [(step.state, step.version) for step in cluster.board.steps(2)] == [("Failed", "v2"), ("Applied", "v2")]
    for _ in range(3):
        cluster.look(seconds=60)
    assert cluster.applied == ["v1", "v2", "v1"]
    assert cluster.reconciler.survey().stale == frozenset()


def test_restart_of_the_watcher_forgets_no_failure() -> None:
    cluster = with_v1_ready()
    upload_broken(cluster, "v2")
    cluster.restart()
    cluster.look()
    cluster.look()
    assert cluster.applied == ["v1", "v2", "v1"]
    assert cluster.shown() == ("Failed", "v2", "", "it does not load; v1 keeps serving")


def test_failure_that_is_seen_first_after_a_restart_is_replaced() -> None:
    cluster = with_v1_ready()
    cluster.broken.add("v2")
    cluster.put("a/v2/model.joblib")
    cluster.look()
    cluster.restart()
    cluster.look()
    cluster.look()
    assert (cluster.applied, cluster.shown()[0]) == (["v1", "v2", "v1"], "Failed")


def test_canary_that_failed_as_the_version_that_serves_is_not_started() -> None:
    cluster = with_v1_ready()
    cluster.base = {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}}
    cluster.restart()
    upload_broken(cluster, "v2")
    cluster.put("a/values.yaml", b"canary: {version: v2, weight: 10, promote: auto}")
    cluster.look()
    cluster.look()
    state, version, _, reason = cluster.shown()
    assert (state, version) == ("Ready", "v1")
    assert reason == (
        "canary v2 is not started, because it failed before: it does not load; upload other bytes or values, or delete "
        "the version and upload it again"
    )
    cluster.put("a/v2/model.joblib", b"other bytes")
    cluster.look()
    cluster.look()
    assert cluster.shown()[::3] == ("Progressing", "canary v2 is starting")


def test_other_bytes_of_a_failed_version_are_tried() -> None:
    cluster = with_v1_ready()
    upload_broken(cluster, "v2")
    cluster.broken.clear()
    cluster.put("a/v2/model.joblib", b"mended")
    cluster.look()
    cluster.look()
    assert cluster.shown() == ("Ready", "v2", "", "")


def test_two_bad_versions_in_a_row_end_at_the_last_good_one() -> None:
    cluster = with_v1_ready()
    upload_broken(cluster, "v2")
    upload_broken(cluster, "v3")
    assert cluster.applied == ["v1", "v2", "v1", "v3", "v1"]
    assert cluster.shown()[1] == "v3"
    cluster.files.pop("team/a/v3/model.joblib")
    cluster.look()
    cluster.look()
    assert (cluster.applied[-1], len(cluster.applied)) == ("v1", 6)  # only to forget the failure of v3
    assert cluster.shown()[1] == "v2"


def test_failed_version_that_is_deleted_and_uploaded_again_is_tried_again() -> None:
    cluster = with_v1_ready()
    upload_broken(cluster, "v2")
    cluster.files.pop("team/a/v2/model.joblib")
    cluster.look()
    assert cluster.shown() == ("Ready", "v1", "", "")
    upload_broken(cluster, "v2")
    assert cluster.applied[-2:] == ["v2", "v1"]


def test_failure_that_a_person_removes_from_the_annotations_is_tried_again() -> None:
    cluster = with_v1_ready()
    upload_broken(cluster, "v2")
    cluster.annotations = {key: text for key, text in cluster.annotations.items() if key != "kubeserve.io/failed"}
    cluster.digests[A, DEPLOYMENT] = "edited"
    cluster.broken.clear()
    cluster.look()
    cluster.look()
    assert cluster.shown() == ("Ready", "v2", "", "")


def test_overwritten_bytes_that_fail_bring_back_the_template_of_the_earlier_ones() -> None:
    cluster = with_v1_ready()
    before = cluster.objects[A][DEPLOYMENT]
    cluster.broken.add("broken")
    cluster.put("a/v1/model.joblib", b"broken")
    cluster.look()
    cluster.look()
    assert cluster.objects[A][DEPLOYMENT] == before
    assert cluster.shown() == ("Failed", "v1", "", "it does not load; v1 keeps serving with its earlier files")


def test_values_that_fail_are_replaced_and_the_number_of_pods_stays_as_wanted() -> None:
    cluster = with_v1_ready()
    before = dict(cluster.objects[A])
    cluster.broken.add("0.5")
    cluster.put("a/values.yaml", b"server: {deadline: 0.5}\nautoscaling: {maxReplicas: 9}")
    cluster.look()
    cluster.look()
    assert cluster.objects[A][DEPLOYMENT] == before[DEPLOYMENT]
    assert cluster.objects[A][ObjectKey("HPA", "a")] == digest_of({"maxReplicas": 9})
    assert cluster.shown()[0] == "Failed"


def test_first_version_that_fails_stays_and_a_lower_one_takes_its_place() -> None:
    cluster = with_v1_ready()
    cluster.served.clear()
    cluster.broken.add("v1")
    cluster.look()
    assert (cluster.applied, cluster.shown()) == (["v1", "v1"], ("Failed", "v1", "", "it does not load"))
    assert cluster.reconciler.survey().stale == frozenset()
    cluster.put("a/v0/model.joblib")
    cluster.look()
    cluster.look()
    assert (cluster.version, cluster.shown()[1]) == ("v0", "v1")


def test_failure_that_is_not_the_versions_own_changes_nothing() -> None:
    cluster = with_v1_ready()
    cluster.foreign_trouble.add("v2")
    cluster.put("a/v2/model.joblib")
    for _ in range(3):
        cluster.look()
    assert (cluster.applied, cluster.shown()) == (["v1", "v2"], ("Failed", "v2", "", "it does not load"))


def test_version_that_crashes_while_it_is_young_is_replaced_and_an_old_one_is_not() -> None:
    cluster = with_v1_ready()
    cluster.put("a/v2/model.joblib")
    cluster.look()
    cluster.look()
    assert cluster.shown()[0] == "Ready"
    cluster.look(seconds=YOUNG_SECONDS + 1)
    cluster.crashes = True
    cluster.look()
    assert cluster.shown() == ("Failed", "v2", "", "it does not load")
    cluster.crashes = False
    cluster.put("a/v3/model.joblib")
    cluster.look()
    cluster.look()
    cluster.crashes = True
    cluster.look(seconds=YOUNG_SECONDS - 1)
    assert cluster.version == "v2"


def test_version_that_crashes_after_a_restart_of_the_watcher_is_old() -> None:
    cluster = with_v1_ready()
    cluster.put("a/v2/model.joblib")
    cluster.look()
    cluster.look()
    cluster.restart()
    cluster.look()
    cluster.crashes = True
    cluster.look()
    cluster.look()
    assert cluster.version == "v2"


def test_version_that_crashes_while_a_person_restarts_its_pods_is_as_old_as_before() -> None:
    cluster = with_v1_ready()
    cluster.put("a/v2/model.joblib")
    cluster.look()
    cluster.look()
    cluster.look(seconds=YOUNG_SECONDS + 1)
    cluster.crashes = cluster.is_restarted = True  # no rollout is complete, no pod ready
    cluster.look()
    cluster.look()
    assert cluster.shown() == ("Failed", "v2", "", "it does not load")
    assert cluster.applied == ["v1", "v2"]


@pytest.mark.parametrize("is_remembered", [True, False])
def test_image_that_a_version_cannot_take_brings_no_lower_version(is_remembered: bool) -> None:
    """The earlier pods of the version serve: a lower one that is ready would take their place."""
    cluster = with_v1_ready()
    cluster.put("a/v0/model.joblib")
    cluster.look()
    if not is_remembered:  # an earlier watcher has written it
        cluster.annotations = {key: text for key, text in cluster.annotations.items() if key != CURRENT}
    cluster.image = "image 2"
    cluster.broken.add("v1 by image 2")
    cluster.restart()
    for _ in range(4):
        cluster.look(seconds=60)
    assert cluster.applied[:2] == ["v1", "v1"]
    assert "v0" not in cluster.applied
    assert cluster.shown() == ("Failed", "v1", "", "it does not load")
    assert cluster.reconciler.survey().stale == frozenset()
    cluster.image = "image 3"
    cluster.restart()
    cluster.look()
    cluster.look()
    assert cluster.shown() == ("Ready", "v1", "", "")


def test_versions_that_all_fail_are_tried_once_each_until_none_can_be_remembered() -> None:
    names = [f"v{number}" for number in range(1, FAILURES + 4)]
    cluster = Cluster()
    cluster.broken.add("by image 1")
    for name in names:
        cluster.put(f"a/{name}/model.joblib")
    for _ in range(3 * len(names)):
        cluster.look(seconds=60)
    tried = names[-FAILURES:][::-1]
    assert cluster.applied == ["v1", *tried, names[-1]]
    assert cluster.shown()[:2] == ("Failed", names[-1])


def test_failed_version_leaves_the_spec_also_while_the_bucket_asks_for_an_impossible_one() -> None:
    cluster = with_v1_ready()
    cluster.broken.add("v2")
    cluster.put("a/v2/model.joblib")
    cluster.look()
    cluster.put("a/v3/model.joblib", b"")
    cluster.look()
    cluster.look()
    assert cluster.applied == ["v1", "v2", "v1"]
    assert cluster.shown() == ("Rejected", "v1", "v3", "team/a/v3/model.joblib is empty: upload it again")


def test_pin_and_pause_of_a_failed_version() -> None:
    cluster = with_v1_ready()
    upload_broken(cluster, "v2")
    cluster.put("a/values.yaml", b'version: "v1"')
    cluster.look()
    cluster.look()
    assert cluster.shown() == ("Ready", "v1", "", "")
    cluster.put("a/values.yaml", b"paused: true")
    cluster.look()
    assert (cluster.shown()[0], cluster.version) == ("Paused", "v1")
    cluster.put("a/values.yaml", b"{}")
    cluster.look()
    cluster.look()
    assert cluster.applied == ["v1", "v2", "v1"]
    assert cluster.shown()[:2] == ("Failed", "v2")


def test_paused_model_that_fails_is_left_alone() -> None:
    cluster = with_v1_ready()
    cluster.broken.add("v2")
    cluster.put("a/v2/model.joblib")
    cluster.look()
    cluster.put("a/values.yaml", b"paused: true")
    cluster.look()
    assert cluster.reconciler.survey().stale == frozenset()
    assert cluster.applied == ["v1", "v2"]
