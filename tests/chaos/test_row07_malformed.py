"""Row 7: malformed keys and events among good ones: nothing crashes, nothing is made from them, the good ones go on."""

from __future__ import annotations

import json
import random
import statistics
import time

import urllib3
from minio.error import MinioException

from tests.integration.driving import Watcher, eventually

from .rows import amount, record
from .scene import Scene, after_surveys

TOKEN = "token"
PARTS = (
    *("", ".", "..", "team", "Team", "te am", "тим", "kube-system", "a" * 64, "%2e%2e", "${x}", "a\u202eb", "-a", "a-"),
    *("v1", "V1", "v1.0+x", "latest", "\t", "a\\b", "'; --", "model.joblib", "model.pkl", "MODEL.JOBLIB"),
    *("values.yaml", "values.yml", "requirements.txt", "_status.json", "_x", "*", "~", "\x7f"),
)
BODIES = (
    *(b"", b"{", b"[]", b"null", b'"Records"', b"[" * 5000, b"\xff\xfe\x00", b'{"Records": 1}', b'{"Records": [1]}'),
    *(b'{"Records": [{"s3": null}]}', b'{"Records": [{"s3": {"bucket": {}, "object": []}}]}', b"NaN", b"0" * 100_000),
)


def malformed_key(dice: random.Random, namespace: str) -> str:
    """Return a key that is no model's: it has the wrong depth, or a part that no name may have."""
    parts = dice.choices(PARTS, k=dice.randint(1, 6))
    if dice.random() < 0.5:
        parts = [namespace, *parts]
    if dice.random() < 0.5:
        parts = [*parts[:3], "bad name", "model.joblib"]
    return "/".join(parts)


def malformed_event(dice: random.Random, bucket: str, namespace: str) -> bytes:
    if dice.random() < 0.3:
        return dice.choice(BODIES)
    key = dice.choice((malformed_key(dice, namespace), 7, None, {"a": []}))
    document = {"Records": [{"s3": {"bucket": {"name": dice.choice((bucket, "other"))}, "object": {"key": key}}}]}
    return json.dumps(document).encode()[: dice.choice((None, None, None, 30))]


def test_malformed_keys_and_events_disturb_nothing(scene: Scene) -> None:
    dice, count = random.Random(7), amount(300, 10_000)
    namespace = scene.cluster.namespace
    with scene.watcher("--no-listen-stream", KUBESERVE_WEBHOOK_TOKEN=TOKEN) as watcher:
        after_surveys(watcher, 1)
        alone = [good_one(scene, watcher, f"alone{number}") for number in range(amount(3, 20))]
        refused_keys, among = 0, list[float]()
        for number in range(count):
            notify(watcher, malformed_event(dice, scene.uploads.bucket, namespace))
            try:
                scene.uploads.put(malformed_key(dice, namespace))
            except (MinioException, ValueError, urllib3.exceptions.HTTPError):
                refused_keys += 1  # the store itself, or its client, has limits
            if number % (count // len(alone)) == 0:
                among.append(good_one(scene, watcher, f"among{number}"))
        after_surveys(watcher, 2)
        good = len(alone) + len(among)
        models = {item["model"] for item in watcher.status()["models"]}
        deployments = scene.cluster.apps.list_deployment_for_all_namespaces(label_selector=owned_by(scene)).items
    assert len(models) == len(deployments) == good, sorted(models)
    assert refused_keys < count / 2
    times = [f"{statistics.median(each) * 1000:.0f} ms" for each in (alone, among)]
    record(7, "malformed", f"{count:,} events and {count - refused_keys:,} keys: no crash, no object of them")
    record(7, "a good upload", f"applied after {times[1]} at the median among them, {times[0]} without them")


def good_one(scene: Scene, watcher: Watcher, name: str) -> float:
    """Upload a model and send its event; return after how many seconds it is applied."""
    key = f"{scene.cluster.namespace}/{name}/v1/model.joblib"
    scene.uploads.put(key)
    began = time.monotonic()
    notify(watcher, json.dumps(event(scene.uploads.bucket, key)).encode())
    eventually(lambda: scene.cluster.version(name))
    return time.monotonic() - began


def event(bucket: str, key: str) -> dict[str, object]:
    return {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}


def notify(watcher: Watcher, body: bytes) -> None:
    """Send an event. Whatever it is, the answer is no error of the server."""
    url = f"http://127.0.0.1:{watcher.port}/events"
    answer = urllib3.request("POST", url, body=body, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
    assert answer.status < 500, (body, answer.status)


def owned_by(scene: Scene) -> str:
    """Return the selector of all objects of this watcher, wherever they are."""
    labels = scene.cluster.apps.list_namespaced_deployment(scene.cluster.namespace).items[0].metadata.labels
    return f"kubeserve.io/owner={labels['kubeserve.io/owner']}"
