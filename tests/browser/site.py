"""A real watcher with real servers on this machine, and models in every state that people ask about."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import urllib3
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier

from dev import sample
from dev.processes import free_port
from tests.integration.driving import Watcher, dumped, eventually, model

HOSTILE = "<img src=x onerror=document.title=1>"
"""Markup that shows in the title if it ever becomes an element."""
ESCAPE = "\x1b[31m\x07"
"""What a terminal would obey."""


class Site:
    """A watcher of a folder."""

    def __init__(self, folder: Path) -> None:
        self.bucket, self.port = folder / "kubeserve-models", free_port()
        self._folder = folder
        self.bucket.mkdir()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def watcher(self, *arguments: str) -> Watcher:
        """Return the watcher, which its `with` starts; a second one takes the address of the first."""
        store, state = f"folder:{self.bucket}", str(self._folder / "state")
        fixed = ("--runtime", "local", "--store", store, "--state-dir", state, "--traffic-interval", "1")
        return Watcher(self._folder / "watcher.log", *fixed, *arguments, port=self.port)

    def put(self, key: str, data: bytes) -> None:
        (self.bucket / key).parent.mkdir(parents=True, exist_ok=True)
        (self.bucket / key).write_bytes(data)

    def delete(self, key: str) -> None:
        (self.bucket / key).unlink()


def wine() -> RandomForestClassifier:
    """Return a model of four named columns and three labels."""
    data, target = load_wine(as_frame=True, return_X_y=True)
    columns = data[["alcohol", "color_intensity", "flavanoids", "hue"]]
    return RandomForestClassifier(20, random_state=0).fit(
        columns, np.array(["barolo", "grignolino", "barbera"])[target]
    )


def fill(site: Site, watcher: Watcher) -> None:
    """Upload models that serve, one whose new version fails, one that is rejected, and keys that are refused."""
    site.put("demo/iris/v1/model.joblib", sample.first())
    site.put("shop/churn/2026-10/model.joblib", model("stays"))
    site.put("shop/wine/1.4.0/model.joblib", dumped(wine()))
    eventually(lambda: all(watcher.state(name) == "Ready" for name in ("iris", "churn", "wine")))
    site.put("demo/iris/v2/model.joblib", sample.first())
    site.put("shop/churn/2026-11/model.joblib", b"this is not a model")
    site.put("risk/scores/v7/model.joblib", model("one"))
    site.put("risk/scores/values.yaml", b"replicas: 3\n")
    site.put("demo/digits/v1/model.pkl", b"")
    eventually(lambda: watcher.model("iris")["serving"] == "v2" and watcher.state("churn") == "Failed")
    eventually(lambda: watcher.status()["refused"])


@contextmanager
def visitors(features: dict[str, int]) -> Iterator[None]:
    """Send a row of so many features to each URL, more often at some times than at others, until the end."""
    done = threading.Event()

    def visit(url: str, width: int) -> None:
        http, body = urllib3.PoolManager(retries=False), json.dumps({"data": [[1.0] * width]}).encode()
        busy = random.uniform(0.5, 1.5)
        while not done.wait(random.expovariate(20 * busy)):
            busy = min(max(busy + random.uniform(-0.1, 0.1), 0.2), 2)
            with suppress(urllib3.exceptions.HTTPError):
                http.request("POST", f"{url}/predict", body=body, headers={"Content-Type": "application/json"})

    visits = ((url.rstrip("/"), width) for url, width in features.items())
    threads = [threading.Thread(target=visit, args=each, daemon=True) for each in visits]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
