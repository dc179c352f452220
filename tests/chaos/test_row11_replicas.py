"""Row 11: what the autoscaler decided stays, however often the objects are applied again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import urllib3
from kubernetes import client, config, watch

from tests.integration.driving import eventually

from .rows import amount, record
from .scene import Scene, after_surveys

DECIDED = 7
ON, OFF = b"autoscaling: {maxReplicas: 10}", b"autoscaling: {enabled: false}"


@contextmanager
def every_count(scene: Scene, model: str) -> Iterator[list[int]]:
    """Yield the replicas of each state that the Deployment has from now on: a watch misses none."""
    seen: list[int] = []
    name = f"metadata.name={model}-model-serving"
    with config.new_client_from_config(str(scene.kubeconfig)) as api:
        apps, stop = client.AppsV1Api(api), watch.Watch()
        since = apps.list_namespaced_deployment(scene.cluster.namespace).metadata.resource_version

        def follow() -> None:
            with suppress(urllib3.exceptions.HTTPError, client.ApiException):
                lister = apps.list_namespaced_deployment
                options = {"field_selector": name, "resource_version": since, "timeout_seconds": 3600}
                events = stop.stream(lister, scene.cluster.namespace, **options)
                for event in events:
                    seen.append(event["object"].spec.replicas)  # noqa: PERF401 - the test looks at it meanwhile

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        yield seen
        # The watch ends with the next event, which is one of this test's own.
        known = len(seen)
        end = {"metadata": {"annotations": {"test": "the end"}}}
        scene.cluster.apps.patch_namespaced_deployment(f"{model}-model-serving", scene.cluster.namespace, end)
        eventually(lambda: len(seen) > known)
        stop.stop()


def test_replicas_that_the_autoscaler_chose_stay_through_re_applies_and_without_it(scene: Scene) -> None:
    uploads = amount(20, 1000)
    with scene.watcher("--resync-interval", "1") as watcher:
        scene.put("a/values.yaml", ON)
        scene.put("a/v1/model.joblib", b"0")
        eventually(lambda: scene.is_up("a"))
        body = {"spec": {"replicas": DECIDED}}
        scene.cluster.apps.patch_namespaced_deployment_scale("a-model-serving", scene.cluster.namespace, body)
        with every_count(scene, "a") as counts:
            for number in range(uploads):
                scene.put("a/v1/model.joblib", b"%d" % number)
                etag = scene.uploads.etag(f"{scene.cluster.namespace}/a/v1/model.joblib")
                eventually(lambda etag=etag: scene.etag("a") == etag)  # type: ignore[misc]
            for _ in range(2):
                scene.put("a/values.yaml", OFF)
                eventually(lambda: "HPA" not in scene.kinds("a"))
                scene.put("a/values.yaml", ON)
                eventually(lambda: "HPA" in scene.kinds("a"))
            after_surveys(watcher, 3)
    assert set(counts) == {DECIDED}
    assert len(counts) > uploads
    record(11, "replicas", f"{len(counts)} states of the Deployment, {DECIDED} in each")
