"""Every metric that the watcher declares changes when the thing happens that it measures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from watcher.metrics import Metrics

from .driving import Uploads, Watcher, eventually, model

Scrape = Mapping[str, frozenset[Any]]
"""The samples of each metric, by its name."""


def declared() -> set[str]:
    return {family.name for metric in Metrics().documented for family in metric.describe()}


def parsed(text: str) -> Scrape:
    return {
        family.name: frozenset(
            (sample.name, tuple(sorted(sample.labels.items())), sample.value) for sample in family.samples
        )
        for family in text_string_to_metric_families(text)
    }


def unchanged(scrapes: list[Scrape]) -> set[str]:
    """Return the declared metrics that had the same samples in every scrape."""
    return {name for name in declared() if len({scrape.get(name) for scrape in scrapes}) == 1}


@contextmanager
def scraping(get: Callable[[], str]) -> Iterator[list[Scrape]]:
    """Collect scrapes in the background, the first one before the body of the `with`, the last one after it."""
    scrapes, halt = [parsed(get())], threading.Event()

    def collect() -> None:
        while not halt.wait(0.1):
            with suppress(urllib3.exceptions.HTTPError):
                scrapes.append(parsed(get()))

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        yield scrapes
    finally:
        halt.set()
        thread.join()
        scrapes.append(parsed(get()))


def test_watcher_metrics_that_are_declared_all_change_in_use(minio_server: Any, tmp_path: Path) -> None:
    store, name = minio_server.client(), f"late-{tmp_path.name.replace('_', '-')[-20:]}"
    uploads = Uploads(store, name)
    arguments = ("--runtime", "local", "--state-dir", str(tmp_path / "state"), "--no-listen-stream")
    place = ("--s3-endpoint", minio_server.endpoint, "--bucket", name)
    env = {
        "AWS_ACCESS_KEY_ID": minio_server.access_key,
        "AWS_SECRET_ACCESS_KEY": minio_server.secret_key,
        "KUBESERVE_WEBHOOK_TOKEN": "token",
    }
    with (
        Watcher(tmp_path / "watcher.log", *arguments, *place, **env) as watcher,
        scraping(lambda: watcher.get("/metrics").data.decode()) as scrapes,
    ):
        eventually(lambda: any("there is no such bucket" in item["detail"] for item in watcher.status()["sources"]))
        store.make_bucket(name)
        uploads.put("team/iris/v1/model.joblib", model("one"))
        notify(watcher, name, "team/iris/v1/model.joblib")
        eventually(lambda: watcher.state("iris") == "Ready", seconds=120)
        uploads.put("team/iris/v1/model.pkl")  # a refused key
        uploads.put("team/broken/v1/model.joblib")
        uploads.put("team/broken/values.yaml", b"autoscaling: {maxReplicas: many}")
        eventually(lambda: watcher.state("broken") == "Rejected")
        uploads.delete("team/iris/v1/model.joblib")
        eventually(lambda: watcher.state("iris") is None)
    assert unchanged(scrapes) == set()
    (depth,) = scrapes[-1]["kubeserve_watcher_queue_depth"]
    assert depth[-1] == 1  # the retry of the broken model


def notify(watcher: Watcher, bucket: str, key: str) -> None:
    record = {"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}
    headers = {"Authorization": "Bearer token"}
    url = f"http://127.0.0.1:{watcher.port}/events"
    assert urllib3.request("POST", url, json={"Records": [record]}, headers=headers).status == 200
